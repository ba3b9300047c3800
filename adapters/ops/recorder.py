"""`Recorder`: what one integration did lately, kept in bounds, for whoever looks."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Self

import attrs

from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.adapters.ops.latency import LatencyWindow
from shelfport.adapters.ops.log_entries import LogEntry, Severity, told
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.domain.model import InventoryEvent, RequestContext
from shelfport.ports import Clock
from shelfport.ports.signals import (
    Attempted,
    AttemptOutcome,
    BreakerState,
    EventDeadLettered,
    EventHandled,
    Signal,
)
from shelfport.ports.snapshot import Snapshot
from shelfport.ports.telemetry import ObservedRequest

SAMPLE_EVERY: Final = 2.0
"""Seconds between two looks at the snapshot."""
SAMPLES: Final = 150
"""Looks that are kept: five minutes."""


@attrs.frozen
class RecordedEvent:
    """A line of the event log."""

    at: datetime
    event: InventoryEvent | None
    """None for a message that nobody can read."""
    verdict: str
    """A value of `EventOutcome`, or "dead"."""
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
            at,
            cache.fresh,
            cache.stale,
            cache.misses,
            cache.unreadable,
            snapshot.circuit_breaker.state,
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
        self.noted: deque[LogEntry] = deque(maxlen=noted)
        """Oldest first; so are the others."""
        self.events: deque[RecordedEvent] = deque(maxlen=events)
        self._kept: deque[LogEntry] = deque(maxlen=kept)
        self._snapshot: Callable[[], Snapshot] | None = None
        self._next: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Recorder({len(self._kept)} happenings)"

    def about(self, correlation_id: str) -> list[LogEntry]:
        """What is remembered under `correlation_id`, oldest first."""
        return [h for h in self._kept if h.told.correlation_id == correlation_id]

    def signal(self, signal: Signal, /) -> None:
        """See `Telemetry`."""
        happening = LogEntry(self.clock.now(), told(signal))
        if happening.told.correlation_id is not None:
            self._kept.append(happening)
        if happening.told.weight is not Severity.ROUTINE:
            self.noted.append(happening)
        if type(signal) is Attempted:
            if signal.outcome is not AttemptOutcome.LEFT:
                failed = signal.outcome is AttemptOutcome.FAILED
                self.latency.add(self.clock.monotonic(), signal.seconds, failed=failed)
        elif type(signal) is EventHandled:
            self.events.append(
                RecordedEvent(
                    happening.at,
                    signal.event,
                    signal.verdict.value,
                    lag=signal.lag,
                    correlation_id=signal.correlation_id,
                )
            )
        elif type(signal) is EventDeadLettered:
            self.events.append(
                RecordedEvent(
                    happening.at,
                    signal.event,
                    "dead",
                    reason=signal.reason,
                    correlation_id=signal.correlation_id,
                )
            )

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """See `Telemetry`: the attempts say enough."""
        return NoObserver(method, url, context)

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
