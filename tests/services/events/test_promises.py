"""The guarantees of each bus, on real servers: docs/events.md has the table."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from shelfport import (
    InventoryEvent,
    InventoryIntegration,
    Settings,
    build,
)
from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.options import EventOptions
from shelfport.adapters.events.publisher import EventPublisher, message_of
from shelfport.ports import SubscriptionSnapshot
from shelfport.ports.message_bus import REASON, Message
from tests.support.brokers import private_nats
from tests.support.catalogs import ShownCatalog
from tests.support.values import BACK, LOW, OUT, an_event, ids

PATIENCE = 15.0


def catalog_of(replica: InventoryIntegration) -> SubscriptionSnapshot:
    events = replica.snapshot().events
    assert events is not None
    return events.catalog


def invalidation_of(replica: InventoryIntegration) -> SubscriptionSnapshot:
    events = replica.snapshot().events
    assert events is not None
    return events.invalidation


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - a snapshot sends no signal
            await asyncio.sleep(0.02)


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def replica(
    stack: AsyncExitStack, options: EventOptions, catalog: ShownCatalog
) -> InventoryIntegration:
    """A replica with both subscriptions connected."""
    made = build(Settings(adapter="memory", events=options), catalog=catalog)
    await stack.enter_async_context(made)
    await eventually(lambda: catalog_of(made).connected and invalidation_of(made).connected)
    return made


async def test_delivery_order_dead_letters_and_replay(
    options: EventOptions, opened: AsyncExitStack
) -> None:
    """The consumer group gets an event once, invalidation on each replica; letters are replayed."""
    good, bad = ids(2)
    catalog = ShownCatalog()
    catalog.refused = {bad}
    count = 1 if options.url is not None and "kafka" in options.url.get_secret_value() else 2
    replicas = [await replica(opened, options, catalog) for _ in range(count)]
    kinds: list[type[InventoryEvent]] = [OUT, BACK, LOW, OUT, BACK]
    events = [an_event(kind, good, at=n) for n, kind in enumerate(kinds)]
    poison = Message(b"{}", {"type": "InventoryLowStockEvent"}, "inventory.low-stock")
    bus = open_bus(options)
    async with EventPublisher(bus) as publisher:
        for event in events:
            await publisher.publish(event)
        await publisher.publish(refused := an_event(LOW, bad))
    async with bus.publisher() as publisher:
        await publisher.publish(poison)
    await eventually(
        lambda: (
            sum(catalog_of(r).handled for r in replicas) == 5
            and sum(catalog_of(r).dead_lettered for r in replicas) == 2
            and all(invalidation_of(r).handled == 6 for r in replicas)
        )
    )

    assert {good: BACK.status} == catalog.shown()
    assert 2 == sum(catalog_of(r).retried for r in replicas)

    catalog.refused.clear()
    reasons: dict[bytes, str] = {}
    async with bus.dead_letters() as source:
        while deliveries := await source.fetch(10):
            for delivery in deliveries:
                reasons[delivery.message.body] = delivery.message.headers[REASON]
                await delivery.ack()
    await eventually(lambda: sum(catalog_of(r).handled for r in replicas) == 6)
    await eventually(lambda: sum(catalog_of(r).dead_lettered for r in replicas) == 3)

    assert {message_of(refused).body, poison.body} == reasons.keys()
    assert "not handled in 3 attempts: LookupError" in reasons[message_of(refused).body]
    assert "malformed at $.eventId" in reasons[poison.body]
    assert {good: BACK.status, bad: LOW.status} == catalog.shown()
    assert all(invalidation_of(r).handled == 6 for r in replicas)


async def test_events_wait_for_the_consumer_group(
    options: EventOptions, opened: AsyncExitStack
) -> None:
    """An event that was published while no replica ran is handled by the next one."""
    bus, catalog = open_bus(options), ShownCatalog()
    async with bus.consumer_group():
        pass
    [variant] = ids(1)
    async with EventPublisher(bus) as publisher:
        await publisher.publish(an_event(OUT, variant))
    await replica(opened, options, catalog)
    await eventually(lambda: catalog.shown() == {variant: OUT.status})


async def test_a_bus_that_is_down_delays_nothing(tmp_path: Path, opened: AsyncExitStack) -> None:
    """The integration opens without its bus, reports that, and subscribes when the bus is up."""
    broker = private_nats(tmp_path)
    options = EventOptions(url=broker.url, max_delay=0.2, base_delay=0.1, ack_timeout=60)
    catalog = ShownCatalog()
    async with asyncio.timeout(PATIENCE):  # the bus is down while it opens
        made = await opened.enter_async_context(
            build(Settings(adapter="memory", events=options), catalog=catalog)
        )
    await eventually(lambda: catalog_of(made).trouble is not None)
    first, second = ids(2)
    for variant in (first, second):
        await asyncio.to_thread(broker.start)
        opened.callback(broker.kill)
        await eventually(lambda: catalog_of(made).connected and invalidation_of(made).connected)
        async with EventPublisher(open_bus(options)) as publisher:
            await publisher.publish(an_event(OUT, variant))
        await eventually(lambda v=variant: v in catalog.shown())  # type: ignore[misc]  # a lambda has no types
        broker.kill()
        await eventually(lambda: not catalog_of(made).connected)
    trouble = catalog_of(made).trouble

    assert trouble is not None
    assert {first: OUT.status, second: OUT.status} == catalog.shown()
