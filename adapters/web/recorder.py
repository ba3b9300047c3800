"""`Recorder`: what one integration did lately, kept in bounds, for whoever looks."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Self

import attrs

from shelfport.adapters.clock import SystemClock
from shelfport.adapters.http.exchange import Exchange, Unwatched
from shelfport.adapters.http.translate import Asked
from shelfport.adapters.snapshot import Snapshot
from shelfport.adapters.web.happenings import Happening, Weight, told
from shelfport.adapters.web.latency import LatencyWindow
from shelfport.domain.model import InventoryEvent
from shelfport.domain.model.signals import (
    Attempted,
    AttemptOutcome,
    BreakerState,
    EventBuried,
    EventTaken,
    Signal,
)
from shelfport.ports import Clock

SAMPLE_EVERY: Final = 2.0
"""Seconds between two looks at the snapshot."""
SAMPLES: Final = 150
"""Looks that are kept: five minutes."""


@attrs.frozen
class EventLine:
    """A line of the event log."""

    at: datetime
    event: InventoryEvent | None
    """None for a message that nobody can read."""
    verdict: str
    """A value of `EventVerdict`, or "dead"."""
    lag: float | None = None
    reason: str | None = None
    correlation_id: str | None = None


@attrs.frozen
class Sample:
    """What the snapshot said at one moment, as far as it is drawn over time."""

    at: float
    """On the monotonic scale."""
    fresh: int
    stale: int
    missed: int
    unreadable: int
    circuit: BreakerState

    @classmethod
    def of(cls, snapshot: Snapshot, at: float) -> Self:
        """What `snapshot` says, which was taken `at`."""
        cache = snapshot.cache
        return cls(
            at, cache.fresh, cache.stale, cache.missed, cache.unreadable, snapshot.circuit.state
        )


class Recorder:
    """A `Telemetry` for one integration: pass it to `build(telemetry=[recorder])`.

    It keeps the last happenings, noteworthy ones apart so that a storm of others cannot drive them
    out; the last events; five minutes of durations; and five minutes of what was served. A signal
    costs it a few microseconds, and nothing is put into HTML while nobody looks.

    Args:
        clock: the time.
        kept: happenings that can be found by their correlation id.
        noted: noteworthy happenings.
        events: lines of the event log.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        kept: int = 5_000,
        noted: int = 500,
        events: int = 500,
    ) -> None:
        self.clock: Clock = SystemClock() if clock is None else clock
        self.latency = LatencyWindow()
        self.samples: deque[Sample] = deque(maxlen=SAMPLES + 1)
        """Oldest first."""
        self.noted: deque[Happening] = deque(maxlen=noted)
        """Oldest first; so are the others."""
        self.events: deque[EventLine] = deque(maxlen=events)
        self._kept: deque[Happening] = deque(maxlen=kept)
        self._snapshot: Callable[[], Snapshot] | None = None
        self._next: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Recorder({len(self._kept)} happenings)"

    def about(self, correlation_id: str) -> list[Happening]:
        """What is remembered under `correlation_id`, oldest first."""
        return [h for h in self._kept if h.told.correlation_id == correlation_id]

    def signal(self, signal: Signal, /) -> None:
        """See `Telemetry`."""
        happening = Happening(self.clock.now(), told(signal))
        if happening.told.correlation_id is not None:
            self._kept.append(happening)
        if happening.told.weight is not Weight.ROUTINE:
            self.noted.append(happening)
        if type(signal) is Attempted:
            if signal.outcome is not AttemptOutcome.LEFT:
                failed = signal.outcome is AttemptOutcome.FAILED
                self.latency.add(self.clock.monotonic(), signal.seconds, failed=failed)
        elif type(signal) is EventTaken:
            self.events.append(
                EventLine(
                    happening.at,
                    signal.event,
                    signal.verdict.value,
                    lag=signal.lag,
                    correlation_id=signal.correlation_id,
                )
            )
        elif type(signal) is EventBuried:
            self.events.append(
                EventLine(
                    happening.at,
                    signal.event,
                    "dead",
                    reason=signal.reason,
                    correlation_id=signal.correlation_id,
                )
            )

    def exchange(self, method: str, url: str, asked: Asked, /) -> Exchange:
        """See `Telemetry`: the attempts say enough."""
        return Unwatched(method, url, asked)

    @contextmanager
    def showing(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        """See `Telemetry`: the snapshot is looked at while the integration is open.

        Raises:
            RuntimeError: it records another integration already.
        """
        if self._snapshot is not None:
            raise RuntimeError("this Recorder records an open integration already: make another")
        self._snapshot = snapshot
        self.samples.clear()
        self._look()
        try:
            yield
        finally:
            self._snapshot = None
            if self._next is not None:
                self._next.cancel()
                self._next = None

    def _look(self) -> None:
        if self._snapshot is None:
            return
        # A timer of the loop rather than a task: there is nothing to wait for, and no owner.
        self._next = asyncio.get_running_loop().call_later(SAMPLE_EVERY, self._look)
        self.samples.append(Sample.of(self._snapshot(), self.clock.monotonic()))
