"""`Moment`: one moment on the three scales that the cache measures time on."""

from collections.abc import Callable

import msgspec

from shelfport.adapters.runtime.clock import boottime_of, wall_of
from shelfport.ports import Clock


class Moment(msgspec.Struct, frozen=True, gc=False):
    """Now, in seconds of three scales of which each has a fault of its own.

    The monotonic scale stands still while the host is suspended. The wall clock steps when it is
    set. The scale that counts suspensions does neither, but not every host has one.
    """

    monotonic: float
    wall: float
    """Since 1970."""
    boottime: float


class Scales:
    """The three scales of a clock.

    Args:
        clock: without a scale that counts suspensions, its monotonic one takes that part.
    """

    def __init__(self, clock: Clock) -> None:
        self.monotonic: Callable[[], float] = clock.monotonic
        self.wall: Callable[[], float] = wall_of(clock)
        self._boottime: Callable[[], float] = boottime_of(clock)

    def now(self) -> Moment:
        """This moment."""
        return Moment(self.monotonic(), self.wall(), self._boottime())
