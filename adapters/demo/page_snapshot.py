"""`fetch_page`: the product page as a browser gets it, with its badges."""

import re
from html.parser import HTMLParser
from time import perf_counter

import aiohttp
import attrs

from shelfport.adapters.demo.environment import DemoEnvironment

_AGE = re.compile(r"as of \d+ (s|min|h) ago")


@attrs.define
class PageBadge:
    """One badge of the page."""

    stock: str
    freshness: str
    text: str = ""
    caveat: str = ""

    @property
    def has_age(self) -> bool:
        """Whether the badge shows a stale reading with its age."""
        return self.freshness == "stale" and _AGE.fullmatch(self.caveat) is not None

    @property
    def is_unavailable(self) -> bool:
        """Whether it is the badge of a product whose stock is unknown."""
        return self.text == "Stock information unavailable" and not self.caveat


@attrs.frozen
class PageSnapshot:
    """The page at one moment."""

    status: int
    badges: tuple[PageBadge, ...]
    seconds: float
    requests: int
    """Requests that the Inventory Service got for the page."""

    def count(self, freshness: str) -> int:
        """How many badges are `live`, `cached` or `stale`."""
        return sum(badge.freshness == freshness for badge in self.badges)


async def fetch_page(session: aiohttp.ClientSession, environment: DemoEnvironment) -> PageSnapshot:
    """Get the page once."""
    before = len(environment.sandbox.journal)
    began = perf_counter()
    async with session.get(f"{environment.url}/") as response:
        text = await response.text()
    seconds = perf_counter() - began
    requests = len(environment.sandbox.journal) - before
    return PageSnapshot(response.status, read_badges(text), seconds, requests)


def read_badges(html: str) -> tuple[PageBadge, ...]:
    """The badges of a page, in order."""
    reader = _BadgeReader()
    reader.feed(html)
    reader.close()
    return tuple(reader.badges)


class _BadgeReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.badges: list[PageBadge] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "span":
            return
        found = dict(attrs)
        self._inside = (found.get("class") or "").split(" ")[0]
        if self._inside == "badge":
            stock, freshness = found.get("data-stock"), found.get("data-freshness")
            self.badges.append(PageBadge(stock or "", freshness or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "span":
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "badge":
            self.badges[-1].text += data
        elif self._inside == "caveat" and self.badges:
            self.badges[-1].caveat += data
