"""`OpsView`: everything that the ops page shows at one moment."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

import attrs

from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.health import Health, health
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.ops.latency import Latencies
from shelfport.adapters.ops.log_entries import LogEntry
from shelfport.adapters.ops.plots import LatencyPlot, ServedPlot, latency_plot, served_plot
from shelfport.adapters.ops.recorder import RecordedEvent, Recorder, Sample
from shelfport.domain.model import FaultScope, QueuedInitialization, QueueFailed
from shelfport.ports import InitializationQueue
from shelfport.ports.snapshot import Snapshot

SHOWN_ENTRIES = 50
SHOWN_EVENTS = 40
SHOWN_LOG_LINES = 60
SEARCHED_ENTRIES = 1_000
_QUEUE_TIMEOUT = 1.0
"""Seconds that reading the queue may take: the rest of the page must not wait for it."""


@attrs.frozen(kw_only=True)
class QueueView:
    """The state of the queue."""

    waiting: int = 0
    dead_letters: int = 0
    oldest: datetime | None = None
    entries: Sequence[QueuedInitialization] = ()
    dead_letter_entries: Sequence[QueuedInitialization] = ()
    trouble: str | None = None
    """Why the queue cannot be read; None if it can."""


@attrs.frozen
class LogLine:
    """Log entries in a row that differ only in their times and correlation ids."""

    last: LogEntry
    times: int


@attrs.frozen(kw_only=True)
class OpsView:
    """What the page shows."""

    now: datetime
    snapshot: Snapshot
    health: Health
    settings: Settings
    actions: bool
    """Whether there are buttons."""
    budget_max: float
    """Tokens that the retry budget holds, at most."""
    latencies: Latencies
    faults: Mapping[FaultScope, int]
    """The failures of five minutes, by whose fault they are; every scope, in the order shown."""
    latency: LatencyPlot
    served: ServedPlot
    queue: QueueView | None
    """None without a queue."""
    events: Sequence[RecordedEvent]
    """Latest first."""
    log: Sequence[LogLine]
    """Latest first."""

    def age(self, instant: datetime) -> float:
        """Seconds since `instant`."""
        return max((self.now - instant).total_seconds(), 0.0)

    def until(self, instant: datetime) -> float:
        """Seconds until `instant`; 0 if it is past."""
        return max((instant - self.now) / timedelta(seconds=1), 0.0)


@attrs.frozen(kw_only=True)
class SearchView:
    """What has a correlation id."""

    correlation_id: str
    log: Sequence[LogEntry] = ()
    entries: Sequence[QueuedInitialization] = ()
    events: Sequence[RecordedEvent] = ()
    now: datetime
    trouble: str | None = None
    partial: bool = False
    """Whether the queue has more entries than were searched."""

    @property
    def found(self) -> int:
        """How many log entries and entries of the queue."""
        return len(self.log) + len(self.entries)


async def ops_view(
    inventory: InventoryIntegration, recorder: Recorder, settings: Settings, *, actions: bool
) -> OpsView:
    """The view of this moment."""
    snapshot = inventory.snapshot()
    clock = recorder.clock
    latencies = recorder.latency.total(clock.monotonic())
    faults = recorder.faults.total(clock.monotonic())
    queue = None if inventory.queue is None else await _queue_view(inventory.queue)
    return OpsView(
        now=clock.now(),
        snapshot=snapshot,
        health=health(snapshot),
        settings=settings,
        actions=actions,
        budget_max=settings.retry.budget().most,
        latencies=latencies,
        faults=faults,
        latency=latency_plot(
            latencies,
            slow_call_duration=settings.breaker.slow_call_duration,
            deadline=settings.deadline,
        ),
        # Up to now, not up to the last sample.
        served=served_plot((*recorder.samples, Sample.of(snapshot, clock.monotonic()))),
        queue=queue,
        events=tuple(islice(reversed(recorder.events), SHOWN_EVENTS)),
        log=log_lines(reversed(recorder.log)),
    )


async def _queue_view(queue: InitializationQueue) -> QueueView:
    try:
        async with asyncio.timeout(_QUEUE_TIMEOUT):
            stats = await queue.stats()
            return QueueView(
                waiting=stats.waiting,
                dead_letters=stats.dead_letters,
                oldest=stats.oldest,
                entries=await queue.entries(dead=False, limit=SHOWN_ENTRIES),
                dead_letter_entries=await queue.entries(dead=True, limit=SHOWN_ENTRIES),
            )
    except QueueFailed as error:
        return QueueView(trouble=str(error))
    except TimeoutError:
        return QueueView(trouble=f"it did not answer within {_QUEUE_TIMEOUT:g} s")


def log_lines(entries: Iterable[LogEntry]) -> Sequence[LogLine]:
    """The lines of the page's log: equal neighbours are one line."""
    lines: list[LogLine] = []
    for entry in entries:
        line = lines[-1] if lines else None
        if line is not None and _say_the_same(line.last, entry):
            lines[-1] = LogLine(line.last, line.times + 1)
        elif len(lines) == SHOWN_LOG_LINES:
            break
        else:
            lines.append(LogLine(entry, 1))
    return lines


def _say_the_same(a: LogEntry, b: LogEntry) -> bool:
    return (a.kind, a.sentence) == (b.kind, b.sentence)


async def search_view(
    inventory: InventoryIntegration, recorder: Recorder, correlation_id: str
) -> SearchView:
    """Search the log, the events and the queue for `correlation_id`."""
    view = SearchView(
        correlation_id=correlation_id,
        log=recorder.about(correlation_id),
        events=[line for line in recorder.events if line.correlation_id == correlation_id],
        now=recorder.clock.now(),
    )
    if inventory.queue is None:
        return view
    try:
        async with asyncio.timeout(_QUEUE_TIMEOUT):
            entries = await inventory.queue.entries(limit=SEARCHED_ENTRIES)
    except (QueueFailed, TimeoutError) as error:
        return attrs.evolve(view, trouble=str(error) or "it did not answer in time")
    return attrs.evolve(
        view,
        entries=[entry for entry in entries if entry.correlation_id == correlation_id],
        partial=len(entries) == SEARCHED_ENTRIES,
    )
