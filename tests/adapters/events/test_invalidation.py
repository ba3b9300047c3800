"""The order in which an event invalidates the caches."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from dependency_injector import providers

from shelfport import Container, ProductVariantId, StockReading
from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.layers import SharedCacheClient
from shelfport.adapters.runtime.background import Background
from shelfport.ports.shared_store import LookupOptions, StoreRequest
from tests.adapters.layers.cache.world import Service
from tests.adapters.layers.shared_cache.world import OPTIONS
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.shared_store import ModelStore
from tests.support.values import LOW, a_reading, an_event, an_id

pytestmark = pytest.mark.looptime

A = an_id(1)


class SlowToFence(ModelStore):
    """A store where a fence takes some time, and a lookup none."""

    async def fence(self, ids: Sequence[ProductVariantId], stamp: str | None) -> None:
        await asyncio.sleep(0.02)
        await super().fence(ids, stamp)


async def quantity(inventory: InventoryIntegration) -> int | None:
    reading = await inventory.get_stock_level(A)
    return reading.level.available_quantity if isinstance(reading, StockReading) else None


async def keep_from_a_replica_ahead(store: ModelStore, variant: ProductVariantId) -> None:
    """Another replica, whose clock is two seconds ahead, has read `variant` just now."""
    clock = LoopClock()
    options = LookupOptions(clock.now(), reading_age=5, unknown_age=5, claim="other", lease=0)
    token = (await store.lookup([variant], options))[variant].token
    sent = clock.now() + timedelta(seconds=2)
    request = StoreRequest(a_reading(variant, 100, sent), sent, token, 300)
    await store.store({variant: request}, clock.now(), "other")


async def test_the_shared_cache_is_invalidated_before_memory() -> None:
    """A read during an invalidation puts no older answer back into memory.

    In the other order, memory would read the shared cache in that moment, take an answer of another
    replica, whose clock is ahead, for newer than the event, and show it as current afterwards.
    """
    clock, store, service, bus = LoopClock(), SlowToFence(LoopClock()), Service(), InProcessBus()
    background = Background()
    container = Container(
        adapter=providers.Object(service),
        clock=providers.Object(clock),
        background=providers.Object(background),
        shared_cache=providers.Object(
            SharedCacheClient(store, OPTIONS, clock, background, Heard())
        ),
        # It would invalidate memory too; without it, only the order counts.
        backplane=providers.Object(None),
        bus=providers.Object(bus),
    )
    async with container.integration() as inventory, EventPublisher(bus) as publisher:
        await keep_from_a_replica_ahead(store, A)
        assert 100 == await quantity(inventory)
        await asyncio.sleep(1)
        service.quantity = 7
        await publisher.publish(an_event(LOW, A, at=clock.monotonic()))
        await asyncio.sleep(0.01)  # the event is being learnt
        during = asyncio.create_task(quantity(inventory))
        await asyncio.sleep(0.5)
        handled = inventory.snapshot().events
        assert handled is not None

        assert 1 == handled.invalidation.handled
        assert 7 == await quantity(inventory)
        await during
