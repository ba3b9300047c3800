"""The seams of the composition: the host's own layers, queue, clock and store.

Each integration is read, asked for a snapshot and closed, so that no part expects our own classes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pytest
from dependency_injector import providers

from shelfport import (
    Container,
    Freshness,
    InitializationPolicy,
    InMemoryInventory,
    InventoryIntegration,
    ProductVariantId,
    Settings,
    SettingsError,
    StockReading,
    SystemClock,
    Unavailable,
    UnavailableReason,
    build,
)
from shelfport.errors import TimedOut
from shelfport.options import InitializationOptions, QueueOptions
from shelfport.outbox import InMemoryQueue
from shelfport.ports import Answer, Call
from tests.adapters.composition.host_layers import A, Recorder, Seen, in_memory, quantity, recording
from tests.support.catalogs import ShownCatalog
from tests.support.clocks import EPOCH, LoopClock, ManualClock
from tests.support.ports import ScriptedPort
from tests.support.shared_store import ModelStore
from tests.support.values import a_reading, an_id
from tests.support.waiting import eventually, until

RETRY_LATER = InitializationPolicy.RETRY_LATER


# Layers


async def test_outermost_layers_see_every_call() -> None:
    """The host's layers see each call, hits too, and the first one is the outermost."""
    seen: Seen = []
    layers = [recording("first", seen), recording("second", seen)]
    async with build(Settings(), adapter=in_memory(), layers=layers) as inventory:
        await inventory.get_stock_levels([A, an_id(2)])
        page = await inventory.get_stock_levels([A])
        one = await inventory.get_stock_level(A)
        await inventory.request_inventory_initialization(an_id(3))

    calls = ["reads 2", "reads 1", "reads 1", "initializes"]
    assert seen == [f"{name} {call}" for call in calls for name in ("first", "second")]
    assert isinstance(one, StockReading)
    assert isinstance(kept := page[A], StockReading)
    assert {Freshness.CACHED} == {one.freshness, kept.freshness}


async def test_a_faulty_outermost_layer_costs_its_own_variants() -> None:
    """What an outermost layer mixes up is not shown; the variants that it answers right are."""
    other = an_id(2)

    @attrs.frozen
    class Swapping(Recorder):
        async def read(
            self, ids: Sequence[ProductVariantId], call: Call
        ) -> Mapping[ProductVariantId, Answer]:
            answers = await self.inner.read(ids, call)
            return {other: answers[A], A: answers[A]}

    async with build(Settings(adapter="memory"), adapter=in_memory(), layers=[Swapping]) as shop:
        page = await shop.get_stock_levels([A, other])

    assert [A, other] == list(page)
    assert isinstance(page[A], StockReading)
    assert Unavailable(UnavailableReason.ADAPTER_FAULT) == page[other]


async def test_without_a_layer_hits_pass_the_port_by() -> None:
    """Without a layer of the host, hits come from the cache's own fast path."""
    container = Container(adapter=providers.Object(in_memory()))

    assert container.hits() is container.stack().hits
    assert container.port() is container.stack().pages


async def test_adapter_layers_see_each_attempt() -> None:
    """Layers above the adapter see requests, and nothing that a cache answers; retries count."""
    seen: Seen = []
    port = ScriptedPort()

    async def fails_once(ids: Sequence[ProductVariantId], call: Call) -> Mapping[Any, Answer]:
        if len(port.reads) == 1:
            raise ConnectionError("a bug")
        return {variant: a_reading(variant, as_of=SystemClock().now()) for variant in ids}

    port.script = fails_once
    layers = [recording("first", seen), recording("second", seen)]
    async with build(Settings(), adapter=port, adapter_layers=layers) as inventory:
        assert isinstance(await inventory.get_stock_level(A), Unavailable)
        seen.clear()
        for _ in range(3):
            assert isinstance(await inventory.get_stock_level(A), StockReading)
        assert ["first reads 1", "second reads 1"] == seen


async def test_adapter_layers_see_the_workers_attempts() -> None:
    """The worker's attempts go through the layers above the adapter, and not the outermost ones."""
    outer: Seen = []
    inner: Seen = []
    queue = InMemoryQueue()
    async with build(
        Settings(adapter="memory"),
        queue=queue,
        layers=[recording("outer", outer)],
        adapter_layers=[recording("inner", inner)],
    ) as inventory:
        await queue.add(inventory.initialization_entry(A, policy=RETRY_LATER))
        await until(lambda: bool(inner), 10)

    assert ([], ["inner initializes"]) == (outer, inner)


# Ports


async def test_an_own_queue() -> None:
    """A policy of the settings that queues works with the host's queue, without `queue.url`."""
    settings = Settings(
        initialization=InitializationOptions(policy=RETRY_LATER), queue=QueueOptions(worker=False)
    )
    queue, memory = InMemoryQueue(), in_memory()
    memory.fail_with(TimedOut("down"))
    async with build(settings, adapter=memory, queue=queue) as inventory:
        await inventory.request_inventory_initialization(an_id(2))
        assert inventory.snapshot().queue is not None

        assert [an_id(2)] == [entry.request.variant_id for entry in await queue.entries()]


async def test_an_own_queue_is_worked_off() -> None:
    """The integration's worker processes the host's queue, and its snapshot shows the queue."""
    queue, catalog = InMemoryQueue(), ShownCatalog()
    settings = Settings(
        adapter="memory",
        initialization=InitializationOptions(policy=InitializationPolicy.NOT_ORDERABLE),
    )
    async with build(settings, queue=queue, catalog=catalog) as inventory:
        await queue.add(inventory.initialization_entry(A))
        await until_empty(queue)
        assert isinstance(await inventory.get_stock_level(A), StockReading)
        assert inventory.snapshot().queue is not None


def test_a_policy_without_a_queue_names_both_ways() -> None:
    """Without a queue, the sentence names the setting and the argument."""
    settings = Settings(adapter="memory", initialization=InitializationOptions(policy=RETRY_LATER))

    with pytest.raises(SettingsError, match=r"set queue\.url, .* queue to build\(.*queue=…\)"):
        build(settings)


async def test_an_own_clock() -> None:
    """All parts go by the host's clock: readings have its time, and the cache ages by it."""
    clock = ManualClock()
    async with build(Settings(adapter="memory"), clock=clock) as inventory:
        await inventory.request_inventory_initialization(A, initial_quantity=3)
        clock.advance(1)
        first = await inventory.get_stock_level(A)
        clock.advance(0.5)
        kept = await inventory.get_stock_level(A)
        clock.advance(3600)
        later = await inventory.get_stock_level(A)

    readings = [r for r in (first, kept, later) if isinstance(r, StockReading)]
    assert [1.0, 1.0, 3601.5] == [(reading.as_of - EPOCH).total_seconds() for reading in readings]
    assert [Freshness.LIVE, Freshness.CACHED, Freshness.LIVE] == [r.freshness for r in readings]


@pytest.mark.looptime
async def test_an_own_shared_store() -> None:
    """Two replicas share what they read through the host's store, without `shared_cache.url`."""
    clock = LoopClock()
    store, port = ModelStore(clock), ScriptedPort()
    port.script = in_time(clock)
    one, two = (build(Settings(), adapter=port, clock=clock, shared_store=store) for _ in range(2))
    async with one, two:
        assert 100 == await quantity(one)
        assert 100 == await quantity(two)
        assert one.snapshot().shared_cache is not None

    assert 1 == len(port.reads)


@pytest.mark.looptime
async def test_a_written_record_fences_the_shared_cache() -> None:
    """When the worker has opened a record, other replicas do not show what was known before."""
    clock = LoopClock()
    store, service, queue = ModelStore(clock), InMemoryInventory(clock=clock), InMemoryQueue()
    worker, other = (
        build(
            Settings(queue=QueueOptions(worker=works)),
            adapter=service,
            clock=clock,
            shared_store=store,
            queue=queue,
        )
        for works in (True, False)
    )
    async with worker, other:
        assert isinstance(await other.get_stock_level(A), Unavailable)
        assert (held := store.of(A)) is not None
        assert (absence := held.absence) is not None
        assert absence.stored_with == held.token  # a third replica would take "unknown" from here
        await queue.add(other.initialization_entry(A, initial_quantity=7, policy=RETRY_LATER))
        await until_empty(queue)

        assert absence.stored_with != held.token
        assert "fence" in store.asked
        assert 7 == await quantity(worker)
        await until_shown(other, 7)


def in_time(clock: LoopClock) -> Any:
    async def script(ids: Sequence[ProductVariantId], call: Call) -> Mapping[Any, Answer]:
        return {variant: a_reading(variant, as_of=clock.now()) for variant in ids}

    return script


async def until_shown(inventory: InventoryIntegration, units: int) -> None:
    """Wait for less than a ttl until `inventory`, which the backplane tells, shows `units`."""

    async def shown() -> bool:
        return units == await quantity(inventory)

    async with asyncio.timeout(1):
        await eventually(shown)


async def until_empty(queue: InMemoryQueue) -> None:
    async def empty() -> bool:
        return not await queue.entries()

    async with asyncio.timeout(10):
        await eventually(empty)
