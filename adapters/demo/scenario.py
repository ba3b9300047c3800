"""The story of the demo: an Inventory Service goes and comes, and the product page stays."""

import asyncio
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import Final
from uuid import UUID, uuid4

import aiohttp
import attrs

from shelfport.adapters.demo.environment import DemoEnvironment, Windows, demo_environment
from shelfport.adapters.demo.page_snapshot import PageSnapshot, look
from shelfport.adapters.demo.scenario_runner import Facts, Step, tell
from shelfport.contracts.sandbox import CATALOGUE, Faults

STORY_WINDOWS: Final = Windows(ttl=0.3, stale_while_revalidate=0.3, stale_if_error=2.7)

_PATIENCE = 10.0
"""Seconds that a step waits for the page to change; far beyond every window, for slow machines."""
_PAUSE = 0.05
_SLOW = 2.0
"""Seconds that a slow Inventory Service takes: longer than the page has."""
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
_AT_FIRST = Counter(
    OUT
    if not variant.available_quantity
    else LOW
    if variant.available_quantity <= variant.low_stock_threshold
    else IN_STOCK
    for variant in CATALOGUE
)
"""How many badges of each kind the catalogue's stock makes."""


@attrs.frozen
class World:
    """What the steps act on."""

    stage: DemoEnvironment
    session: aiohttp.ClientSession

    async def look(self) -> PageSnapshot:
        """Look at the page once."""
        return await look(self.session, self.stage)

    async def look_until(self, shows: Callable[[PageSnapshot], bool]) -> PageSnapshot:
        """Look again and again until the page `shows` it, or patience ends; the last look."""
        until = perf_counter() + _PATIENCE
        seen = await self.look()
        while not shows(seen) and perf_counter() < until:
            await asyncio.sleep(_PAUSE)
            seen = await self.look()
        return seen

    async def out_of_stock_by(self) -> str | None:
        """What tells that the first product is out of stock; None while it is not."""
        async with self.session.get(f"{self.stage.url}/products.json") as response:
            stock = (await response.json())["products"][0]["stock"]
        return stock["source"] if stock.get("status") == "OUT_OF_STOCK" else None


async def _list(world: World) -> Facts:
    seen = await world.look()
    counts = {kind: sum(b.stock == kind for b in seen.badges) for kind in _KINDS}
    return {
        STATUS: seen.status,
        LISTED: len(seen.badges),
        **{words: counts[kind] for kind, words in _KINDS.items()},
        REQUESTS: seen.requests,
        ELAPSED: _milliseconds(seen.seconds),
    }


async def _create(world: World) -> Facts:
    sandbox = world.stage.sandbox
    before = len(sandbox.journal)
    correlation_id = uuid4().hex
    began = perf_counter()
    async with world.session.post(
        f"{world.stage.url}/products",
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
        "an idempotency key came with it": opened is not None and _is_uuid(opened.idempotency_key),
        "the caller's correlation id came with it": (
            opened is not None and opened.correlation_id == correlation_id
        ),
        ELAPSED: _milliseconds(seconds),
    }


async def _sell_out(world: World) -> Facts:
    sold = CATALOGUE[0].variant_id
    began = perf_counter()
    world.stage.sandbox.set_stock(sold, 0)
    source = await world.out_of_stock_by()
    while source is None and perf_counter() < began + _PATIENCE:
        await asyncio.sleep(_PAUSE / 10)
        source = await world.out_of_stock_by()
    seconds = perf_counter() - began
    seen = await world.look()
    return {
        STATUS: seen.status,
        "badge of the product that was sold": seen.badges[0].text,
        "the page knows it from": source,
        ELAPSED + " until then": _milliseconds(seconds),
    }


async def _slow_down(world: World) -> Facts:
    world.stage.sandbox.faults = Faults(latency=_SLOW)
    await asyncio.sleep(world.stage.windows.ttl + world.stage.windows.stale_while_revalidate)
    seen = await world.look()
    return {
        STATUS: seen.status,
        LISTED: len(seen.badges),
        STALE: sum(badge.says_its_age for badge in seen.badges),
        "milliseconds that the Inventory Service takes": _milliseconds(_SLOW),
        "the page waited for it": seen.seconds >= _SLOW,
        ELAPSED: _milliseconds(seen.seconds),
    }


async def _recover(world: World) -> Facts:
    world.stage.sandbox.faults = Faults()
    seen = await world.look_until(lambda page: page.fresh("stale") == 0)
    return {STATUS: seen.status, LISTED: len(seen.badges), STALE: seen.fresh("stale")}


async def _crowd(world: World) -> Facts:
    before = world.stage.sandbox.requests()
    began = perf_counter()
    pages = await asyncio.gather(*(world.look() for _ in range(_CROWD)))
    requests = world.stage.sandbox.requests() - before
    return {
        "pages viewed at once": len(pages),
        "pages that stand": sum(page.status == 200 for page in pages),
        "pages that show stock, with its age": sum(
            all(badge.says_its_age for badge in page.badges) for page in pages
        ),
        "at most one request for ten pages": requests * 10 <= _CROWD,
        REQUESTS: requests,
        ELAPSED + " for all": _milliseconds(perf_counter() - began),
    }


async def _take_down(world: World) -> Facts:
    world.stage.sandbox.faults = Faults(mode="down")
    seen = await world.look_until(lambda page: all(b.freshness == "stale" for b in page.badges))
    return {
        STATUS: seen.status,
        LISTED: len(seen.badges),
        STALE: sum(badge.says_its_age for badge in seen.badges),
        "the first one says": next((b.caveat for b in seen.badges if b.caveat), "nothing"),
        ELAPSED: _milliseconds(seen.seconds),
    }


async def _wait_past_stale(world: World) -> Facts:
    await asyncio.sleep(world.stage.windows.ttl + world.stage.windows.stale_if_error)
    seen = await world.look_until(lambda page: page.fresh("stale") == 0)
    return {
        STATUS: seen.status,
        LISTED: len(seen.badges),
        UNAVAILABLE: sum(badge.says_nothing_is_known for badge in seen.badges),
        ELAPSED: _milliseconds(seen.seconds),
    }


async def _bring_back(world: World) -> Facts:
    world.stage.sandbox.faults = Faults()
    began = perf_counter()
    seen = await world.look_until(lambda page: page.fresh("live") == len(page.badges))
    return {
        STATUS: seen.status,
        LISTED: len(seen.badges),
        LIVE: seen.fresh("live"),
        ELAPSED + " until then": _milliseconds(perf_counter() - began),
    }


STORY: Final = (
    Step[World](
        title="List the products.",
        lesson="One page asks the Inventory Service once, for all variants together.",
        act=_list,
        expected={STATUS: 200, LISTED: _KNOWN, REQUESTS: 1, **_AT_FIRST},
    ),
    Step[World](
        title="Create a product.",
        lesson="Its inventory record is opened before the product is on sale.",
        act=_create,
        expected={
            "Product Service's status": 201,
            "POST requests to the Inventory Service": 1,
            "Inventory Service's status": 201,
            "an idempotency key came with it": True,
            "the caller's correlation id came with it": True,
        },
    ),
    Step[World](
        title="List the products again.",
        lesson="The new one is there; what was read a moment ago is not asked for twice.",
        act=_list,
        expected={STATUS: 200, LISTED: _KNOWN + 1, REQUESTS: 1},
    ),
    Step[World](
        title="Sell the last pair of the first product.",
        lesson="The Inventory Service announces it, and the badge turns before anybody asks.",
        act=_sell_out,
        expected={
            STATUS: 200,
            "badge of the product that was sold": "Out of stock",
            "the page knows it from": "event",
        },
    ),
    Step[World](
        title="Let the Inventory Service become slow.",
        lesson="The page waits a moment, then shows the stock last seen, and how old that is.",
        act=_slow_down,
        expected={
            STATUS: 200,
            LISTED: _KNOWN + 1,
            STALE: _KNOWN + 1,
            "the page waited for it": False,
        },
    ),
    Step[World](
        title="Let it become quick again.",
        lesson="The page is up to date again by itself.",
        act=_recover,
        expected={STATUS: 200, LISTED: _KNOWN + 1, STALE: 0},
    ),
    Step[World](
        title="Take the Inventory Service down.",
        lesson="The page stands, with the stock last seen and how old that is.",
        act=_take_down,
        expected={STATUS: 200, LISTED: _KNOWN + 1, STALE: _KNOWN + 1},
    ),
    Step[World](
        title="Let a crowd come while it is down.",
        lesson="Every page stands, and the service that is down is left alone.",
        act=_crowd,
        expected={
            "pages viewed at once": _CROWD,
            "pages that stand": _CROWD,
            "pages that show stock, with its age": _CROWD,
            "at most one request for ten pages": True,
        },
    ),
    Step[World](
        title="Wait until what was seen is too old to show.",
        lesson="The page stands, and says that it does not know.",
        act=_wait_past_stale,
        expected={STATUS: 200, LISTED: _KNOWN + 1, UNAVAILABLE: _KNOWN + 1},
    ),
    Step[World](
        title="Bring the Inventory Service back.",
        lesson="The page is live again by itself.",
        act=_bring_back,
        expected={STATUS: 200, LISTED: _KNOWN + 1, LIVE: _KNOWN + 1},
    ),
)


async def run_scenario(say: Callable[[str], None], *, port: int = 0) -> bool:
    """Start both services, play the story over HTTP and tell it; whether it went as told.

    Args:
        say: takes the narrative, line by line.
        port: the Product Service's; 0 takes a free one.

    Raises:
        AddressTaken: the port is taken.
    """
    async with demo_environment(STORY_WINDOWS, port=port) as stage:
        say(f"A Product Service at {stage.url} shows the stock of {_KNOWN} products,")
        say(f"which an Inventory Service at {stage.sandbox.url} keeps.")
        say("")
        timeout = aiohttp.ClientTimeout(total=_PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await tell(World(stage, session), STORY, say)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _is_uuid(text: str | None) -> bool:
    try:
        return text is not None and UUID(text).int != 0
    except ValueError:
        return False
