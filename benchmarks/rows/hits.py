"""P1, P1s, P2, P2s, P6: answers from memory."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from benchmarks.contestants import shelfport
from benchmarks.measuring import Spread, Times, Work, in_turns
from benchmarks.outcome import Goal, Row
from benchmarks.peers import AS_IT_COMES, Peer, peer
from benchmarks.surroundings import Service, Variants, records
from shelfport import Freshness, InventoryIntegration, StockReading
from shelfport.options import BreakerOptions

PAGE = 24
RefT = TypeVar("RefT")


def _calls(call: Callable[[RefT], Awaitable[object]], variant: RefT, count: int) -> Work:
    async def work() -> None:
        for _ in range(count):
            await call(variant)

    return work


def _pages(
    call: Callable[[Sequence[RefT]], Awaitable[object]], ids: Sequence[RefT], count: int
) -> Work:
    async def work() -> None:
        for _ in range(count):
            await call(ids)

    return work


def _fresh(
    ids: Sequence[UUID], inventory: InventoryIntegration, peers: Mapping[str, Peer]
) -> dict[str, Work]:
    """Refreshes the memory of every contestant before a round."""

    async def renew() -> None:
        await inventory.get_stock_levels(ids, max_staleness=1)

    def renew_other(other: Peer) -> Work:
        return lambda: other.renew(ids)

    return {
        "shelfport": renew,
        "shelfport, age asked": renew,
        **{name: renew_other(other) for name, other in peers.items()},
    }


async def p1(service: Service) -> Row:
    """One variant from memory."""
    records(logging.INFO)
    count = 400
    ids = Variants().some(PAGE)
    variant = ids[7]
    async with (
        shelfport(service.root) as inventory,
        peer("U1", service.root) as u1,
        peer("U2", service.root) as u2,
        peer(AS_IT_COMES, service.root) as u2_as_it_comes,
    ):
        page = await inventory.get_stock_levels(ids)
        for other in (u1, u2, u2_as_it_comes):
            await other.page(ids)

        async def floor(variant: UUID) -> object:
            return page[variant]

        async def aged(variant: UUID) -> object:
            reading = await inventory.get_stock_level(variant)
            assert isinstance(reading, StockReading)
            return reading.age(datetime.now(UTC))

        reading = await inventory.get_stock_level(variant)
        assert isinstance(reading, StockReading)
        assert reading.freshness is Freshness.CACHED
        times = await in_turns(
            {
                "floor": _calls(floor, variant, count),
                "shelfport": _calls(inventory.get_stock_level, variant, count),
                "shelfport, age asked": _calls(aged, variant, count),
                "U1": _calls(u1.one, variant, count),
                "U2": _calls(u2.one, variant, count),
                AS_IT_COMES: _calls(u2_as_it_comes.one, variant, count),
            },
            rounds=40,
            pieces=count,
            before=_fresh(ids, inventory, {"U1": u1, "U2": u2, AS_IT_COMES: u2_as_it_comes}),
        )
    best = times.better("U1", "U2")
    return Row(
        "P1",
        "one variant, cache hit (floor: an awaited coroutine around a UUID-keyed dict)",
        [
            Goal("3 × the floor", 3, times.ratio("shelfport", "floor")),
            Goal(f"1/15 of the better peer, {best}", 1 / 15, times.ratio("shelfport", best)),
        ],
        times.spreads(),
        notes=[_beside(times)],
    )


async def p1s(service: Service) -> Row:
    """One variant from memory, by its id as text."""
    records(logging.INFO)
    count = 400
    ids = [str(variant) for variant in Variants().some(PAGE)]
    variant = ids[7]
    async with shelfport(service.root) as inventory:
        page = await inventory.get_stock_levels(ids)

        async def floor(variant: str) -> object:
            return page[variant]

        async def renew() -> None:
            await inventory.get_stock_levels(ids, max_staleness=1)

        reading = await inventory.get_stock_level(variant)
        assert isinstance(reading, StockReading)
        assert reading.freshness is Freshness.CACHED
        times = await in_turns(
            {
                "floor": _calls(floor, variant, count),
                "shelfport": _calls(inventory.get_stock_level, variant, count),
            },
            rounds=40,
            pieces=count,
            before={"shelfport": renew},
        )
    return Row(
        "P1s",
        "one variant by text, cache hit (floor: an awaited coroutine around a str-keyed dict)",
        [Goal("3.5 × the floor", 3.5, times.ratio("shelfport", "floor"))],
        times.spreads(),
    )


async def p2(service: Service) -> Row:
    """A page from memory."""
    records(logging.INFO)
    count = 40
    ids = Variants().some(PAGE)
    async with (
        shelfport(service.root) as inventory,
        peer("U1", service.root) as u1,
        peer("U2", service.root) as u2,
        peer(AS_IT_COMES, service.root) as u2_as_it_comes,
    ):
        page = await inventory.get_stock_levels(ids)
        for other in (u1, u2, u2_as_it_comes):
            await other.page(ids)

        async def floor(ids: Sequence[UUID]) -> object:
            return {variant: page[variant] for variant in ids}

        times = await in_turns(
            {
                "floor": _pages(floor, ids, count),
                "shelfport": _pages(inventory.get_stock_levels, ids, count),
                "U1": _pages(u1.page, ids, count),
                "U2": _pages(u2.page, ids, count),
                AS_IT_COMES: _pages(u2_as_it_comes.page, ids, count),
            },
            rounds=40,
            pieces=count,
            before=_fresh(ids, inventory, {"U1": u1, "U2": u2, AS_IT_COMES: u2_as_it_comes}),
        )
    best = times.better("U1", "U2")
    return Row(
        "P2",
        f"page of {PAGE}, cache hit (floor: an awaited dict comprehension over a UUID-keyed dict)",
        [
            Goal("2.5 × the floor", 2.5, times.ratio("shelfport", "floor")),
            Goal(f"1/10 of the better peer, {best}", 1 / 10, times.ratio("shelfport", best)),
        ],
        times.spreads(),
        notes=[_beside(times)],
    )


async def p2s(service: Service) -> Row:
    """A page from memory, by ids as text."""
    records(logging.INFO)
    count = 40
    ids = [str(variant) for variant in Variants().some(PAGE)]
    async with shelfport(service.root) as inventory:
        page = await inventory.get_stock_levels(ids)

        async def floor(ids: Sequence[str]) -> object:
            return {variant: page[variant] for variant in ids}

        async def renew() -> None:
            await inventory.get_stock_levels(ids, max_staleness=1)

        times = await in_turns(
            {
                "floor": _pages(floor, ids, count),
                "shelfport": _pages(inventory.get_stock_levels, ids, count),
            },
            rounds=40,
            pieces=count,
            before={"shelfport": renew},
        )
    return Row(
        "P2s",
        f"page of {PAGE} by text, cache hit "
        "(floor: an awaited dict comprehension over a str-keyed dict)",
        [Goal("2.5 × the floor", 2.5, times.ratio("shelfport", "floor"))],
        times.spreads(),
    )


def _beside(times: Times) -> str:
    """The peers with their libraries' defaults, for which the goals were set."""
    ratios = (
        f"{name}: {times.ratio(name, 'shelfport').median:.1f}" for name in ("U1", AS_IT_COMES)
    )
    return f"times slower than shelfport: {', '.join(ratios)}"


async def p6(service: Service) -> Row:
    """Pages while the service hangs: stale readings are returned at once and refreshed later."""
    records(logging.INFO)
    views, concurrency = 1000, 50
    variants = Variants()
    catalog = variants.some(500)
    wanted = variants.views(views, PAGE, catalog)

    def all_views(call: Callable[[Sequence[UUID]], Awaitable[object]]) -> Work:
        async def work() -> None:
            for start in range(0, views, concurrency):
                await asyncio.gather(*map(call, wanted[start : start + concurrency]))

        return work

    def of(inventory: InventoryIntegration, peers: Sequence[tuple[str, Peer]]) -> dict[str, Work]:
        return {
            "shelfport": all_views(inventory.get_stock_levels),
            **{name: all_views(other.page) for name, other in peers},
        }

    async with (
        shelfport(service.at("moody", "shelfport")) as inventory,
        peer("U1", service.at("moody", "U1")) as u1,
        peer("U2", service.at("moody", "U2")) as u2,
    ):
        await service.mood("answer")
        peers = (("U1", u1), ("U2", u2))
        for other in (u1, u2):
            await other.page(catalog)
        await inventory.get_stock_levels(catalog)
        hits = await in_turns(
            {"shelfport": all_views(inventory.get_stock_levels)}, rounds=10, pieces=views
        )
        await service.came()
        await service.mood("hang")
        await asyncio.sleep(6)
        stale = await in_turns(of(inventory, peers), rounds=7, pieces=views)
        page = await inventory.get_stock_levels(wanted[0])
        assert {level.freshness for level in page.values() if isinstance(level, StockReading)} == {
            Freshness.STALE
        }
        came = await service.came()
        await service.mood("answer")
    best = stale.better("U1", "U2")
    hit = hits.of("shelfport").median
    breaker = BreakerOptions()
    asked = came.get("/moody/shelfport")
    return Row(
        "P6",
        f"the service hangs, values in the served-at-once window: {views} views of {PAGE}, "
        f"{concurrency} at a time",
        [
            Goal(
                "8 × the same views as hits",
                8,
                Spread.of([seconds / hit for seconds in stale.rounds["shelfport"]]),
            ),
            Goal(
                "the breaker's threshold and its probes, in requests",
                breaker.minimum_calls + breaker.half_open_calls,
                Spread.of([float(asked.requests if asked is not None else 0)]),
            ),
        ],
        {"shelfport, as hits": hits.of("shelfport"), **stale.spreads()},
        notes=[
            f"{best}, the better peer: {stale.ratio(best, 'shelfport').median:.1f} × shelfport",
            *(f"requests of {name}: {came[f'/moody/{name}'].requests}" for name, _ in peers),
        ],
    )
