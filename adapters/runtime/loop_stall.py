"""`StallMeter`: how long this process's event loop stood still, while someone measures."""

import asyncio
import time

_INTERVAL = 0.05
"""Seconds between two ticks; a tick that is later than this again shows a stall."""


class StallMeter:
    """Measures by a timer that ticks while at least one measurement runs.

    A garbage collection, a blocking call or a stopped process holds up the timer just as it holds
    up everything else: what waits for an answer meanwhile waits for this process, not for the
    service. For one event loop at a time; a later one takes over from a loop that ended.
    """

    def __init__(self) -> None:
        self._total = 0.0
        self._running = 0
        self._time = time.monotonic
        self._tick_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop of the timer."""

    def begin(self) -> float:
        """Begin a measurement; pass the result to `end`."""
        self._running += 1
        if self._timer is None or self._loop is not asyncio.get_running_loop():
            self._schedule()
        return self._total + self._late()

    def end(self, begun: float) -> float:
        """End the measurement that returned `begun`: seconds that the loop stood still since."""
        stalled = max(0.0, self._total + self._late() - begun)
        self._running -= 1
        if not self._running and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return stalled

    def _late(self) -> float:
        """The stall that no tick has counted yet."""
        late = self._time() - self._tick_at
        return late if late > _INTERVAL else 0.0

    def _schedule(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        # A call that is dropped with its loop ends its measurement when no loop runs any more.
        self._time = loop.time
        self._tick_at = self._time() + _INTERVAL
        self._timer = loop.call_at(self._tick_at, self._tick)

    def _tick(self) -> None:
        self._total += self._late()
        self._schedule()
