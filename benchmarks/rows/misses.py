"""P3, P4, P5, P5e: pages that need the service."""

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from uuid import UUID

from benchmarks.contestants import bare, shelfport
from benchmarks.measuring import Spread, Times, Work, in_turns
from benchmarks.outcome import Goal, Row
from benchmarks.peers import peer
from benchmarks.surroundings import Service, Taker, Variants, records

PAGE = 24
EXPORT = 4000
MOST_IDS = 200

Page = Callable[[Sequence[UUID]], Awaitable[object]]


async def p3(service: Service) -> Row:
    """A page that is not cached, alone."""
    rounds, count = 40, 25
    pages = Variants().pages((rounds + 1) * count)

    def alone(call: Page, level: int) -> Work:
        taker = Taker(pages)

        async def work() -> None:
            records(level)
            for ids in taker.take(count):
                await call(ids)

        return work

    async with (
        bare(service.root) as floor,
        shelfport(service.root) as inventory,
        shelfport(service.root) as silent,
        peer("U1", service.root) as u1,
        peer("U2", service.root) as u2,
    ):
        times = await in_turns(
            {
                "bare": alone(floor.page, logging.INFO),
                "shelfport": alone(inventory.get_stock_levels, logging.INFO),
                "shelfport, records off": alone(silent.get_stock_levels, logging.ERROR),
                "U1": alone(u1.page, logging.INFO),
                "U2": alone(u2.page, logging.INFO),
            },
            rounds=rounds,
            pieces=count,
        )
    best = times.better("U1", "U2")
    return Row(
        "P3",
        f"page of {PAGE}, miss, alone",
        [
            Goal("1.5 × bare", 1.5, times.ratio("shelfport", "bare")),
            Goal("1.35 × bare, records off", 1.35, times.ratio("shelfport, records off", "bare")),
            Goal(f"0.4 × the better peer, {best}", 0.4, times.ratio("shelfport", best)),
        ],
        times.spreads(),
    )


async def p4(service: Service) -> Row:
    """Sixteen such pages at the same time."""
    records(logging.INFO)
    rounds, count, concurrency = 40, 3, 16
    pages = Variants().pages((rounds + 1) * count * concurrency)

    def together(call: Page) -> Work:
        taker = Taker(pages)

        async def work() -> None:
            for _ in range(count):
                await asyncio.gather(*map(call, taker.take(concurrency)))

        return work

    async with (
        bare(service.root) as floor,
        shelfport(service.root) as inventory,
        peer("U1", service.root) as u1,
        peer("U2", service.root) as u2,
    ):
        times = await in_turns(
            {
                "bare": together(floor.page),
                "shelfport": together(inventory.get_stock_levels),
                "U1": together(u1.page),
                "U2": together(u2.page),
            },
            rounds=rounds,
            pieces=count * concurrency,
        )
    best = times.better("U1", "U2")
    return Row(
        "P4",
        f"{concurrency} distinct pages of {PAGE} at a time, miss; a page",
        [
            Goal("0.75 × bare", 0.75, times.ratio("shelfport", "bare")),
            Goal(f"0.15 × the better peer, {best}", 0.15, times.ratio("shelfport", best)),
        ],
        times.spreads(),
    )


async def p5(service: Service) -> Row:
    """Many cold views of one catalog at once, of a service that takes 5 ms."""
    records(logging.INFO)
    rounds, views = 25, 200
    variants = Variants()
    wanted = [variants.views(views, PAGE, variants.some(500)) for _ in range(rounds + 1)]

    def concurrently(call: Page) -> Work:
        todo = iter(wanted)

        async def work() -> None:
            await asyncio.gather(*map(call, next(todo)))

        return work

    async with (
        bare(service.at("slow", "bare")) as floor,
        shelfport(service.at("slow", "shelfport")) as inventory,
        peer("U1", service.at("slow", "U1")) as u1,
        peer("U2", service.at("slow", "U2")) as u2,
    ):
        await service.came()
        times = await in_turns(
            {
                "bare": concurrently(floor.page),
                "shelfport": concurrently(inventory.get_stock_levels),
                "U1": concurrently(u1.page),
                "U2": concurrently(u2.page),
            },
            rounds=rounds,
            pieces=1,
        )
        came = await service.came()
    distinct = [len({variant for page in round_ for variant in page}) for round_ in wanted]
    fewest = sum(ceil(count / MOST_IDS) for count in distinct)
    best = times.better("U1", "U2")
    ours = came["/slow/shelfport"]
    return Row(
        "P5",
        f"{views} views at once × {PAGE} random of 500 variants, cold; the service takes 5 ms",
        [
            Goal(
                f"⌈distinct/{MOST_IDS}⌉ requests, over {rounds + 1} rounds",
                fewest,
                Spread.of([float(ours.requests)]),
                exact=True,
            ),
            Goal("no id twice", 0, Spread.of([float(ours.repeated)]), exact=True),
            Goal("0.6 × bare", 0.6, times.ratio("shelfport", "bare")),
            Goal(f"0.2 × the better peer, {best}", 0.2, times.ratio("shelfport", best)),
        ],
        times.spreads(),
        notes=[f"requests of {who}: {came[f'/slow/{who}'].requests}" for who in ("U1", "U2")],
    )


async def p5e(service: Service) -> Row:
    """A page in the same turn of the loop as an export, of a service that takes 5 ms."""
    records(logging.INFO)
    rounds = 40
    variants = Variants()
    times: dict[str, list[float]] = {"alone": [], "before an export": [], "after an export": []}

    async with shelfport(service.at("slow", "shelfport")) as inventory:

        async def page() -> float:
            ids = variants.some(PAGE)
            began = time.perf_counter()
            await inventory.get_stock_levels(ids)
            return time.perf_counter() - began

        async def export(ids: Sequence[UUID]) -> float:
            await inventory.get_stock_levels(ids)
            return 0.0

        for round_ in range(-1, rounds):
            for name, taken in times.items():
                calls = [page()]
                if name != "alone":
                    calls.insert(name == "before an export", export(variants.some(EXPORT)))
                gc.collect()
                took = sum(await asyncio.gather(*calls))
                if round_ >= 0:
                    taken.append(took)
    measured = Times(times)
    return Row(
        "P5e",
        f"page of {PAGE}, miss, in the same turn as an export of {EXPORT}; the service takes 5 ms",
        [
            Goal(f"1.5 × the page alone, asked for {name}", 1.5, measured.ratio(name, "alone"))
            for name in times
            if name != "alone"
        ],
        measured.spreads(),
    )
