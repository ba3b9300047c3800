"""Flapping stock and the teams, in virtual time."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from shelfport import InventoryEvent
from shelfport.adapters.events.cooldown import Cooldown
from shelfport.adapters.events.handler_retry import HandlerRetry
from shelfport.adapters.runtime.background import Background
from shelfport.options import EventOptions
from tests.adapters.events.test_handling import Team
from tests.support.clocks import LoopClock
from tests.support.listening import lowest
from tests.support.values import BACK, LOW, OUT, an_event, ids

pytestmark = pytest.mark.looptime

A, B = ids(2)


@pytest.fixture
def team() -> Team:
    return Team()


@pytest.fixture
async def quiet(team: Team) -> AsyncIterator[Cooldown]:
    async with Background() as background:
        yield Cooldown(
            team,
            cooldown=60,
            clock=LoopClock(),
            background=background,
            attempts=HandlerRetry(EventOptions(max_attempts=2), lowest),
            remembered=10,
        )


async def tell(quiet: Cooldown, *events: InventoryEvent) -> None:
    for event in events:
        await quiet.notify(event)


async def test_flapping_stock_is_told_twice(quiet: Cooldown, team: Team) -> None:
    """The first event is told at once, and of all that follow only the last, when it is quiet."""
    flapping = [an_event(kind, A, at=n) for n, kind in enumerate([OUT, BACK, OUT, BACK, LOW])]
    await tell(quiet, *flapping)
    at_once = list(team.told)
    await asyncio.sleep(61)

    assert ([flapping[0]], [flapping[0], flapping[-1]]) == (at_once, team.told)


async def test_the_last_word_begins_a_quiet_period(quiet: Cooldown, team: Team) -> None:
    """After the last word, too, it is quiet for as long, and then speaks again."""
    events = [an_event(kind, A, at=n) for n, kind in enumerate([OUT, BACK, OUT])]
    await tell(quiet, *events[:2])
    await asyncio.sleep(61)
    await tell(quiet, events[2])
    await asyncio.sleep(30)
    assert events[:2] == team.told

    await asyncio.sleep(31)
    assert events == team.told


async def test_what_was_said_is_not_said_again(quiet: Cooldown, team: Team) -> None:
    """A period that ends as it began has no last word."""
    await tell(quiet, first := an_event(OUT, A), an_event(BACK, A, at=1), an_event(OUT, A, at=2))
    await asyncio.sleep(200)

    assert [first] == team.told


async def test_an_older_event_is_no_last_word(quiet: Cooldown, team: Team) -> None:
    """What comes late in a quiet period changes nothing."""
    await tell(quiet, first := an_event(OUT, A, at=5), an_event(BACK, A, at=4))
    await asyncio.sleep(200)

    assert [first] == team.told


async def test_each_variant_has_its_own_quiet(quiet: Cooldown, team: Team) -> None:
    """One variant's period keeps nobody from hearing of another."""
    events = [an_event(OUT, A), an_event(OUT, B)]
    await tell(quiet, *events)

    assert events == team.told


async def test_nobody_told_no_quiet(quiet: Cooldown, team: Team) -> None:
    """An event that could not be told begins no period: it is told when it comes again."""
    team.failures = 1
    event = an_event(OUT, A)
    with pytest.raises(ConnectionError):
        await quiet.notify(event)
    await quiet.notify(event)

    assert [event] == team.told


async def test_a_last_word_is_tried_again(
    quiet: Cooldown, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    """The last word has as many attempts as an event; lost, it is an ERROR that names it."""
    first, second, third = (an_event(k, A, at=n) for n, k in enumerate([OUT, BACK, OUT]))
    await tell(quiet, first, second)
    team.failures = 1
    await asyncio.sleep(61)
    await tell(quiet, third)
    team.failures = 2
    await asyncio.sleep(62)

    assert [first, second] == team.told
    [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert str(third.event_id) in record.getMessage()
