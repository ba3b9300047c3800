"""P7, P8: how cost grows with ids, and with callers."""

import asyncio
import gc
import logging
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import ceil
from typing import TypeVar
from uuid import UUID

from benchmarks.contestants import bare, shelfport
from benchmarks.measuring import Spread
from benchmarks.outcome import Goal, Row
from benchmarks.surroundings import Service, Variants, records
from shelfport import InventoryIntegration, StockReading

T = TypeVar("T")

MOST_IDS = 200
SIZES = (200, 10_000, 100_000)
CALLERS = (1, 4, 16, 64, 256, 1000, 2500, 5000)
MOST_KEPT = 100_000
"""The default number of variants in memory; one more evicts one."""
_PATIENCE = 60.0
"""Seconds: 100,000 ids take longer than a page may."""


async def p7(service: Service) -> Row:
    """Very many ids in one call."""
    records(logging.INFO)
    rounds = 5
    variants = Variants()
    costs: dict[int, list[float]] = {size: [] for size in SIZES}
    beyond: list[float] = []
    requests: dict[int, list[float]] = {size: [] for size in SIZES}
    for round_ in range(-1, rounds):
        for size in SIZES:
            # The same amount of work for each size, each with an empty memory.
            repeats = 50 if size == MOST_IDS else 1
            wanted = [variants.some(size) for _ in range(repeats)]
            async with shelfport(service.at(str(size))) as inventory:
                await inventory.get_stock_levels(variants.some(2))
                await service.came()
                gc.collect()
                began = time.perf_counter()
                for ids in wanted:
                    page = await inventory.get_stock_levels(ids, deadline=_PATIENCE)
                took = time.perf_counter() - began
                assert all(isinstance(level, StockReading) for level in page.values())
                if round_ < 0:
                    continue
                costs[size].append(took / size / repeats)
                requests[size].append((await service.came())[f"/{size}"].requests / repeats)
                if size == MOST_KEPT:
                    beyond.append(await _an_id_of(inventory, variants.some(70_000)))
    least = Spread.of(costs[MOST_IDS]).median
    bytes_each = await _bytes_of_a_cached_variant(service)
    return Row(
        "P7",
        "10,000 and 100,000 ids cold, in one call; an id",
        [
            *(
                Goal(
                    f"⌈n/{MOST_IDS}⌉ requests, n = {size:,}",
                    ceil(size / MOST_IDS),
                    Spread.of(requests[size]),
                    exact=True,
                )
                for size in SIZES[1:]
            ),
            *(
                Goal(
                    f"1.3 × an id at {MOST_IDS}, n = {size:,}",
                    1.3,
                    Spread.of([cost / least for cost in costs[size]]),
                )
                for size in SIZES[1:]
            ),
            Goal(
                f"1.3 × an id at {MOST_IDS}, when memory is full",
                1.3,
                Spread.of([cost / least for cost in beyond]),
            ),
            Goal("400 bytes a cached variant", 400, Spread.of([bytes_each])),
        ],
        {
            **{f"{size:,} ids": Spread.of(costs[size]) for size in SIZES},
            "70,000 more ids": Spread.of(beyond),
        },
        growth={"seconds an id, by ids": {str(s): Spread.of(costs[s]).median for s in SIZES}},
    )


async def _an_id_of(inventory: InventoryIntegration, ids: Sequence[UUID]) -> float:
    gc.collect()
    began = time.perf_counter()
    await inventory.get_stock_levels(ids, deadline=_PATIENCE)
    return (time.perf_counter() - began) / len(ids)


async def _bytes_of_a_cached_variant(service: Service) -> float:
    """The memory of a cached variant, measured with a read of 50,000.

    The ids are the host's, and so is the page: both are dropped, so that only what is kept counts.
    """
    count = 50_000
    async with shelfport(service.root) as inventory:
        await inventory.get_stock_levels(Variants(8).some(MOST_IDS))
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            await inventory.get_stock_levels(Variants(7).some(count), deadline=_PATIENCE)
            await asyncio.sleep(0.01)  # the read's own task ends a turn after its answer
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return (after - before) / count


async def p8(service: Service) -> Row:
    """Very many callers at once, each with its own page that is not cached."""
    records(logging.INFO)
    failed = 0

    async def views(waves: list[list[list[UUID]]]) -> float:
        nonlocal failed
        async with shelfport(service.root) as inventory:
            seconds, pages = await _timed(inventory.get_stock_levels, waves)
        levels = (level for page in pages for level in page.values())
        failed += sum(not isinstance(level, StockReading) for level in levels)
        return seconds

    async def bare_views(waves: list[list[list[UUID]]]) -> float:
        async with bare(service.root) as floor:
            seconds, _ = await _timed(floor.page, waves)
        return seconds

    async def uncollected(waves: list[list[list[UUID]]]) -> float:
        gc.disable()
        try:
            return await views(waves)
        finally:
            gc.enable()

    ours = await _by_callers(views, rounds=5)
    others = {
        "bare aiohttp": await _by_callers(bare_views, rounds=2),
        "without garbage collection": await _by_callers(uncollected, rounds=2),
    }
    peak, beyond = _peak(ours)
    return Row(
        "P8",
        "1 to 5,000 callers at once, cold, each with a page of 24 of its own",
        [
            Goal("none fails", 0, Spread.of([float(failed)]), exact=True),
            Goal(
                f"1/0.9 of the peak's time a page (peak: {peak} callers, slowest beyond: {beyond})",
                1 / 0.9,
                Spread.of([seconds / Spread.of(ours[peak]).median for seconds in ours[beyond]]),
            ),
        ],
        {f"{c:,} callers": Spread.of(ours[c]) for c in CALLERS},
        notes=[f"{name}: {_fall(times)}" for name, times in others.items()],
        growth={"seconds a page, by callers": {str(c): Spread.of(ours[c]).median for c in CALLERS}},
    )


async def _timed(
    call: Callable[[Sequence[UUID]], Awaitable[T]], waves: list[list[list[UUID]]]
) -> tuple[float, list[T]]:
    """Seconds a page, and the pages; each wave's callers ask together, wave after wave."""
    await call(Variants(9).some(2))
    gc.collect()
    began = time.perf_counter()
    pages = [page for wave in waves for page in await asyncio.gather(*map(call, wave))]
    return (time.perf_counter() - began) / len(pages), pages


async def _by_callers(
    work: Callable[[list[list[list[UUID]]]], Awaitable[float]], rounds: int
) -> dict[int, list[float]]:
    variants = Variants()
    times: dict[int, list[float]] = {callers: [] for callers in CALLERS}
    for round_ in range(-1, rounds):
        for callers in CALLERS:
            seconds = await work([variants.pages(callers) for _ in range(max(1, 256 // callers))])
            if round_ >= 0:
                times[callers].append(seconds)
    return times


def _peak(times: Mapping[int, Sequence[float]]) -> tuple[int, int]:
    """How many callers were served fastest, and how many, of more than those, slowest."""
    median = {callers: Spread.of(seconds).median for callers, seconds in times.items()}
    peak = min(median, key=lambda callers: median[callers])
    return peak, max((c for c in median if c >= peak), key=lambda callers: median[callers])


def _fall(times: Mapping[int, Sequence[float]]) -> str:
    peak, beyond = _peak(times)
    fall = Spread.of(times[beyond]).median / Spread.of(times[peak]).median
    return f"{fall:.2f} × its peak's (peak: {peak} callers, slowest beyond: {beyond})"
