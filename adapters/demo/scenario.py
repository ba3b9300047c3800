"""The scenario of the demo: the Inventory Service fails and recovers, the product page stays up."""

import asyncio
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import Final
from uuid import UUID, uuid4

import aiohttp
import attrs

from shelfport.adapters.demo.environment import DemoEnvironment, Windows, demo_environment
from shelfport.adapters.demo.page_snapshot import PageSnapshot, fetch_page
from shelfport.adapters.demo.scenario_runner import Facts, Step, play
from shelfport.contracts.sandbox import CATALOGUE, Faults

SCENARIO_WINDOWS: Final = Windows(ttl=0.3, stale_while_revalidate=0.3, stale_if_error=2.7)

_TIMEOUT = 10.0
"""Seconds that a step waits for the page to change: far beyond every window, for slow machines."""
_PAUSE = 0.05
_SLOW = 2.0
"""Seconds that a slow Inventory Service takes for an answer: longer than the page's deadline."""
_CROWD = 100
_KNOWN = len(CATALOGUE)

STATUS = "page's status"
LISTED = "products listed"
REQUESTS = "requests to the Inventory Service"
LIVE = "badges live"
STALE = "badges stale, with their age"
IN_STOCK = 'badges "In stock"'
LOW = 'badges "Only n left"'
OUT = 'badges "Out of stock"'
UNAVAILABLE = 'badges "Stock information unavailable"'
ELAPSED = "milliseconds"

_KINDS = {"in-stock": IN_STOCK, "low-stock": LOW, "out-of-stock": OUT}
_AT_START = Counter(
    OUT
    if not variant.available_quantity
    else LOW
    if variant.available_quantity <= variant.low_stock_threshold
    else IN_STOCK
    for variant in CATALOGUE
)
"""Badges of each kind at the start."""


@attrs.frozen
class World:
    """What the steps act on: both services, and a browser's session."""

    environment: DemoEnvironment
    session: aiohttp.ClientSession

    async def fetch(self) -> PageSnapshot:
        """Get the page once."""
        return await fetch_page(self.session, self.environment)

    async def fetch_until(self, condition: Callable[[PageSnapshot], bool]) -> PageSnapshot:
        """Get the page until it meets `condition` or the time is over; return the last page."""
        until = perf_counter() + _TIMEOUT
        page = await self.fetch()
        while not condition(page) and perf_counter() < until:
            await asyncio.sleep(_PAUSE)
            page = await self.fetch()
        return page

    async def out_of_stock_by(self) -> str | None:
        """The source of the reading once the first product is out of stock; None before."""
        async with self.session.get(f"{self.environment.url}/products.json") as response:
            stock = (await response.json())["products"][0]["stock"]
        return stock["source"] if stock.get("status") == "OUT_OF_STOCK" else None


async def _list(world: World) -> Facts:
    page = await world.fetch()
    counts = {kind: sum(b.stock == kind for b in page.badges) for kind in _KINDS}
    return {
        STATUS: page.status,
        LISTED: len(page.badges),
        **{words: counts[kind] for kind, words in _KINDS.items()},
        REQUESTS: page.requests,
        ELAPSED: _milliseconds(page.seconds),
    }


async def _create(world: World) -> Facts:
    sandbox = world.environment.sandbox
    before = len(sandbox.journal)
    correlation_id = uuid4().hex
    began = perf_counter()
    async with world.session.post(
        f"{world.environment.url}/products",
        json={"name": "Summit Head Torch, 400 lumens", "initialQuantity": 12},
        headers={"X-Correlation-ID": correlation_id},
    ) as response:
        await response.read()
    seconds = perf_counter() - began
    posts = [entry for entry in sandbox.journal[before:] if entry.method == "POST"]
    opened = posts[-1] if posts else None
    return {
        "Product Service's status": response.status,
        "POST requests to the Inventory Service": len(posts),
        "Inventory Service's status": None if opened is None else opened.status,
        "the request had an idempotency key": opened is not None
        and _is_uuid(opened.idempotency_key),
        "the request had the caller's correlation id": (
            opened is not None and opened.correlation_id == correlation_id
        ),
        ELAPSED: _milliseconds(seconds),
    }


async def _sell_out(world: World) -> Facts:
    sold = CATALOGUE[0].variant_id
    began = perf_counter()
    world.environment.sandbox.set_stock(sold, 0)
    source = await world.out_of_stock_by()
    while source is None and perf_counter() < began + _TIMEOUT:
        await asyncio.sleep(_PAUSE / 10)
        source = await world.out_of_stock_by()
    seconds = perf_counter() - began
    page = await world.fetch()
    return {
        STATUS: page.status,
        "badge of the sold product": page.badges[0].text,
        "source of the reading": source,
        ELAPSED + " until then": _milliseconds(seconds),
    }


async def _slow_down(world: World) -> Facts:
    world.environment.sandbox.faults = Faults(latency=_SLOW)
    await asyncio.sleep(
        world.environment.windows.ttl + world.environment.windows.stale_while_revalidate
    )
    page = await world.fetch()
    return {
        STATUS: page.status,
        LISTED: len(page.badges),
        STALE: sum(badge.has_age for badge in page.badges),
        "milliseconds that the Inventory Service takes": _milliseconds(_SLOW),
        "the page waited for that long": page.seconds >= _SLOW,
        ELAPSED: _milliseconds(page.seconds),
    }


async def _recover(world: World) -> Facts:
    world.environment.sandbox.faults = Faults()
    page = await world.fetch_until(lambda page: page.count("stale") == 0)
    return {STATUS: page.status, LISTED: len(page.badges), STALE: page.count("stale")}


async def _crowd(world: World) -> Facts:
    before = world.environment.sandbox.requests()
    began = perf_counter()
    pages = await asyncio.gather(*(world.fetch() for _ in range(_CROWD)))
    requests = world.environment.sandbox.requests() - before
    return {
        "pages viewed at the same time": len(pages),
        "pages with status 200": sum(page.status == 200 for page in pages),
        "pages that show stock with its age": sum(
            all(badge.has_age for badge in page.badges) for page in pages
        ),
        "at most one request for ten pages": requests * 10 <= _CROWD,
        REQUESTS: requests,
        ELAPSED + " for all": _milliseconds(perf_counter() - began),
    }


async def _take_down(world: World) -> Facts:
    world.environment.sandbox.faults = Faults(mode="down")
    page = await world.fetch_until(lambda page: all(b.freshness == "stale" for b in page.badges))
    return {
        STATUS: page.status,
        LISTED: len(page.badges),
        STALE: sum(badge.has_age for badge in page.badges),
        "caveat of the first badge": next((b.caveat for b in page.badges if b.caveat), "nothing"),
        ELAPSED: _milliseconds(page.seconds),
    }


async def _wait_past_stale(world: World) -> Facts:
    await asyncio.sleep(world.environment.windows.ttl + world.environment.windows.stale_if_error)
    page = await world.fetch_until(lambda page: page.count("stale") == 0)
    return {
        STATUS: page.status,
        LISTED: len(page.badges),
        UNAVAILABLE: sum(badge.is_unavailable for badge in page.badges),
        ELAPSED: _milliseconds(page.seconds),
    }


async def _bring_back(world: World) -> Facts:
    world.environment.sandbox.faults = Faults()
    began = perf_counter()
    page = await world.fetch_until(lambda page: page.count("live") == len(page.badges))
    return {
        STATUS: page.status,
        LISTED: len(page.badges),
        LIVE: page.count("live"),
        ELAPSED + " until then": _milliseconds(perf_counter() - began),
    }


SCENARIO: Final = (
    Step[World](
        title="List the products.",
        lesson="A page makes one request to the Inventory Service for all its variants.",
        act=_list,
        expected={STATUS: 200, LISTED: _KNOWN, REQUESTS: 1, **_AT_START},
    ),
    Step[World](
        title="Create a product.",
        lesson="Its inventory record is opened before the product is on sale.",
        act=_create,
        expected={
            "Product Service's status": 201,
            "POST requests to the Inventory Service": 1,
            "Inventory Service's status": 201,
            "the request had an idempotency key": True,
            "the request had the caller's correlation id": True,
        },
    ),
    Step[World](
        title="List the products again.",
        lesson="The page has the new product; the cache answers for the others.",
        act=_list,
        expected={STATUS: 200, LISTED: _KNOWN + 1, REQUESTS: 1},
    ),
    Step[World](
        title="Sell the last pair of the first product.",
        lesson="The Inventory Service publishes an event, and the badge follows it.",
        act=_sell_out,
        expected={
            STATUS: 200,
            "badge of the sold product": "Out of stock",
            "source of the reading": "event",
        },
    ),
    Step[World](
        title="Make the Inventory Service slow.",
        lesson="The page waits a moment, then shows the last known stock with its age.",
        act=_slow_down,
        expected={
            STATUS: 200,
            LISTED: _KNOWN + 1,
            STALE: _KNOWN + 1,
            "the page waited for that long": False,
        },
    ),
    Step[World](
        title="Make it fast again.",
        lesson="The page is up to date again without a restart.",
        act=_recover,
        expected={STATUS: 200, LISTED: _KNOWN + 1, STALE: 0},
    ),
    Step[World](
        title="Take the Inventory Service down.",
        lesson="The page is served with the last known stock and its age.",
        act=_take_down,
        expected={STATUS: 200, LISTED: _KNOWN + 1, STALE: _KNOWN + 1},
    ),
    Step[World](
        title=f"View {_CROWD} pages at the same time while it is down.",
        lesson="Every page is served, and the circuit breaker keeps requests from the service.",
        act=_crowd,
        expected={
            "pages viewed at the same time": _CROWD,
            "pages with status 200": _CROWD,
            "pages that show stock with its age": _CROWD,
            "at most one request for ten pages": True,
        },
    ),
    Step[World](
        title="Wait until the last known stock is too old to show.",
        lesson="The page is served, and says that stock information is unavailable.",
        act=_wait_past_stale,
        expected={STATUS: 200, LISTED: _KNOWN + 1, UNAVAILABLE: _KNOWN + 1},
    ),
    Step[World](
        title="Bring the Inventory Service back.",
        lesson="The page shows live stock again without a restart.",
        act=_bring_back,
        expected={STATUS: 200, LISTED: _KNOWN + 1, LIVE: _KNOWN + 1},
    ),
)


async def run_scenario(say: Callable[[str], None], *, port: int = 0) -> bool:
    """Start both services and run the scenario over HTTP; whether all went as expected.

    Args:
        say: takes the output, line by line.
        port: the Product Service's; 0 takes a free one.

    Raises:
        AddressTaken: the port is taken.
    """
    async with demo_environment(SCENARIO_WINDOWS, port=port) as environment:
        say(f"A Product Service at {environment.url} shows the stock of {_KNOWN} products,")
        say(f"which an Inventory Service at {environment.sandbox.url} keeps.")
        say("")
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await play(World(environment, session), SCENARIO, say)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _is_uuid(text: str | None) -> bool:
    try:
        return text is not None and UUID(text).int != 0
    except ValueError:
        return False
