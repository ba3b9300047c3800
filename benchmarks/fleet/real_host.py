"""One real process of the fleet: the same views as its simulated twin, over real sockets.

Usage: python -m benchmarks.fleet.real_host TERMS (as JSON); begins at the moment that it reads from
standard input, and ends with one line of JSON.
"""

import asyncio
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from benchmarks.fleet.scenario import draw_stock, draw_views, the_real_fleet
from benchmarks.fleet.way import NullNotifier
from shelfport import (
    InventoryIntegration,
    ProductVariantId,
    Settings,
    StockReading,
    build,
)
from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.options import EventOptions
from shelfport.options import SharedCacheOptions


class Terms(msgspec.Struct, frozen=True):
    """The arguments of a process."""

    number: int
    seconds: float
    base_url: str
    redis_url: str
    bus_url: str
    name: str
    """Of everything that it makes on the shared servers."""


class Seen(msgspec.Struct, frozen=True):
    """What its viewers saw, after the warm-up."""

    views: int
    unavailable: int
    ages: list[float]
    late: float
    """By how many seconds a view began late at worst: this machine was busy."""
    freshness: dict[str, int]
    redis_out: bool


def event_options(terms: Terms) -> EventOptions:
    """The bus, under names of this run."""
    return EventOptions(
        url=terms.bus_url,
        exchange=terms.name,
        prefix=f"{terms.name}.",
        consumer_group="shop",
    )


async def run(terms: Terms) -> Seen:
    """Open, wait for the word, and show page after page."""
    fleet, day = the_real_fleet(terms.seconds)
    views, stock = draw_views(fleet, day), draw_stock(fleet, day)
    mine = [
        (at, stock.ids[rank])
        for at, host, rank in zip(views.at, views.host, views.rank, strict=True)
        if host == terms.number
    ]
    options = event_options(terms)
    settings = Settings(
        base_url=terms.base_url,
        shared_cache=SharedCacheOptions(url=terms.redis_url, prefix=terms.name),
        events=options,
    )
    ages: list[float] = []
    counts: Counter[str] = Counter()

    async def look(
        inventory: InventoryIntegration[UUID | str], variant: ProductVariantId, at: float
    ) -> None:
        shown = await inventory.get_stock_level(variant)
        if at < day.warm_until:
            return
        if isinstance(shown, StockReading):
            ages.append(shown.age(datetime.now(UTC)).total_seconds())
            counts[shown.freshness.value] += 1
        else:
            counts["unavailable"] += 1

    late = 0.0
    async with build(settings, notifier=NullNotifier(), bus=open_bus(options)) as inventory:
        print("ready", flush=True)
        begins = float(await asyncio.to_thread(sys.stdin.readline)) + time.monotonic() - time.time()
        async with asyncio.TaskGroup() as tasks:
            for at, variant in mine:
                await asyncio.sleep(max(begins + at - time.monotonic(), 0.0))
                late = max(late, time.monotonic() - begins - at)
                tasks.create_task(look(inventory, variant, at))
        snapshot = inventory.snapshot()
    unavailable = counts.pop("unavailable", 0)
    redis_out = snapshot.shared_cache is None or snapshot.shared_cache.dropped_writes > 0
    return Seen(len(ages) + unavailable, unavailable, ages, late, dict(counts), redis_out)


if __name__ == "__main__":
    seen = asyncio.run(run(msgspec.json.decode(sys.argv[1], type=Terms)))
    print(msgspec.json.encode(seen).decode(), flush=True)
