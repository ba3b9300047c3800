"""Looking at the product page as a browser would get it, and reading the badges off it."""

import re
from html.parser import HTMLParser
from time import perf_counter

import aiohttp
import attrs

from shelfport.adapters.demo.environment import DemoEnvironment

_AGE = re.compile(r"as of \d+ (s|min|h) ago")


@attrs.define
class SeenBadge:
    """One badge of the page, as it stands there."""

    stock: str
    freshness: str
    text: str = ""
    caveat: str = ""

    @property
    def says_its_age(self) -> bool:
        """Whether the reading is shown as stale, and its age with it."""
        return self.freshness == "stale" and _AGE.fullmatch(self.caveat) is not None

    @property
    def says_nothing_is_known(self) -> bool:
        """Whether it is the badge of a product whose stock nobody knows (R18)."""
        return self.text == "Stock information unavailable" and not self.caveat


@attrs.frozen
class PageSnapshot:
    """What one look at the page saw."""

    status: int
    badges: tuple[SeenBadge, ...]
    seconds: float
    requests: int
    """How many requests the Inventory Service got for it."""

    def fresh(self, freshness: str) -> int:
        """How many badges are `live`, `cached` or `stale`."""
        return sum(badge.freshness == freshness for badge in self.badges)


async def look(session: aiohttp.ClientSession, stage: DemoEnvironment) -> PageSnapshot:
    """Get the page once."""
    before = len(stage.sandbox.journal)
    began = perf_counter()
    async with session.get(f"{stage.url}/") as response:
        text = await response.text()
    seconds = perf_counter() - began
    requests = len(stage.sandbox.journal) - before
    return PageSnapshot(response.status, read_badges(text), seconds, requests)


def read_badges(html: str) -> tuple[SeenBadge, ...]:
    """The badges of a page, in their order."""
    reader = _BadgeReader()
    reader.feed(html)
    reader.close()
    return tuple(reader.badges)


class _BadgeReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.badges: list[SeenBadge] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "span":
            return
        found = dict(attrs)
        self._inside = (found.get("class") or "").split(" ")[0]
        if self._inside == "badge":
            stock, freshness = found.get("data-stock"), found.get("data-freshness")
            self.badges.append(SeenBadge(stock or "", freshness or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "span":
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "badge":
            self.badges[-1].text += data
        elif self._inside == "caveat" and self.badges:
            self.badges[-1].caveat += data
