"""`SystemClock`: the system's clock, and the scales of any clock in seconds."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from shelfport.ports import Clock
from shelfport.ports.clock import CountsSuspension


class SystemClock:
    """The system's time in UTC, and Python's monotonic scale, which asyncio uses, too."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    # The function itself: a method around it would add a call to each page.
    monotonic = staticmethod(time.monotonic)
    """Seconds on the scale of `time.monotonic` and of the event loop's timers."""

    # Without one (not Linux), a suspension does not shorten `stale_if_error`.
    if hasattr(time, "CLOCK_BOOTTIME"):
        boottime = staticmethod(partial(time.clock_gettime, time.CLOCK_BOOTTIME))


def wall_of(clock: Clock) -> Callable[[], float]:
    """`clock.now`, in seconds since 1970: for a path on which a `datetime` costs too much."""
    return time.time if type(clock) is SystemClock else lambda: clock.now().timestamp()


def boottime_of(clock: Clock) -> Callable[[], float]:
    """The scale of `clock` that counts suspensions; `monotonic` if it has none."""
    return clock.boottime if isinstance(clock, CountsSuspension) else clock.monotonic
