"""`OpsView`: all that the ops page shows of one moment, and where it comes from."""

import asyncio
from collections.abc import Iterable, Sequence
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
from shelfport.domain.model import QueuedInitialization, QueueFailed
from shelfport.ports import InitializationQueue
from shelfport.ports.snapshot import Snapshot

SHOWN_ENTRIES = 50
SHOWN_EVENTS = 40
SHOWN_HAPPENINGS = 60
SEARCHED_ENTRIES = 1_000
_PATIENCE = 1.0
"""Seconds that a queue may take to be read: the rest of the page must not wait for it."""


@attrs.frozen(kw_only=True)
class QueueView:
    """What lies in the queue."""

    waiting: int = 0
    dead_letters: int = 0
    oldest: datetime | None = None
    entries: Sequence[QueuedInitialization] = ()
    dead_letter_entries: Sequence[QueuedInitialization] = ()
    trouble: str | None = None
    """Why the queue cannot be read; None if it can."""


@attrs.frozen
class Folded:
    """Happenings in a row that differ in nothing but their time and their correlation ids."""

    last: LogEntry
    times: int


@attrs.frozen(kw_only=True)
class OpsView:
    """What is shown."""

    now: datetime
    snapshot: Snapshot
    health: Health
    settings: Settings
    actions: bool
    """Whether there are buttons."""
    budget_most: float
    """Tokens that the retry budget holds, at most."""
    latencies: Latencies
    latency: LatencyPlot
    served: ServedPlot
    queue: QueueView | None
    """None where there is none."""
    events: Sequence[RecordedEvent]
    """Latest first; so are the happenings."""
    happenings: Sequence[Folded]

    def age(self, instant: datetime) -> float:
        """Seconds since `instant`."""
        return max((self.now - instant).total_seconds(), 0.0)

    def until(self, instant: datetime) -> float:
        """Seconds until `instant`; 0 if it is past."""
        return max((instant - self.now) / timedelta(seconds=1), 0.0)


@attrs.frozen(kw_only=True)
class SearchView:
    """What is known under a correlation id."""

    correlation_id: str
    happenings: Sequence[LogEntry] = ()
    entries: Sequence[QueuedInitialization] = ()
    events: Sequence[RecordedEvent] = ()
    now: datetime
    trouble: str | None = None
    partial: bool = False
    """Whether the queue has more entries than were looked through."""

    @property
    def found(self) -> int:
        """How many things."""
        return len(self.happenings) + len(self.entries)


async def ops_view(
    inventory: InventoryIntegration, recorder: Recorder, settings: Settings, *, actions: bool
) -> OpsView:
    """Look at everything once."""
    snapshot = inventory.snapshot()
    clock = recorder.clock
    latencies = recorder.latency.total(clock.monotonic())
    queue = None if inventory.queue is None else await _queue_view(inventory.queue)
    return OpsView(
        now=clock.now(),
        snapshot=snapshot,
        health=health(snapshot),
        settings=settings,
        actions=actions,
        budget_most=settings.retry.budget().most,
        latencies=latencies,
        latency=latency_plot(
            latencies,
            slow_call_duration=settings.breaker.slow_call_duration,
            deadline=settings.deadline,
        ),
        # Up to now, not up to the last look.
        served=served_plot((*recorder.samples, Sample.of(snapshot, clock.monotonic()))),
        queue=queue,
        events=tuple(islice(reversed(recorder.events), SHOWN_EVENTS)),
        happenings=folded(reversed(recorder.noted)),
    )


async def _queue_view(queue: InitializationQueue) -> QueueView:
    try:
        async with asyncio.timeout(_PATIENCE):
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
        return QueueView(trouble=f"it did not answer within {_PATIENCE:g} s")


def folded(happenings: Iterable[LogEntry]) -> Sequence[Folded]:
    """Put equal neighbours together; as many as are shown."""
    shown: list[Folded] = []
    for happening in happenings:
        last = shown[-1] if shown else None
        if last is not None and _alike(last.last, happening):
            shown[-1] = Folded(last.last, last.times + 1)
        elif len(shown) == SHOWN_HAPPENINGS:
            break
        else:
            shown.append(Folded(happening, 1))
    return shown


def _alike(a: LogEntry, b: LogEntry) -> bool:
    return (a.told.kind, a.told.sentence) == (b.told.kind, b.told.sentence)


async def search_view(
    inventory: InventoryIntegration, recorder: Recorder, correlation_id: str
) -> SearchView:
    """Look for everything under `correlation_id`."""
    view = SearchView(
        correlation_id=correlation_id,
        happenings=recorder.about(correlation_id),
        events=[line for line in recorder.events if line.correlation_id == correlation_id],
        now=recorder.clock.now(),
    )
    if inventory.queue is None:
        return view
    try:
        async with asyncio.timeout(_PATIENCE):
            entries = await inventory.queue.entries(limit=SEARCHED_ENTRIES)
    except (QueueFailed, TimeoutError) as error:
        return attrs.evolve(view, trouble=str(error) or "it did not answer in time")
    return attrs.evolve(
        view,
        entries=[entry for entry in entries if entry.correlation_id == correlation_id],
        partial=len(entries) == SEARCHED_ENTRIES,
    )
