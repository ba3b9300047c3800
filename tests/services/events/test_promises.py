"""What each bus promises, on real servers: docs/events.md has the table."""

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


def work(replica: InventoryIntegration) -> SubscriptionSnapshot:
    events = replica.snapshot().events
    assert events is not None
    return events.catalog


def knowledge(replica: InventoryIntegration) -> SubscriptionSnapshot:
    events = replica.snapshot().events
    assert events is not None
    return events.invalidation


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - a snapshot tells nobody that it changed
            await asyncio.sleep(0.02)


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def replica(
    stack: AsyncExitStack, options: EventOptions, catalog: ShownCatalog
) -> InventoryIntegration:
    """A replica whose subscriptions both stand."""
    made = build(Settings(events=options), catalog=catalog)
    await stack.enter_async_context(made)
    await eventually(lambda: work(made).connected and knowledge(made).connected)
    return made


async def test_delivery_order_dead_letters_and_replay(
    options: EventOptions, opened: AsyncExitStack
) -> None:
    """Work goes to one replica, knowledge to each; a dead letter has its reason, and comes back."""
    good, bad = ids(2)
    catalog = ShownCatalog()
    catalog.refused = {bad}
    count = 1 if options.url is not None and "kafka" in options.url.get_secret_value() else 2
    replicas = [await replica(opened, options, catalog) for _ in range(count)]
    kinds: list[type[InventoryEvent]] = [OUT, BACK, LOW, OUT, BACK]
    events = [an_event(kind, good, at=n) for n, kind in enumerate(kinds)]
    poison = Message(b"{}", {"type": "InventoryLowStockEvent"}, "inventory.low-stock")
    bus = open_bus(options)
    async with EventPublisher(bus) as announcer:
        for event in events:
            await announcer.announce(event)
        await announcer.announce(refused := an_event(LOW, bad))
    async with bus.publisher() as publisher:
        await publisher.publish(poison)
    await eventually(
        lambda: (
            sum(work(r).handled for r in replicas) == 5
            and sum(work(r).dead_lettered for r in replicas) == 2
            and all(knowledge(r).handled == 6 for r in replicas)
        )
    )

    assert {good: BACK.status} == catalog.shown()
    assert 2 == sum(work(r).retried for r in replicas)

    catalog.refused.clear()
    reasons: dict[bytes, str] = {}
    async with bus.dead_letters() as source:
        while deliveries := await source.fetch(10):
            for delivery in deliveries:
                reasons[delivery.message.body] = delivery.message.headers[REASON]
                await delivery.done()
    await eventually(lambda: sum(work(r).handled for r in replicas) == 6)
    await eventually(lambda: sum(work(r).dead_lettered for r in replicas) == 3)

    assert {message_of(refused).body, poison.body} == reasons.keys()
    assert "not handled in 3 attempts: LookupError" in reasons[message_of(refused).body]
    assert "malformed at $.eventId" in reasons[poison.body]
    assert {good: BACK.status, bad: LOW.status} == catalog.shown()
    assert all(knowledge(r).handled == 6 for r in replicas)


async def test_work_waits_while_nobody_is_there(
    options: EventOptions, opened: AsyncExitStack
) -> None:
    """What is announced between two lives of the only replica is handled in the second."""
    bus, catalog = open_bus(options), ShownCatalog()
    async with bus.consumer_group():
        pass
    [variant] = ids(1)
    async with EventPublisher(bus) as announcer:
        await announcer.announce(an_event(OUT, variant))
    await replica(opened, options, catalog)
    await eventually(lambda: catalog.shown() == {variant: OUT.status})


async def test_a_bus_that_is_away_delays_nothing(tmp_path: Path, opened: AsyncExitStack) -> None:
    """The integration opens without its bus, says so, and subscribes whenever the bus is there."""
    broker = private_nats(tmp_path)
    options = EventOptions(url=broker.url, max_delay=0.2, base_delay=0.1, ack_timeout=60)
    catalog = ShownCatalog()
    async with asyncio.timeout(PATIENCE):  # the bus is not there before it is open
        made = await opened.enter_async_context(build(Settings(events=options), catalog=catalog))
    await eventually(lambda: work(made).trouble is not None)
    first, second = ids(2)
    for variant in (first, second):
        await asyncio.to_thread(broker.start)
        opened.callback(broker.kill)
        await eventually(lambda: work(made).connected and knowledge(made).connected)
        async with EventPublisher(open_bus(options)) as announcer:
            await announcer.announce(an_event(OUT, variant))
        await eventually(lambda v=variant: v in catalog.shown())  # type: ignore[misc]  # a lambda has no types
        broker.kill()
        await eventually(lambda: not work(made).connected)
    trouble = work(made).trouble

    assert trouble is not None
    assert {first: OUT.status, second: OUT.status} == catalog.shown()
