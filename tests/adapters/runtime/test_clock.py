import time
from datetime import UTC, datetime

import pytest

from shelfport import SystemClock
from shelfport.adapters.runtime.clock import boottime_of, wall_of
from shelfport.ports.clock import CountsSuspension
from tests.support.clocks import EPOCH, ManualClock


def test_now_is_utc() -> None:
    """The current instant is aware and in UTC."""
    before = datetime.now(UTC)

    assert before <= SystemClock().now() <= datetime.now(UTC)
    assert UTC is SystemClock().now().tzinfo


def test_monotonic() -> None:
    """The monotonic scale is Python's own, which event loops use, too."""
    before = time.monotonic()

    assert before <= SystemClock().monotonic() <= time.monotonic()


def test_wall() -> None:
    """The wall clock in seconds is that of `now`."""
    assert time.time() == pytest.approx(wall_of(SystemClock())(), abs=1)
    assert time.time is wall_of(SystemClock())


def test_the_wall_clock_of_a_host() -> None:
    """A host's own clock dates by its own `now`, though it is one of the system's."""

    class Ahead(SystemClock):
        def now(self) -> datetime:
            return EPOCH

    clock = ManualClock()
    clock.advance(5)
    assert [EPOCH.timestamp() + 5, EPOCH.timestamp()] == [wall_of(c)() for c in (clock, Ahead())]


@pytest.mark.skipif(
    not hasattr(time, "CLOCK_BOOTTIME"), reason="this system counts no suspensions (not Linux)"
)
def test_boottime() -> None:
    """The scale that counts suspensions is the system's, where there is one."""
    clock = SystemClock()
    assert isinstance(clock, CountsSuspension)
    before = time.clock_gettime(time.CLOCK_BOOTTIME)

    assert before <= boottime_of(clock)() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_a_clock_without_boottime() -> None:
    """For a clock that does not count suspensions the monotonic scale does."""
    clock = ManualClock()
    clock.advance(5)

    assert not isinstance(clock, CountsSuspension)
    assert 5 == boottime_of(clock)()
