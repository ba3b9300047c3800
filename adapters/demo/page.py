"""The listing page as HTML: templates filled with escaped values, and the headers it needs."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template

import attrs

from shelfport.adapters.demo.badges import Badge
from shelfport.adapters.demo.catalogue import LONGEST_NAME, Product
from shelfport.adapters.demo.control import ServiceState
from shelfport.domain.model import MAX_QUANTITY


@attrs.frozen
class Draft:
    """What stands in the form for a new product."""

    name: str = ""
    quantity: str = "0"


@attrs.frozen(kw_only=True)
class Listing:
    """All that the page shows."""

    entries: list[tuple[Product, Badge]]
    seconds: float
    """How long the look-up of the stock took."""
    notice: str | None = None
    """A sentence about what went wrong with the request before."""
    draft: Draft = attrs.field(factory=Draft)
    control: bool = False
    """Whether the page has the buttons that break the Inventory Service."""
    state: ServiceState | None = None
    """How the Inventory Service does, for the buttons' legend."""


class ListingPage:
    """Renders listings. The style stands inside the page, and the policy names it by its hash."""

    def __init__(self) -> None:
        here = files(__package__)
        self._page = Template(here.joinpath("page.html").read_text("utf-8"))
        self._row = Template(here.joinpath("row.html").read_text("utf-8"))
        self._control = Template(here.joinpath("control.html").read_text("utf-8"))
        self._style = here.joinpath("page.css").read_text("utf-8")
        style_hash = b64encode(sha256(self._style.encode()).digest()).decode()
        self.headers: Mapping[str, str] = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{style_hash}'; form-action 'self'; "
                "base-uri 'none'; frame-ancestors 'none'"
            ),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }

    def render(self, listing: Listing) -> str:
        """The whole document."""
        count = len(listing.entries)
        return self._page.substitute(
            style=self._style,
            notice=_element("p", "notice", listing.notice, ' role="alert"'),
            control=self._buttons(listing),
            longest_name=LONGEST_NAME,
            most_units=MAX_QUANTITY,
            name=escape(listing.draft.name),
            quantity=escape(listing.draft.quantity),
            caption=f"{count} product{'' if count == 1 else 's'}",
            rows="".join(self._line(product, shown) for product, shown in listing.entries),
            milliseconds=f"{listing.seconds * 1000:.0f}",
        )

    def _line(self, product: Product, shown: Badge) -> str:
        return self._row.substitute(
            name=escape(product.name),
            variant_id=escape(str(product.variant_id)),
            kind=shown.kind.value,
            freshness="none" if shown.freshness is None else shown.freshness.value.lower(),
            text=escape(shown.text),
            caveat=_element("span", "caveat", shown.caveat),
        )

    def _buttons(self, listing: Listing) -> str:
        if not listing.control:
            return ""
        state = "misbehaving" if listing.state is None else listing.state.value
        return self._control.substitute(state=escape(state))


def _element(tag: str, css_class: str, text: str | None, attributes: str = "") -> str:
    if text is None:
        return ""
    return f'<{tag} class="{css_class}"{attributes}>{escape(text)}</{tag}>'
