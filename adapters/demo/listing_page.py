"""The shop's page: products with their badges, live, and the buttons of the demo."""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from shelfport.adapters.demo.products import LONGEST_NAME, Product
from shelfport.adapters.demo.service_control import ServiceState
from shelfport.adapters.ops.badges import Badge, BadgeKind
from shelfport.adapters.ops.templates import fragments_of, templates
from shelfport.domain.model import MAX_QUANTITY

FRAGMENTS: Final = ("service", "products", "lookup")
"""The parts of the page that renew themselves."""

STATES: Final = {
    ServiceState.UP: ("Let it recover", "It answers at once."),
    ServiceState.SLOW: (
        "Make it slow",
        "It takes seconds for an answer. The page waits a moment, then shows the stock last seen.",
    ),
    ServiceState.FLAKY: (
        "Make it flaky",
        "Half of the requests fail. What fails is tried again, within a budget.",
    ),
    ServiceState.DOWN: (
        "Take it down",
        "Every request fails. Badges stay, with their age; then they say that nothing is known.",
    ),
}
"""Each state's button, and what there is to be seen then."""


@attrs.frozen
class Draft:
    """What stands in the form for a new product."""

    name: str = ""
    quantity: str = "0"
    keep: bool = False
    """Whether the product is kept if its record cannot be opened now."""


@attrs.frozen
class Entry:
    """A product as it is shown."""

    product: Product
    badge: Badge

    @property
    def title(self) -> str:
        """The name up to the first comma: what the product is."""
        return self.product.name.partition(", ")[0]

    @property
    def option(self) -> str:
        """What comes after it: which one of them."""
        return self.product.name.partition(", ")[2]

    @property
    def freshness(self) -> str:
        """How the reading was come by, in lower case."""
        return "none" if self.badge.freshness is None else self.badge.freshness.value.lower()

    @property
    def sold_out(self) -> bool:
        """Whether there is nothing to sell."""
        return self.badge.kind in {BadgeKind.OUT_OF_STOCK, BadgeKind.UNAVAILABLE}


@attrs.frozen(kw_only=True)
class Listing:
    """What of the page renews itself."""

    entries: Sequence[Entry]
    seconds: float
    """How long the look-up of the stock took."""
    control: bool = False
    """Whether the page has the buttons that break the Inventory Service."""
    state: ServiceState | None = None
    """How the Inventory Service does, for the buttons' legend."""


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
        """The whole document; `notice` is about what went wrong with the request before."""
        template = self._templates.get_template("shop.html")
        return template.render(v=listing, notice=notice, draft=draft or Draft())

    def fragments(self, listing: Listing) -> Mapping[str, str]:
        """The parts that renew themselves, by the ids of the elements that they fill."""
        return fragments_of(self._templates, "shop_parts.html", FRAGMENTS, listing)
