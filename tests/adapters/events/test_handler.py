"""What an event does in the host: shown and notified, once and in order."""

import pytest

from shelfport import InventoryEvent
from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.events.handler import EventHandler
from shelfport.adapters.events.notification_options import NotificationOptions
from shelfport.options import EventOptions
from tests.support.catalogs import ShownCatalog
from tests.support.clocks import ManualClock
from tests.support.values import BACK, LOW, OUT, an_event, ids

A, B = ids(2)


class Team:
    """A notifier that keeps its events, and fails the first `failures` times."""

    def __init__(self) -> None:
        self.notified: list[InventoryEvent] = []
        self.failures = 0

    async def notify(self, event: InventoryEvent) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no answer")
        self.notified.append(event)


class World:
    def __init__(self, dedup_entries: int = 100) -> None:
        self.catalog, self.team, self.counts = ShownCatalog(), Team(), SubscriptionCounts()
        self.clock = ManualClock()
        self.handler = EventHandler(self.catalog, self.team, self.clock, self.counts, dedup_entries)

    async def handle(self, *events: InventoryEvent) -> None:
        for event in events:
            await self.handler.handle(event)


async def test_an_event_is_shown_and_notified() -> None:
    """An event changes the display status, as of when it happened, and notifies the teams."""
    world = World()
    event = an_event(LOW, A, at=3)
    world.clock.advance(5)
    await world.handle(event)

    assert [(A, LOW.status, event.occurred_at)] == world.catalog.calls
    assert [event] == world.team.notified
    assert (1, 2.0) == (world.counts.handled, world.counts.lag)


async def test_a_duplicate_does_nothing() -> None:
    """An event that was handled does nothing when it comes again, also after newer ones."""
    world = World()
    first, second = an_event(OUT, A, at=1), an_event(BACK, A, at=2)
    await world.handle(first, second, first, second)

    assert [first, second] == world.team.notified
    assert 2 == len(world.catalog.calls)
    assert (4, 2, 0) == (world.counts.handled, world.counts.duplicates, world.counts.late)


async def test_a_late_event_is_neither_shown_nor_notified() -> None:
    """An event older than the last one of its variant is late; other variants do not count."""
    world = World()
    await world.handle(new := an_event(BACK, A, at=9), an_event(OUT, A, at=8), an_event(OUT, B))

    assert {A: BACK.status, B: OUT.status} == world.catalog.shown()
    assert [new, world.team.notified[-1]] == world.team.notified
    assert 1 == world.counts.late


async def test_a_failed_event_is_handled_again_in_full() -> None:
    """After a failure the same event is shown and notified as if it were new."""
    world = World()
    world.team.failures = 1
    event = an_event(OUT, A)
    with pytest.raises(ConnectionError):
        await world.handle(event)
    await world.handle(event)

    assert [event] == world.team.notified
    assert (1, 0, 0) == (world.counts.handled, world.counts.duplicates, world.counts.late)


async def test_memory_is_bounded() -> None:
    """After dedup_entries further events, a duplicate is handled again."""
    world = World(dedup_entries=2)
    events = [an_event(OUT, A, at=n) for n in range(3)]
    await world.handle(*events, events[2], events[0])

    assert (1, 1) == (world.counts.duplicates, world.counts.late)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"url": "ftp://secret@bus"}, "url is no address of a bus"),
        ({"url": "amqp://"}, "url is no address of a bus"),
        ({"consumer_group": "a b"}, "consumer_group is 'a b': it must be"),
        ({"prefix": ".x"}, "prefix is '.x': it must be"),
        ({"base_delay": 9}, "base_delay is 9: it must be at most max_delay"),
        ({"ack_timeout": 5}, "ack_timeout is 5: it must be at least"),
    ],
)
def test_options_that_make_no_sense(given: dict[str, object], sentence: str) -> None:
    """A wrong option is one sentence that names it, and quotes no secret."""
    with pytest.raises(ValueError, match=sentence) as caught:
        EventOptions(**given)  # type: ignore[arg-type]  # that is the point

    assert "secret" not in str(caught.value)


def test_a_webhook_that_is_no_address() -> None:
    """A webhook's address that is none is refused in a sentence that does not quote it."""
    with pytest.raises(ValueError, match="low_stock_webhook is no URL of a webhook") as caught:
        NotificationOptions(low_stock_webhook="mailto:secret@b")

    assert "secret" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    """Neither the bus's address, which may hold a password, nor a webhook's is printed."""
    options = EventOptions(url="amqp://a:secret@b")
    notifications = NotificationOptions(out_of_stock_webhook="https://hooks/secret")

    assert "secret" not in repr(options) + repr(notifications)
