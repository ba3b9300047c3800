"""From a signal to what a person reads of it: the kind, how bad it is, and a sentence."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any

import attrs

from shelfport.domain.model import QueuedInitialization
from shelfport.ports.signals import (
    Attempted,
    AttemptOutcome,
    BackplaneDisconnected,
    BackplaneReconnected,
    BreakerChanged,
    BreakerState,
    CallRejected,
    EventDeadLettered,
    EventHandled,
    InitializationDeadLettered,
    InitializationDone,
    InitializationPostponed,
    InitializationQueued,
    QueueRecovered,
    QueueUnavailable,
    RefreshFailed,
    RetryBudgetExhausted,
    Retrying,
    ServedStale,
    SharedCacheDown,
    SharedCacheRecovered,
    SharedCacheWritesDropped,
    Signal,
)


class Severity(Enum):
    """How much a happening matters to an operator; the value is its CSS class."""

    ROUTINE = "routine"
    """Found by its correlation id alone."""
    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@attrs.frozen
class RenderedSignal:
    """What is to be said of a signal."""

    kind: str
    weight: Severity
    sentence: str
    correlation_id: str | None = None


@attrs.frozen
class LogEntry:
    """Something that happened. It holds no error: those hold on to all that was around them."""

    at: datetime
    """In UTC."""
    told: RenderedSignal


def _attempted(signal: Attempted) -> RenderedSignal:
    failed = signal.outcome in {AttemptOutcome.FAILED, AttemptOutcome.PARTIAL}
    kind = f"{signal.operation.value} {signal.outcome.value}"
    sentence = f"{_variants(signal.variants)} in {signal.seconds * 1000:.0f} ms"
    if signal.error is not None:
        sentence += f": {signal.error}"
    weight = Severity.BAD if failed else Severity.ROUTINE
    return RenderedSignal(kind, weight, sentence, signal.call.correlation_id)


def _retrying(signal: Retrying) -> RenderedSignal:
    sentence = f"attempt {signal.attempt} failed, again in {signal.delay * 1000:.0f} ms"
    return RenderedSignal(
        "retry", Severity.ROUTINE, f"{sentence}: {signal.error}", signal.correlation_id
    )


def _spent(signal: RetryBudgetExhausted) -> RenderedSignal:
    sentence = f"not repeated, too much is repeated already: {signal.error}"
    return RenderedSignal("retry budget spent", Severity.NOTE, sentence, signal.correlation_id)


def _breaker(signal: BreakerChanged) -> RenderedSignal:
    weight = {
        BreakerState.OPEN: Severity.BAD,
        BreakerState.HALF_OPEN: Severity.NOTE,
        BreakerState.CLOSED: Severity.GOOD,
    }[signal.after]
    return RenderedSignal(f"circuit {signal.after.value}", weight, signal.why)


def _refused(signal: CallRejected) -> RenderedSignal:
    return RenderedSignal("not asked", Severity.NOTE, str(signal.error), signal.correlation_id)


def _stale(signal: ServedStale) -> RenderedSignal:
    sentence = f"{_variants(signal.variants)} shown, up to {signal.oldest:.0f} s old"
    return RenderedSignal("served stale", Severity.NOTE, sentence, signal.correlation_id)


def _entry(
    kind: str, weight: Severity, sentence: Callable[[Any], str]
) -> Callable[[Any], RenderedSignal]:
    def tell(signal: Any) -> RenderedSignal:
        entry: QueuedInitialization = signal.entry
        said = f"record of {entry.request.variant_id} {sentence(signal)}"
        return RenderedSignal(kind, weight, said, entry.correlation_id)

    return tell


def _taken(signal: EventHandled) -> RenderedSignal:
    sentence = f"{signal.event.status.value} of {signal.event.variant_id}, {signal.lag:.1f} s old"
    return RenderedSignal(
        f"event {signal.verdict.value}", Severity.ROUTINE, sentence, signal.correlation_id
    )


_TOLD: dict[type[Any], Callable[[Any], RenderedSignal]] = {
    Attempted: _attempted,
    Retrying: _retrying,
    RetryBudgetExhausted: _spent,
    BreakerChanged: _breaker,
    CallRejected: _refused,
    ServedStale: _stale,
    RefreshFailed: lambda s: RenderedSignal(
        "refresh failed",
        Severity.NOTE,
        f"{_variants(s.variants)}: {s.error}",
        s.error.correlation_id,
    ),
    SharedCacheDown: lambda s: RenderedSignal("shared cache out", Severity.BAD, s.why),
    SharedCacheRecovered: lambda _: RenderedSignal(
        "shared cache back", Severity.GOOD, "it answers again"
    ),
    SharedCacheWritesDropped: lambda s: RenderedSignal(
        "shared cache not written", Severity.ROUTINE, s.why
    ),
    BackplaneDisconnected: lambda s: RenderedSignal("changes not heard", Severity.BAD, s.why),
    BackplaneReconnected: lambda s: RenderedSignal(
        "changes heard", Severity.GOOD, f"again, after {s.seconds:.1f} s without"
    ),
    InitializationQueued: _entry("queued", Severity.NOTE, lambda s: f"waits: {s.error}"),
    InitializationDone: _entry(
        "record opened", Severity.GOOD, lambda s: f"is there, {s.took:.1f} s after it was queued"
    ),
    InitializationPostponed: _entry(
        "put off", Severity.NOTE, lambda s: f"is tried again later: {s.error}"
    ),
    InitializationDeadLettered: _entry(
        "dead letter",
        Severity.BAD,
        lambda s: f"is a dead letter ({s.reason.value.lower()}): {s.error or s.entry.last_error}",
    ),
    QueueUnavailable: lambda s: RenderedSignal("queue trouble", Severity.BAD, str(s.error)),
    QueueRecovered: lambda _: RenderedSignal(
        "queue recovered", Severity.GOOD, "it can be used again"
    ),
    EventHandled: _taken,
    EventDeadLettered: lambda s: RenderedSignal("event dead-lettered", Severity.BAD, s.reason),
}
"""A row for each kind of signal there is: a test compares it with the union."""


def told(signal: Signal) -> RenderedSignal:
    """What is to be said of `signal`."""
    return _TOLD[type(signal)](signal)


def _variants(count: int) -> str:
    return "1 variant" if count == 1 else f"{count} variants"
