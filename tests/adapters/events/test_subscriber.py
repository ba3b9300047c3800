"""The subscriber over the in-process bus, in virtual time."""

import asyncio
import logging
from datetime import datetime

import attrs
import pytest

from shelfport import (
    InMemoryInventory,
    InventoryEvent,
    ProductVariantId,
    Settings,
    StockStatus,
    build,
)
from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.adapters.events.publisher import EventPublisher, message_of
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.runtime.request_context import ambient
from shelfport.options import EventOptions
from shelfport.ports.message_bus import REASON, Message
from shelfport.ports.snapshot import EventsSnapshot
from tests.adapters.events.test_handler import Team
from tests.support.catalogs import ShownCatalog
from tests.support.clocks import LoopClock
from tests.support.values import BACK, LOW, OUT, an_event, ids

pytestmark = pytest.mark.looptime

A, B, C = ids(3)
OPTIONS = EventOptions(max_attempts=3, base_delay=0.5, max_delay=2, attempt_timeout=1)


class Slow(ShownCatalog):
    """A slow catalog, which keeps how many calls ran at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.now: list[object] = []
        self.most = 0
        self.overlaps = 0
        """How often two events of one variant were handled at once."""
        self.correlation: list[str | None] = []

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        self.overlaps += variant in self.now
        self.now.append(variant)
        self.most = max(self.most, len(self.now))
        self.correlation.append(ambient()[0])
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now.remove(variant)
        await super().show_status(variant, status, as_of)


@attrs.frozen
class World:
    bus: InProcessBus = attrs.field(factory=InProcessBus)
    catalog: Slow = attrs.field(factory=Slow)
    team: Team = attrs.field(factory=Team)

    def host(self, options: EventOptions = OPTIONS) -> InventoryIntegration:
        return build(
            Settings(events=options),
            adapter=InMemoryInventory(clock=LoopClock()),
            catalog=self.catalog,
            notifier=self.team,
            bus=self.bus,
        )

    async def publish(self, *events: InventoryEvent) -> None:
        async with EventPublisher(self.bus) as publisher:
            for event in events:
                await publisher.publish(event)


@pytest.fixture
async def world() -> World:
    return World()


def of(host: InventoryIntegration) -> EventsSnapshot:
    events = host.snapshot().events
    assert events is not None
    return events


async def test_events_are_handled_and_acknowledged(world: World) -> None:
    """Events are shown, notified, counted and acknowledged."""
    events = [an_event(OUT, A), an_event(LOW, B), an_event(BACK, A, at=1)]
    async with world.host() as host:
        await asyncio.sleep(0.1)  # the invalidation subscription gets events from now on only
        await world.publish(*events, events[0])
        await asyncio.sleep(1)
        snapshot = of(host)
    async with world.bus.consumer_group() as source:
        left = await source.fetch(10)

    assert ({A: BACK.status, B: LOW.status}, []) == (world.catalog.shown(), left)
    assert ("in-process bus", 4, 1) == (
        snapshot.bus,
        snapshot.catalog.handled,
        snapshot.catalog.duplicates,
    )
    assert (True, 4) == (snapshot.invalidation.connected, snapshot.invalidation.handled)
    assert not of(host).catalog.connected


async def test_one_variant_in_order_others_at_once(world: World) -> None:
    """Events of one variant are handled in order, those of others concurrently, up to the limit."""
    world.catalog.seconds = 0.5
    variants = ids(8)
    options = attrs.evolve(OPTIONS, max_concurrency=4)
    async with world.host(options):
        await world.publish(*(an_event(OUT, A, at=n) for n in range(3)))
        await world.publish(*(an_event(OUT, variant) for variant in variants[1:]))
        await asyncio.sleep(5)

    assert [0, 1, 2] == [
        int(as_of.second) for variant, _, as_of in world.catalog.calls if variant == A
    ]
    assert 0 == world.catalog.overlaps
    assert 4 >= world.catalog.most > 1
    assert set(variants) == world.catalog.shown().keys()


async def test_a_failure_is_repeated_then_dead_lettered_then_replayed(world: World) -> None:
    """A failing event is retried, dead-lettered with the reason, and handled after a replay."""
    world.catalog.refused = {A}
    event, other = an_event(OUT, A), an_event(OUT, B)
    async with world.host() as host:
        await world.publish(event, other)
        await asyncio.sleep(10)
        assert (2, 1) == (of(host).catalog.retried, of(host).catalog.dead_lettered)
        assert {B: OUT.status} == world.catalog.shown()

        world.catalog.refused = set()
        async with world.bus.dead_letters() as source:
            [letter] = await source.fetch(10)
            await letter.ack()
            assert [] == await source.fetch(10)
        await asyncio.sleep(1)
    reason = letter.message.headers[REASON]

    assert reason.startswith("not handled in 3 attempts: LookupError: the catalog refuses")
    assert {A: OUT.status, B: OUT.status} == world.catalog.shown()


async def test_an_attempt_that_hangs_is_cut_off(world: World) -> None:
    """A catalog that hangs ends each attempt by timeout, and the event is dead-lettered."""
    world.catalog.seconds = 100
    async with world.host():
        await world.publish(an_event(OUT, A))
        await asyncio.sleep(10)

    assert ["not handled in 3 attempts: TimeoutError"] == [r for _, r in world.bus.dead_lettered]


async def test_a_malformed_message_is_dead_lettered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A malformed message is dead-lettered at once, with its JSON path and an ERROR record."""
    async with world.host() as host:
        await world.bus.publish(Message(b"\xff", {"type": "InventoryLowStockEvent"}))
        await world.publish(an_event(OUT, A))
        await asyncio.sleep(1)
        snapshot = of(host)
    [(_, reason)] = world.bus.dead_lettered

    assert "malformed at $" in reason
    assert (1, 1, {A: OUT.status}) == (
        snapshot.catalog.dead_lettered,
        snapshot.catalog.handled,
        world.catalog.shown(),
    )
    assert 1 == len([r for r in caplog.records if r.levelno == logging.ERROR])


async def test_an_event_that_crashes_its_handlers_is_dead_lettered(world: World) -> None:
    """After max_deliveries without an acknowledgement, an event is not handled again."""
    await world.publish(an_event(OUT, A))
    for _ in range(3):
        async with world.bus.consumer_group() as source:
            assert 1 == len(await source.fetch(1))
    async with world.host(attrs.evolve(OPTIONS, max_deliveries=3)):
        await asyncio.sleep(1)

    assert [] == world.catalog.calls
    assert ["delivered 3 times without being acknowledged; its handler may crash the process"] == [
        reason for _, reason in world.bus.dead_lettered
    ]


async def test_the_channel_says_the_type(world: World) -> None:
    """Without a header for the type, the channel says the type."""
    message = attrs.evolve(message_of(an_event(LOW, A)), headers={})
    async with world.host():
        await world.bus.publish(message)
        await asyncio.sleep(1)

    assert {A: LOW.status} == world.catalog.shown()


async def test_correlation_ids_reach_the_catalogue(world: World) -> None:
    """The handler runs with the event's correlation id; without one, with its `eventId`."""
    message = message_of(an_event(OUT, A))
    headers = {**message.headers, "x-correlation-id": "order-7"}
    async with world.host():
        await world.bus.publish(attrs.evolve(message, headers=headers))
        await world.publish(nameless := an_event(OUT, B))
        await asyncio.sleep(1)

    assert ["order-7", str(nameless.event_id)] == world.catalog.correlation


async def test_an_outage_of_the_bus(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The host opens at once without its bus, logs an outage once, and reconnects."""
    world.bus.available = False
    async with asyncio.timeout(0.001):
        host = world.host()
        await host.__aenter__()
    for _ in range(2):
        await asyncio.sleep(30)
        assert (False, "BusUnavailable: the in-process bus is unavailable") == (
            of(host).catalog.connected,
            of(host).catalog.trouble,
        )
        world.bus.available = True
        await asyncio.sleep(10)
        assert (True, None) == (of(host).invalidation.connected, of(host).invalidation.trouble)
        await world.publish(an_event(OUT, A))
        await asyncio.sleep(1)
        world.bus.available = False
    handled = of(host).catalog.handled
    await host.__aexit__(None, None, None)

    assert 2 == handled
    assert 3 <= len([r for r in caplog.records if r.levelno == logging.WARNING]) <= 6


async def test_closing_finishes_the_events_in_process(world: World) -> None:
    """An event that is being handled when the host closes is finished and acknowledged."""
    world.catalog.seconds = 0.9
    async with world.host():
        await world.publish(an_event(OUT, A))
        await asyncio.sleep(0.1)

    assert {A: OUT.status} == world.catalog.shown()
    async with world.bus.consumer_group() as source:
        assert [] == await source.fetch(10)


async def test_an_unfinished_event_is_delivered_again(world: World) -> None:
    """An event that a closing host did not finish is delivered to the next host."""
    world.catalog.seconds = 10
    options = EventOptions(attempt_timeout=11, max_attempts=2)
    async with world.host(options):
        await world.publish(an_event(OUT, A))
        await asyncio.sleep(0.1)
    assert {} == world.catalog.shown()

    world.catalog.seconds = 0
    async with world.host(options):
        await asyncio.sleep(1)
    assert {A: OUT.status} == world.catalog.shown()
