"""From a signal to what a person reads of it: the kind, how bad it is, and a sentence."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any

import attrs

from shelfport.domain.model import QueuedInitialization
from shelfport.domain.model.signals import (
    Attempted,
    AttemptOutcome,
    BreakerChanged,
    BreakerState,
    ChangesCut,
    ChangesHeard,
    EventBuried,
    EventTaken,
    InitializationDead,
    InitializationDone,
    InitializationPutOff,
    InitializationQueued,
    QueueRecovered,
    QueueTrouble,
    RefreshFailed,
    Refused,
    RetryBudgetSpent,
    Retrying,
    ServedStale,
    SharedCacheBack,
    SharedCacheOut,
    SharedWritesDropped,
    Signal,
)


class Weight(Enum):
    """How much a happening matters to an operator; the value is its CSS class."""

    ROUTINE = "routine"
    """Found by its correlation id alone."""
    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@attrs.frozen
class Told:
    """What is to be said of a signal."""

    kind: str
    weight: Weight
    sentence: str
    correlation_id: str | None = None


@attrs.frozen
class Happening:
    """Something that happened. It holds no error: those hold on to all that was around them."""

    at: datetime
    """In UTC."""
    told: Told


def _attempted(signal: Attempted) -> Told:
    failed = signal.outcome in {AttemptOutcome.FAILED, AttemptOutcome.PARTIAL}
    kind = f"{signal.operation.value} {signal.outcome.value}"
    sentence = f"{_variants(signal.variants)} in {signal.seconds * 1000:.0f} ms"
    if signal.error is not None:
        sentence += f": {signal.error}"
    weight = Weight.BAD if failed else Weight.ROUTINE
    return Told(kind, weight, sentence, signal.call.correlation_id)


def _retrying(signal: Retrying) -> Told:
    sentence = f"attempt {signal.attempt} failed, again in {signal.delay * 1000:.0f} ms"
    return Told("retry", Weight.ROUTINE, f"{sentence}: {signal.error}", signal.correlation_id)


def _spent(signal: RetryBudgetSpent) -> Told:
    sentence = f"not repeated, too much is repeated already: {signal.error}"
    return Told("retry budget spent", Weight.NOTE, sentence, signal.correlation_id)


def _breaker(signal: BreakerChanged) -> Told:
    weight = {
        BreakerState.OPEN: Weight.BAD,
        BreakerState.HALF_OPEN: Weight.NOTE,
        BreakerState.CLOSED: Weight.GOOD,
    }[signal.after]
    return Told(f"circuit {signal.after.value}", weight, signal.why)


def _refused(signal: Refused) -> Told:
    return Told("not asked", Weight.NOTE, str(signal.error), signal.correlation_id)


def _stale(signal: ServedStale) -> Told:
    sentence = f"{_variants(signal.variants)} shown, up to {signal.oldest:.0f} s old"
    return Told("served stale", Weight.NOTE, sentence, signal.correlation_id)


def _entry(kind: str, weight: Weight, sentence: Callable[[Any], str]) -> Callable[[Any], Told]:
    def tell(signal: Any) -> Told:
        entry: QueuedInitialization = signal.entry
        said = f"record of {entry.request.variant_id} {sentence(signal)}"
        return Told(kind, weight, said, entry.correlation_id)

    return tell


def _taken(signal: EventTaken) -> Told:
    sentence = f"{signal.event.status.value} of {signal.event.variant_id}, {signal.lag:.1f} s old"
    return Told(f"event {signal.verdict.value}", Weight.ROUTINE, sentence, signal.correlation_id)


_TOLD: dict[type[Any], Callable[[Any], Told]] = {
    Attempted: _attempted,
    Retrying: _retrying,
    RetryBudgetSpent: _spent,
    BreakerChanged: _breaker,
    Refused: _refused,
    ServedStale: _stale,
    RefreshFailed: lambda s: Told(
        "refresh failed", Weight.NOTE, f"{_variants(s.variants)}: {s.error}", s.error.correlation_id
    ),
    SharedCacheOut: lambda s: Told("shared cache out", Weight.BAD, s.why),
    SharedCacheBack: lambda _: Told("shared cache back", Weight.GOOD, "it answers again"),
    SharedWritesDropped: lambda s: Told("shared cache not written", Weight.ROUTINE, s.why),
    ChangesCut: lambda s: Told("changes not heard", Weight.BAD, s.why),
    ChangesHeard: lambda s: Told(
        "changes heard", Weight.GOOD, f"again, after {s.seconds:.1f} s without"
    ),
    InitializationQueued: _entry("queued", Weight.NOTE, lambda s: f"waits: {s.error}"),
    InitializationDone: _entry(
        "record opened", Weight.GOOD, lambda s: f"is there, {s.took:.1f} s after it was queued"
    ),
    InitializationPutOff: _entry(
        "put off", Weight.NOTE, lambda s: f"is tried again later: {s.error}"
    ),
    InitializationDead: _entry(
        "dead letter",
        Weight.BAD,
        lambda s: f"is a dead letter ({s.reason.value.lower()}): {s.error or s.entry.last_error}",
    ),
    QueueTrouble: lambda s: Told("queue trouble", Weight.BAD, str(s.error)),
    QueueRecovered: lambda _: Told("queue recovered", Weight.GOOD, "it can be used again"),
    EventTaken: _taken,
    EventBuried: lambda s: Told("event dead-lettered", Weight.BAD, s.reason),
}
"""A row for each kind of signal there is: a test compares it with the union."""


def told(signal: Signal) -> Told:
    """What is to be said of `signal`."""
    return _TOLD[type(signal)](signal)


def _variants(count: int) -> str:
    return "1 variant" if count == 1 else f"{count} variants"
