"""From a change at the Inventory Service to the caches of three replicas: how long it takes."""

import asyncio
import os
import random
import statistics
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from time import perf_counter

import attrs

from shelfport import (
    InventoryIntegration,
    ProductVariantId,
    Settings,
    StockReading,
    StockStatus,
    build,
)
from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.contracts.sandbox import Sandbox, SeedRecord
from shelfport.options import CacheOptions, EventOptions
from tests.support.figures import Report
from tests.support.values import ids

LONG = os.environ.get("SHELFPORT_LONG") == "1"
CHANGES = 60 if LONG else 6
SPREAD = 3.0 if LONG else 0.2
"""Seconds over which the changes are spread."""
POLLED = CacheOptions(ttl=2, stale_while_revalidate=8, jitter=0)
"""A replica without events: it reads again after two seconds."""
NEVER = CacheOptions(ttl=3600, stale_while_revalidate=0, stale_if_error=0, jitter=0)
"""It would not read again within an hour: events alone invalidate its cache."""
LOOK_EVERY = 0.005
PATIENCE = 60.0


async def seen(replica: InventoryIntegration, variant: ProductVariantId) -> None:
    """Return once a page of `replica` shows that `variant` is out of stock."""
    while True:
        stock = await replica.get_stock_level(variant)
        if isinstance(stock, StockReading) and stock.level.status is StockStatus.OUT_OF_STOCK:
            return
        await asyncio.sleep(LOOK_EVERY)


async def one_change(
    sandbox: Sandbox, replicas: Sequence[InventoryIntegration], variant: ProductVariantId
) -> list[float]:
    """Seconds from a change to each replica's page, the change at a random moment."""
    await asyncio.sleep(random.uniform(0, SPREAD))
    began = perf_counter()
    sandbox.set_stock(variant, 0)

    async def delay(replica: InventoryIntegration) -> float:
        await seen(replica, variant)
        return perf_counter() - began

    return await asyncio.gather(*map(delay, replicas))


async def delays(
    sandbox: Sandbox, options: Sequence[EventOptions], cache: CacheOptions
) -> list[float]:
    """The delays of all changes at the replicas that have these options."""
    variants = ids(CHANGES)
    for variant in variants:
        sandbox.set_stock(variant, 50)
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(
                build(Settings(base_url=sandbox.url, cache=cache, events=events))
            )
            for events in options
        ]
        await eventually(lambda: all(map(listening, replicas)))
        for replica in replicas:
            await replica.get_stock_levels(variants, deadline=PATIENCE)
        requests = len(sandbox.journal)
        async with asyncio.timeout(PATIENCE):
            measured = await asyncio.gather(
                *(one_change(sandbox, replicas, variant) for variant in variants)
            )
        if cache is NEVER:
            assert requests == len(sandbox.journal)  # no read since its first page
    return [delay for of_one in measured for delay in of_one]


def listening(replica: InventoryIntegration) -> bool:
    events = replica.snapshot().events
    return events is None or events.invalidation.connected


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - a snapshot sends no signal
            await asyncio.sleep(0.02)


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th, in milliseconds."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


async def test_a_change_reaches_all_caches(
    options: EventOptions, bus_name: str, report: Report
) -> None:
    """Each change shows on the pages of three replicas, by events alone.

    How long it took is printed, beside what polling takes; that is no bar, for a busy machine may
    hold up either.
    """
    seed = [SeedRecord(variant, 50) for variant in ids(CHANGES)]
    async with (
        EventPublisher(open_bus(options)) as publisher,
        Sandbox(seed=seed, publish=publisher.publish) as sandbox,
    ):
        # The mock cluster has groups of one only: there, each replica is a group of its own.
        groups = ["shop", "shop2", "shop3"] if bus_name == "kafka" else ["shop"] * 3
        replicas = [attrs.evolve(options, consumer_group=group) for group in groups]
        by_events = await delays(sandbox, replicas, NEVER)
        report("p50 {:.0f} ms, p99 {:.0f} ms by events".format(*percentiles(by_events)))
        if LONG:
            polled = await delays(sandbox, [EventOptions()] * 3, POLLED)
            report("p50 {:.0f} ms, p99 {:.0f} ms by polling".format(*percentiles(polled)))

    assert 3 * CHANGES == len(by_events)
