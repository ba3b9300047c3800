"""The subscriber over the in-process bus, in virtual time: one rule for all buses."""

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
from tests.adapters.events.test_handling import Team
from tests.support.catalogs import ShownCatalog
from tests.support.clocks import LoopClock
from tests.support.values import BACK, LOW, OUT, an_event, ids

pytestmark = pytest.mark.looptime

A, B, C = ids(3)
OPTIONS = EventOptions(max_attempts=3, base_delay=0.5, max_delay=2, attempt_timeout=1)


class Slow(ShownCatalog):
    """A catalogue that takes its time, and keeps how much it had to do at once."""

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

    async def announce(self, *events: InventoryEvent) -> None:
        async with EventPublisher(self.bus) as announcer:
            for event in events:
                await announcer.announce(event)


@pytest.fixture
async def world() -> World:
    return World()


def of(host: InventoryIntegration) -> EventsSnapshot:
    events = host.snapshot().events
    assert events is not None
    return events


async def test_events_are_handled_and_acknowledged(world: World) -> None:
    """Events are shown, told and counted, and the queue is empty afterwards."""
    events = [an_event(OUT, A), an_event(LOW, B), an_event(BACK, A, at=1)]
    async with world.host() as host:
        await asyncio.sleep(0.1)  # knowledge begins when it is subscribed to
        await world.announce(*events, events[0])
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
    """Events of one variant are handled one by one, those of others meanwhile, up to the bound."""
    world.catalog.seconds = 0.5
    variants = ids(8)
    options = attrs.evolve(OPTIONS, max_concurrency=4)
    async with world.host(options):
        await world.announce(*(an_event(OUT, A, at=n) for n in range(3)))
        await world.announce(*(an_event(OUT, variant) for variant in variants[1:]))
        await asyncio.sleep(5)

    assert [0, 1, 2] == [
        int(as_of.second) for variant, _, as_of in world.catalog.calls if variant == A
    ]
    assert 0 == world.catalog.overlaps
    assert 4 >= world.catalog.most > 1
    assert set(variants) == world.catalog.shown().keys()


async def test_a_failure_is_repeated_then_dead_lettered_then_replayed(world: World) -> None:
    """What cannot be handled is tried again, put away with the reason, and handled on replay."""
    world.catalog.refused = {A}
    event, other = an_event(OUT, A), an_event(OUT, B)
    async with world.host() as host:
        await world.announce(event, other)
        await asyncio.sleep(10)
        assert (2, 1) == (of(host).catalog.retried, of(host).catalog.dead_lettered)
        assert {B: OUT.status} == world.catalog.shown()

        world.catalog.refused = set()
        async with world.bus.dead_letters() as source:
            [letter] = await source.fetch(10)
            await letter.done()
            assert [] == await source.fetch(10)
        await asyncio.sleep(1)
    reason = letter.message.headers[REASON]

    assert reason.startswith("not handled in 3 attempts: LookupError: the catalogue refuses")
    assert {A: OUT.status, B: OUT.status} == world.catalog.shown()


async def test_an_attempt_that_hangs_is_cut_off(world: World) -> None:
    """An attempt has its time, and a catalogue that hangs ends in a dead letter too."""
    world.catalog.seconds = 100
    async with world.host():
        await world.announce(an_event(OUT, A))
        await asyncio.sleep(10)

    assert ["not handled in 3 attempts: TimeoutError"] == [r for _, r in world.bus.buried]


async def test_poison_harms_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """What is no event is put away at once, with the spot that is wrong, and an ERROR record."""
    async with world.host() as host:
        await world.bus.publish(Message(b"\xff", {"type": "InventoryLowStockEvent"}))
        await world.announce(an_event(OUT, A))
        await asyncio.sleep(1)
        snapshot = of(host)
    [(_, reason)] = world.bus.buried

    assert "malformed at $" in reason
    assert (1, 1, {A: OUT.status}) == (
        snapshot.catalog.dead_lettered,
        snapshot.catalog.handled,
        world.catalog.shown(),
    )
    assert 1 == len([r for r in caplog.records if r.levelno == logging.ERROR])


async def test_an_event_that_ends_everybody_is_put_away(world: World) -> None:
    """An event that was delivered too often, and never finished, is dead-lettered unhandled."""
    await world.announce(an_event(OUT, A))
    for _ in range(3):
        async with world.bus.consumer_group() as source:
            assert 1 == len(await source.fetch(1))
    async with world.host(attrs.evolve(OPTIONS, max_deliveries=3)):
        await asyncio.sleep(1)

    assert [] == world.catalog.calls
    assert ["delivered 4 times, and nobody lived to finish it"] == [
        reason for _, reason in world.bus.buried
    ]


async def test_the_channel_tells_the_type(world: World) -> None:
    """Without a header that says the type, the channel says it."""
    message = attrs.evolve(message_of(an_event(LOW, A)), headers={})
    async with world.host():
        await world.bus.publish(message)
        await asyncio.sleep(1)

    assert {A: LOW.status} == world.catalog.shown()


async def test_correlation_ids_reach_the_catalogue(world: World) -> None:
    """The event's own id is ambient while it is handled; without one it goes by its `eventId`."""
    message = message_of(an_event(OUT, A))
    headers = {**message.headers, "x-correlation-id": "order-7"}
    async with world.host():
        await world.bus.publish(attrs.evolve(message, headers=headers))
        await world.announce(nameless := an_event(OUT, B))
        await asyncio.sleep(1)

    assert ["order-7", str(nameless.event_id)] == world.catalog.correlation


async def test_a_bus_that_goes_and_comes(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The host opens at once without its bus, says why, logs it once, and subscribes again."""
    world.bus.away = True
    async with asyncio.timeout(0.001):
        host = world.host()
        await host.__aenter__()
    for _ in range(2):
        await asyncio.sleep(30)
        assert (False, "BusAway: the in-process bus is away") == (
            of(host).catalog.connected,
            of(host).catalog.trouble,
        )
        world.bus.away = False
        await asyncio.sleep(10)
        assert (True, None) == (of(host).invalidation.connected, of(host).invalidation.trouble)
        await world.announce(an_event(OUT, A))
        await asyncio.sleep(1)
        world.bus.away = True
    handled = of(host).catalog.handled
    await host.__aexit__(None, None, None)

    assert 2 == handled
    assert 3 <= len([r for r in caplog.records if r.levelno == logging.WARNING]) <= 6


async def test_closing_finishes_what_is_under_way(world: World) -> None:
    """An event that is being handled when the host closes is finished and acknowledged."""
    world.catalog.seconds = 0.9
    async with world.host():
        await world.announce(an_event(OUT, A))
        await asyncio.sleep(0.1)

    assert {A: OUT.status} == world.catalog.shown()
    async with world.bus.consumer_group() as source:
        assert [] == await source.fetch(10)


async def test_what_is_not_finished_comes_again(world: World) -> None:
    """An event whose handling was cut off by the end of the host goes to the next one."""
    world.catalog.seconds = 10
    options = EventOptions(attempt_timeout=11, max_attempts=2)
    async with world.host(options):
        await world.announce(an_event(OUT, A))
        await asyncio.sleep(0.1)
    assert {} == world.catalog.shown()

    world.catalog.seconds = 0
    async with world.host(options):
        await asyncio.sleep(1)
    assert {A: OUT.status} == world.catalog.shown()
