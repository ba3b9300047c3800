"""`Recorder`: the recent signals and samples of one integration, bounded, for the ops page."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Self

import attrs

from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.adapters.observability.signal_row import Severity
from shelfport.adapters.ops.faults import FaultWindow, fault_of
from shelfport.adapters.ops.latency import LatencyWindow
from shelfport.adapters.ops.log_entries import LogEntry, render
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
"""Seconds between two samples of the snapshot."""
SAMPLES: Final = 150
"""Samples that are kept: five minutes."""


@attrs.frozen
class RecordedEvent:
    """A line of the event log."""

    at: datetime
    event: InventoryEvent | None
    """None if the message could not be read."""
    outcome: str
    """A value of `EventOutcome`, or "dead-lettered"."""
    lag: float | None = None
    reason: str | None = None
    correlation_id: str | None = None


@attrs.frozen
class Sample:
    """The figures of one snapshot that the page draws over time."""

    at: float
    """On the monotonic scale."""
    fresh: int
    stale: int
    missed: int
    unreadable: int
    circuit: BreakerState

    @classmethod
    def of(cls, snapshot: Snapshot, at: float) -> Self:
        """The sample of `snapshot`, which was taken `at`."""
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

    It keeps the last log entries, the last stock events, and five minutes of durations, of failures
    by whose fault they are, and of served variants. Entries of the page's log are kept apart from
    routine ones, so that many routine entries do not push them out. A signal costs a few
    microseconds; HTML is rendered only while a browser has the page open.

    Args:
        clock: the time.
        max_entries: entries that can be found by their correlation id.
        max_log_entries: entries of the page's log.
        max_events: lines of the event log.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        max_entries: int = 5_000,
        max_log_entries: int = 500,
        max_events: int = 500,
    ) -> None:
        self.clock: Clock = SystemClock() if clock is None else clock
        self.latency = LatencyWindow()
        self.faults = FaultWindow()
        self.samples: deque[Sample] = deque(maxlen=SAMPLES + 1)
        """Oldest first."""
        self.log: deque[LogEntry] = deque(maxlen=max_log_entries)
        """The entries that are not routine, oldest first."""
        self.events: deque[RecordedEvent] = deque(maxlen=max_events)
        """Oldest first."""
        self._entries: deque[LogEntry] = deque(maxlen=max_entries)
        self._snapshot: Callable[[], Snapshot] | None = None
        self._next: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Recorder({len(self._entries)} entries)"

    def about(self, correlation_id: str) -> list[LogEntry]:
        """The entries with `correlation_id`, oldest first."""
        return [entry for entry in self._entries if entry.correlation_id == correlation_id]

    def signal(self, signal: Signal, /) -> None:
        """See `Telemetry`."""
        entry = render(signal, self.clock.now())
        if entry.correlation_id is not None:
            self._entries.append(entry)
        if entry.severity is not Severity.ROUTINE:
            self.log.append(entry)
        fault = fault_of(signal)
        if fault is not None:
            self.faults.add(self.clock.monotonic(), fault)
        if type(signal) is Attempted:
            if signal.outcome is not AttemptOutcome.LEFT:
                failed = signal.outcome is AttemptOutcome.FAILED
                self.latency.add(self.clock.monotonic(), signal.seconds, failed=failed)
        elif type(signal) is EventHandled:
            self.events.append(
                RecordedEvent(
                    entry.at,
                    signal.event,
                    signal.outcome.value,
                    lag=signal.lag,
                    correlation_id=signal.correlation_id,
                )
            )
        elif type(signal) is EventDeadLettered:
            self.events.append(
                RecordedEvent(
                    entry.at,
                    signal.event,
                    "dead-lettered",
                    reason=signal.reason,
                    correlation_id=signal.correlation_id,
                )
            )

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """See `Telemetry`. The signal `Attempted` is enough for the page."""
        return NoObserver(method, url, context)

    @contextmanager
    def attach(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        """See `Telemetry`. The snapshot is sampled while the integration is open.

        Raises:
            RuntimeError: it records another integration already.
        """
        if self._snapshot is not None:
            raise RuntimeError("this Recorder records an open integration already: make another")
        self._snapshot = snapshot
        self.samples.clear()
        self._take_sample()
        try:
            yield
        finally:
            self._snapshot = None
            if self._next is not None:
                self._next.cancel()
                self._next = None

    def _take_sample(self) -> None:
        if self._snapshot is None:
            return
        # A timer of the loop rather than a task: it waits for nothing and needs no owner.
        self._next = asyncio.get_running_loop().call_later(SAMPLE_EVERY, self._take_sample)
        self.samples.append(Sample.of(self._snapshot(), self.clock.monotonic()))
