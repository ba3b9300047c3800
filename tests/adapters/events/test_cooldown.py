"""Notifications of flapping stock, in virtual time."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from shelfport import InventoryEvent
from shelfport.adapters.events.cooldown import Cooldown
from shelfport.adapters.events.handler_retry import HandlerRetry
from shelfport.adapters.runtime.background import Background
from shelfport.options import EventOptions
from tests.adapters.events.test_handler import Team
from tests.support.clocks import LoopClock
from tests.support.listening import lowest
from tests.support.values import BACK, LOW, OUT, an_event, ids

pytestmark = pytest.mark.looptime

A, B = ids(2)


@pytest.fixture
def team() -> Team:
    return Team()


@pytest.fixture
async def cooldown(team: Team) -> AsyncIterator[Cooldown]:
    async with Background() as background:
        yield Cooldown(
            team,
            cooldown=60,
            clock=LoopClock(),
            background=background,
            retry=HandlerRetry(EventOptions(max_attempts=2), lowest),
            max_variants=10,
        )


async def notify(cooldown: Cooldown, *events: InventoryEvent) -> None:
    for event in events:
        await cooldown.notify(event)


async def test_flapping_stock_is_notified_twice(cooldown: Cooldown, team: Team) -> None:
    """The first event is notified at once, and only the latest one after the cooldown."""
    flapping = [an_event(kind, A, at=n) for n, kind in enumerate([OUT, BACK, OUT, BACK, LOW])]
    await notify(cooldown, *flapping)
    at_once = list(team.notified)
    await asyncio.sleep(61)

    assert ([flapping[0]], [flapping[0], flapping[-1]]) == (at_once, team.notified)


async def test_a_notification_begins_a_cooldown(cooldown: Cooldown, team: Team) -> None:
    """The notification at the end of a cooldown begins another cooldown."""
    events = [an_event(kind, A, at=n) for n, kind in enumerate([OUT, BACK, OUT])]
    await notify(cooldown, *events[:2])
    await asyncio.sleep(61)
    await notify(cooldown, events[2])
    await asyncio.sleep(30)
    assert events[:2] == team.notified

    await asyncio.sleep(31)
    assert events == team.notified


async def test_an_unchanged_status_is_not_notified_again(cooldown: Cooldown, team: Team) -> None:
    """A cooldown that ends with the status of its beginning sends no notification."""
    await notify(
        cooldown, first := an_event(OUT, A), an_event(BACK, A, at=1), an_event(OUT, A, at=2)
    )
    await asyncio.sleep(200)

    assert [first] == team.notified


async def test_an_older_event_is_not_notified(cooldown: Cooldown, team: Team) -> None:
    """A late event during a cooldown changes nothing."""
    await notify(cooldown, first := an_event(OUT, A, at=5), an_event(BACK, A, at=4))
    await asyncio.sleep(200)

    assert [first] == team.notified


async def test_each_variant_has_its_own_cooldown(cooldown: Cooldown, team: Team) -> None:
    """The cooldown of one variant does not delay the events of another."""
    events = [an_event(OUT, A), an_event(OUT, B)]
    await notify(cooldown, *events)

    assert events == team.notified


async def test_a_failed_notification_begins_no_cooldown(cooldown: Cooldown, team: Team) -> None:
    """An event whose notification failed is notified at its next delivery."""
    team.failures = 1
    event = an_event(OUT, A)
    with pytest.raises(ConnectionError):
        await cooldown.notify(event)
    await cooldown.notify(event)

    assert [event] == team.notified


async def test_a_notification_after_the_cooldown_is_retried(
    cooldown: Cooldown, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    """It has as many attempts as an event; if all fail, an ERROR names the event."""
    first, second, third = (an_event(k, A, at=n) for n, k in enumerate([OUT, BACK, OUT]))
    await notify(cooldown, first, second)
    team.failures = 1
    await asyncio.sleep(61)
    await notify(cooldown, third)
    team.failures = 2
    await asyncio.sleep(62)

    assert [first, second] == team.notified
    [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert str(third.event_id) in record.getMessage()
