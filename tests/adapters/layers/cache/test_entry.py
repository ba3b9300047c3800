"""`CacheWindows` and `dated`: what the three scales say of one answer."""

from datetime import timedelta
from math import inf

import attrs
import pytest
from msgspec.structs import astuple

from shelfport.adapters.layers.cache.entry import CacheWindows, KeptReading, dated
from shelfport.adapters.layers.cache.moment import Moment, Scales
from tests.support.clocks import EPOCH, HostClock, LoopClock, SettableClock
from tests.support.values import a_reading, an_id

A = an_id(1)
WINDOWS = CacheWindows(
    asked_at=100,
    true_at=90,
    fresh_until=105,
    revalidate_until=130,
    stale_until=390,
    wall_offset=1000,
    boottime_offset=50,
)


def at(monotonic: float, *, suspended: float = 0, wall: float = 0) -> Moment:
    """A moment of the same host; the wall clock was set forward by `wall` as well."""
    return Moment(monotonic, monotonic + suspended + 1000 + wall, monotonic + suspended + 50)


@pytest.mark.parametrize(
    ("moment", "later"),
    [
        (at(103), 103),
        (at(103, suspended=60), 163),
        (at(103, wall=60), 163),
        (at(103, wall=-60), 103),
        (at(103, suspended=60, wall=-10), 153),
    ],
)
def test_the_later_clock(moment: Moment, later: float) -> None:
    """Of the monotonic and the wall clock, the one that says more time has passed counts."""
    assert later == WINDOWS.by_later_clock(moment)


@pytest.mark.parametrize(
    ("moment", "longest", "answers"),
    [
        (at(104.9), inf, True),
        (at(105), inf, False),
        (at(104), 14.1, True),
        (at(104), 14, False),
        (at(102, suspended=2.9), inf, True),
        (at(102, suspended=3), inf, False),
        (at(102, wall=3), inf, False),
        (at(102, wall=2), 14, False),
        (at(104.9, wall=-60), inf, True),
        (at(105, wall=-60), inf, False),
    ],
)
def test_within_ttl(moment: Moment, longest: float, *, answers: bool) -> None:
    """An answer is fresh, and young enough for a caller, by the later clock."""
    assert answers == WINDOWS.answers_at(moment, longest)


@pytest.mark.parametrize(
    ("moment", "longest", "shown"),
    [
        (at(389.9), inf, True),
        (at(390), inf, False),
        (at(290, suspended=99), inf, True),
        (at(290, suspended=100), inf, False),
        (at(290, wall=1000), inf, True),
        (at(290, wall=1000), 1200, False),
        (at(290, wall=1000), 1201, True),
        (at(290, wall=-1000), 200, False),
        (at(290, wall=-1000), 201, True),
        (at(390, wall=-1000), inf, False),
    ],
)
def test_in_an_outage(moment: Moment, longest: float, *, shown: bool) -> None:
    """`stale_if_error` goes by the scale that counts suspensions, a caller's limit by the later."""
    assert shown == WINDOWS.shown_at(moment, longest)


@pytest.mark.parametrize(
    ("true_at", "suspended", "ended"),
    [(389.9, 0, False), (390, 0, True), (290, 99, False), (290, 100, True)],
)
def test_ended_before(true_at: float, suspended: float, *, ended: bool) -> None:
    """A suspension between two answers counts for the `stale_if_error` of the earlier."""
    later = CacheWindows(0, true_at, 0, 0, 0, 1000, 50 + suspended)

    assert ended == WINDOWS.ended_before(later)


def test_expired() -> None:
    """Expired windows leave the fallback for an outage."""
    assert (100, 90, -inf, -inf, 390, 1000, 50) == astuple(WINDOWS.expired())


@pytest.mark.parametrize("wall", [0.0, 60.0, -60.0])
def test_fresh_as(wall: float) -> None:
    """Windows that are fresh as long as others keep their age, also if the wall clock was set."""
    other = CacheWindows(103, 103, 108, 133, 403, 1000 + wall, 55)
    renewed = WINDOWS.fresh_as(other)

    ahead = max(0.0, wall)
    assert (108, 130, 390, 50) == (
        renewed.fresh_until,
        renewed.revalidate_until,
        renewed.stale_until,
        renewed.boottime_offset,
    )
    assert 14 + ahead == renewed.by_later_clock(at(104, wall=wall)) - renewed.true_at
    assert 10 == renewed.asked_at - renewed.true_at
    assert renewed.answers_at(at(107.9, wall=wall), inf)
    assert not renewed.answers_at(at(108, wall=wall), inf)


@pytest.mark.parametrize(
    ("moment", "moved"),
    [
        (at(104), 0),
        (at(104, wall=60), 0),
        (at(104, suspended=60), 0),
        (at(104, wall=-1), 0),
        (at(104, wall=-1.5), 1.5),
        (at(104, wall=-3600), 3600),
    ],
)
def test_dated(moment: Moment, moved: float) -> None:
    """After the wall clock was set back by more than a second, `as_of` is moved back with it."""
    reading = attrs.evolve(a_reading(A), source="http", upstream_age=10)
    shown = dated(reading, WINDOWS, moment)

    assert attrs.evolve(reading, as_of=EPOCH - timedelta(seconds=moved)) == shown
    assert (moved == 0) == (shown is reading)


def test_the_capped_update() -> None:
    """The date of an update is capped at `as_of`; there may be none."""
    entry = KeptReading(WINDOWS, 1, a_reading(A).level.status, None, EPOCH, "http")
    assert entry.updated_by_as_of is None
    for ahead, capped in ((-1, -1), (0, 0), (1, 0)):
        entry.updated_at = EPOCH + timedelta(seconds=ahead)
        assert EPOCH + timedelta(seconds=capped) == entry.updated_by_as_of


@pytest.mark.looptime(start=1000)
@pytest.mark.parametrize(
    ("kind", "boottime"), [(HostClock, 1030), (SettableClock, 1000), (LoopClock, 1000)]
)
async def test_the_three_scales(kind: type[LoopClock], boottime: float) -> None:
    """A moment has all three scales; a clock that does not count suspensions has two."""
    clock = kind()
    if isinstance(clock, SettableClock):
        clock.suspend(30)
    moment = Scales(clock).now()

    assert (1000, clock.now().timestamp(), boottime) == (
        moment.monotonic,
        moment.wall,
        moment.boottime,
    )
