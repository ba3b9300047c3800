"""The shop's page: products with live badges, and the buttons of the demo."""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from shelfport.adapters.demo.products import LONGEST_NAME, Product
from shelfport.adapters.demo.service_control import ServiceState
from shelfport.adapters.ops.badges import Badge, BadgeKind
from shelfport.adapters.ops.templates import fragments_of, templates
from shelfport.domain.model import MAX_QUANTITY

FRAGMENTS: Final = ("service", "products", "lookup")
"""The parts of the page that are updated live."""

STATES: Final = {
    ServiceState.UP: ("Let it recover", "It answers at once."),
    ServiceState.SLOW: (
        "Make it slow",
        "Each answer takes seconds. The page waits a moment, then shows the last known stock.",
    ),
    ServiceState.FLAKY: (
        "Make it flaky",
        "Half of the requests fail. Failed requests are retried within a budget.",
    ),
    ServiceState.DOWN: (
        "Take it down",
        "Every request fails. Badges show the last known stock with its age, then no stock.",
    ),
    ServiceState.REJECTING: (
        "Let it reject new products",
        "It answers, and rejects every new record with a 400. A record that waits to be opened "
        "becomes a dead letter, which an operator retries or drops.",
    ),
}
"""Each state's button and explanation."""


@attrs.frozen
class Draft:
    """The values in the form for a new product."""

    name: str = ""
    quantity: str = "0"
    keep: bool = False
    """Whether the product is created if its record cannot be opened now."""


@attrs.frozen
class Entry:
    """A product on the page."""

    product: Product
    badge: Badge

    @property
    def title(self) -> str:
        """The name up to the first comma: the product."""
        return self.product.name.partition(", ")[0]

    @property
    def option(self) -> str:
        """The name after the first comma: the variant of the product."""
        return self.product.name.partition(", ")[2]

    @property
    def freshness(self) -> str:
        """The freshness of the reading, in lower case."""
        return "none" if self.badge.freshness is None else self.badge.freshness.value.lower()

    @property
    def sold_out(self) -> bool:
        """Whether the product is out of stock or its stock unknown."""
        return self.badge.kind in {BadgeKind.OUT_OF_STOCK, BadgeKind.UNAVAILABLE}


@attrs.frozen(kw_only=True)
class Listing:
    """The values of the parts that are updated live."""

    entries: Sequence[Entry]
    seconds: float
    """Seconds that the lookup of the stock took."""
    control: bool = False
    """Whether the page has the buttons that break the Inventory Service."""
    state: ServiceState | None = None
    """The state of the Inventory Service, for the buttons' legend."""


class ListingPage:
    """Renders listings."""

    def __init__(self, links: Mapping[str, str]) -> None:
        self._templates = templates("shelfport.adapters.demo")
        self._templates.globals.update(
            links=tuple(links.items()),
            states=STATES,
            longest_name=LONGEST_NAME,
            most_units=MAX_QUANTITY,
        )

    def render(
        self, listing: Listing, *, notice: str | None = None, draft: Draft | None = None
    ) -> str:
        """The whole page; `notice` says why the request before it failed."""
        template = self._templates.get_template("shop.html")
        return template.render(v=listing, notice=notice, draft=draft or Draft())

    def fragments(self, listing: Listing) -> Mapping[str, str]:
        """The parts that are updated live, by the ids of the elements that they fill."""
        return fragments_of(self._templates, "shop_parts.html", FRAGMENTS, listing)
