"""The table of signals: one row a type says how the log, metrics, spans and the ops page render it.

The parts of a row are evaluated one by one: a log record whose level is off costs the level alone.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from shelfport.adapters.observability.answer_rows import (
    ABSENCE_DOUBTED,
    ANSWER_REPAIRED,
    CLOCK_SKEWED,
    READINGS_HELD_BACK_ROW,
)
from shelfport.adapters.observability.counters import (
    ATTEMPT_DURATION,
    BREAKER_CHANGES,
    BUDGET_EXHAUSTED,
    CALLS_REJECTED,
    ERROR_TYPE,
    FAULT_SCOPE,
    REFRESH_FAILURES,
    RETRIES,
)
from shelfport.adapters.observability.metric import Labels
from shelfport.adapters.observability.signal_row import CALLS, Fields, Measure, Severity, SignalRow
from shelfport.domain.model import InventoryError, Operation
from shelfport.domain.model.text import one_line
from shelfport.ports.signals import (
    AbsenceDoubted,
    AnswerRepaired,
    Attempted,
    AttemptOutcome,
    BackplaneDisconnected,
    BackplaneReconnected,
    BatchShrunk,
    BreakerChanged,
    BreakerState,
    CallRejected,
    ClockSkewed,
    EventDeadLettered,
    EventHandled,
    EventOutcome,
    InitializationDeadLettered,
    InitializationDone,
    InitializationPostponed,
    InitializationQueued,
    QueueRecovered,
    QueueUnavailable,
    ReadingsHeldBack,
    RefreshFailed,
    RetryBudgetExhausted,
    Retrying,
    ServedStale,
    SharedCacheDown,
    SharedCacheRecovered,
    SharedCacheWritesDropped,
    Signal,
)


def row_of(signal: Signal) -> SignalRow[Any]:
    """The row of `signal`."""
    return SIGNAL_TABLE[type(signal)]


def _error(error: InventoryError) -> dict[str, object]:
    return {
        "error": type(error).__name__,
        "scope": error.scope.value,
        "detail": str(error),
    }


def _error_labels(error: InventoryError) -> dict[str, str]:
    return {ERROR_TYPE: type(error).__name__, FAULT_SCOPE: error.scope.value}


def _operation_labels(signal: Retrying | CallRejected) -> Labels:
    return {"shelfport.operation": signal.operation.value, **_error_labels(signal.error)}


_DOING: Final = {
    Operation.READ: "reading stock",
    Operation.INITIALIZE: "opening an inventory record",
}


# Attempts


def _attempt_level(signal: Attempted) -> int:
    """INFO if answered, ERROR if it failed and only a person can mend that, else WARNING."""
    if signal.outcome is AttemptOutcome.ANSWERED:
        return logging.INFO
    error = signal.error
    if signal.outcome is AttemptOutcome.FAILED and error is not None and not error.retryable:
        return logging.ERROR
    return logging.WARNING


def _attempt_sampling(signal: Attempted) -> str | None:
    if signal.outcome is AttemptOutcome.ANSWERED:
        return None
    return "left" if signal.error is None else type(signal.error).__name__


def _attempt_sentence(signal: Attempted) -> str:
    if signal.operation is Operation.READ:
        doing = f"reading the stock of {_variants(signal)}"
    else:
        doing = _DOING[signal.operation]
    after = "%(duration).3f s at attempt %(attempt)d"
    match signal.outcome:
        case AttemptOutcome.ANSWERED:
            return f"{doing} took {after}"
        case AttemptOutcome.PARTIAL:
            return f"{doing} took {after}, but %(unreadable)d could not be read: %(detail)s"
        case AttemptOutcome.FAILED:
            return f"{doing} failed after {after}: %(detail)s"
        case AttemptOutcome.LEFT:
            return f"{doing} was abandoned after {after}: the caller left before the answer"


def _attempt_fields(signal: Attempted) -> Fields:
    call, error = signal.call, signal.error
    return {
        "operation": signal.operation.value,
        "variants": signal.variants,
        "attempt": call.attempt,
        "correlation_id": call.correlation_id,
        "waiters": call.waiters,
        "duration": signal.seconds,
        "outcome": signal.outcome.value,
        "unreadable": signal.unreadable,
        "error": None if error is None else type(error).__name__,
        "scope": None if error is None else error.scope.value,
        "detail": None if error is None else str(error),
        "status": None if error is None else error.status,
    }


def _attempt_labels(signal: Attempted) -> Labels:
    labels = {
        "shelfport.operation": signal.operation.value,
        "shelfport.outcome": signal.outcome.value,
    }
    if signal.error is not None:
        labels |= _error_labels(signal.error)
    return labels


def _variants(signal: Attempted | ServedStale | RefreshFailed) -> str:
    return "one variant" if signal.variants == 1 else "%(variants)d variants"


_ATTEMPTED = SignalRow[Attempted](
    event="inventory.call",
    level=_attempt_level,
    logger=CALLS,
    sampled_by=_attempt_sampling,
    kind=lambda s: f"{s.operation.value} {s.outcome.value}",
    severity=lambda s: Severity.ROUTINE if s.error is None else Severity.BAD,
    sentence=_attempt_sentence,
    fields=_attempt_fields,
    measure=Measure(ATTEMPT_DURATION, _attempt_labels, lambda s: s.seconds),
)
_RETRYING = SignalRow[Retrying](
    event="inventory.retry",
    level=logging.DEBUG,
    kind="retry",
    severity=Severity.ROUTINE,
    sentence=lambda s: (
        f"{_DOING[s.operation]} failed at attempt %(attempt)d and is repeated in %(delay).3f s: "
        "%(detail)s"
    ),
    fields=lambda s: {
        "operation": s.operation.value,
        "attempt": s.attempt,
        "delay": s.delay,
        "correlation_id": s.correlation_id,
        **_error(s.error),
    },
    measure=Measure(RETRIES, _operation_labels),
    on_span=True,
)
_RETRY_BUDGET_EXHAUSTED = SignalRow[RetryBudgetExhausted](
    event="inventory.retry_budget",
    level=logging.WARNING,
    sampled_by=lambda s: type(s.error).__name__,
    kind="retry budget exhausted",
    severity=Severity.NOTE,
    sentence=lambda s: (
        f"{_DOING[s.operation]} failed and is not repeated, as the retry budget is exhausted: "
        "%(detail)s"
    ),
    fields=lambda s: {
        "operation": s.operation.value,
        "correlation_id": s.correlation_id,
        **_error(s.error),
    },
    measure=Measure(BUDGET_EXHAUSTED, lambda s: {"shelfport.operation": s.operation.value}),
    on_span=True,
)
_BREAKER_CHANGED = SignalRow[BreakerChanged](
    event="inventory.circuit_breaker",
    level=lambda s: logging.INFO if s.after is BreakerState.CLOSED else logging.WARNING,
    kind=lambda s: f"circuit {s.after.value}",
    severity=lambda s: {
        BreakerState.OPEN: Severity.BAD,
        BreakerState.HALF_OPEN: Severity.NOTE,
        BreakerState.CLOSED: Severity.GOOD,
    }[s.after],
    sentence="the circuit breaker went from %(before)s to %(state)s: %(detail)s",
    fields=lambda s: {"state": s.after.value, "before": s.before.value, "detail": s.why},
    measure=Measure(BREAKER_CHANGES, lambda s: {"shelfport.circuit_breaker.state": s.after.value}),
    on_span=True,
)
_CALL_REJECTED = SignalRow[CallRejected](
    event="inventory.rejected",
    level=logging.DEBUG,
    kind="call rejected",
    severity=Severity.NOTE,
    sentence=lambda s: f"{_DOING[s.operation]} was rejected in this process: %(detail)s",
    fields=lambda s: {
        "operation": s.operation.value,
        "correlation_id": s.correlation_id,
        **_error(s.error),
    },
    measure=Measure(CALLS_REJECTED, _operation_labels),
    on_span=True,
)

_BATCH_SHRUNK = SignalRow[BatchShrunk](
    event="inventory.batch",
    level=logging.WARNING,
    kind="batch shrunk",
    severity=Severity.NOTE,
    sentence=lambda s: (
        "something refused a request for its length (%(detail)s); this process asks for at most "
        f"{'one variant' if s.size == 1 else '%(size)d variants'} at once now: set batch.max_size "
        "to %(size)d"
    ),
    fields=lambda s: {
        "size": s.size,
        "correlation_id": s.error.correlation_id,
        **_error(s.error),
    },
    on_span=True,
)

# The cache

_SERVED_STALE = SignalRow[ServedStale](
    event="inventory.stale",
    level=logging.DEBUG,
    kind="served stale",
    severity=Severity.NOTE,
    sentence=lambda s: f"the stock of {_variants(s)} was served stale, up to %(oldest).0f s old",
    fields=lambda s: {
        "variants": s.variants,
        "oldest": s.oldest,
        "correlation_id": s.correlation_id,
    },
    on_span=True,
)
_REFRESH_FAILED = SignalRow[RefreshFailed](
    event="inventory.refresh",
    level=logging.DEBUG,
    kind="refresh failed",
    severity=Severity.NOTE,
    sentence=lambda s: (
        f"refreshing the stock of {_variants(s)} in the background failed: %(detail)s"
    ),
    fields=lambda s: {
        "variants": s.variants,
        "correlation_id": s.error.correlation_id,
        **_error(s.error),
    },
    measure=Measure(REFRESH_FAILURES, lambda s: _error_labels(s.error)),
)

# The shared cache

_SHARED_CACHE_DOWN = SignalRow[SharedCacheDown](
    event="inventory.shared_cache",
    level=logging.WARNING,
    kind="shared cache unavailable",
    severity=Severity.BAD,
    sentence="the shared cache is unavailable and is bypassed: %(detail)s",
    fields=lambda s: {"detail": s.why},
)
_SHARED_CACHE_RECOVERED = SignalRow[SharedCacheRecovered](
    event="inventory.shared_cache",
    level=logging.INFO,
    kind="shared cache available",
    severity=Severity.GOOD,
    sentence="the shared cache is available again",
)
_SHARED_CACHE_WRITES_DROPPED = SignalRow[SharedCacheWritesDropped](
    event="inventory.shared_cache",
    level=logging.DEBUG,
    kind="shared cache write dropped",
    severity=Severity.ROUTINE,
    sentence="a write to the shared cache was dropped, %(total)d so far: %(detail)s",
    fields=lambda s: {"total": s.total, "detail": s.why},
)
_BACKPLANE_DISCONNECTED = SignalRow[BackplaneDisconnected](
    event="inventory.backplane",
    level=logging.WARNING,
    kind="backplane disconnected",
    severity=Severity.BAD,
    sentence="the backplane is disconnected, changes of other replicas are missed: %(detail)s",
    fields=lambda s: {"detail": s.why},
)
_BACKPLANE_RECONNECTED = SignalRow[BackplaneReconnected](
    event="inventory.backplane",
    level=logging.INFO,
    kind="backplane connected",
    severity=Severity.GOOD,
    sentence="the backplane is connected again, after %(seconds).1f s",
    fields=lambda s: {"seconds": s.seconds},
)

# The queue


def _entry_fields(
    signal: InitializationQueued
    | InitializationDone
    | InitializationPostponed
    | InitializationDeadLettered,
    outcome: str,
    why: Exception | str | None = None,
    *,
    tried: bool = True,
    **more: object,
) -> Fields:
    """The fields of a record about one entry; it can be found by each of its three ids.

    With `tried`, the signal ends a try, which the entry does not count yet.
    """
    entry = signal.entry
    return {
        "outcome": outcome,
        "variant_id": str(entry.request.variant_id),
        "idempotency_key": str(entry.request.idempotency_key),
        "correlation_id": entry.correlation_id,
        "tries": entry.tries + tried,
        "attempts": entry.attempts,
        # Perhaps words of a host's catalog.
        "detail": None if why is None else one_line(str(why)),
        **more,
    }


_INITIALIZATION_QUEUED = SignalRow[InitializationQueued](
    event="inventory.initialization",
    level=logging.WARNING,
    kind="queued",
    severity=Severity.NOTE,
    sentence="the inventory record of %(variant_id)s is queued: %(detail)s",
    fields=lambda s: _entry_fields(s, "queued", s.error, tried=False),
)
_INITIALIZATION_DONE = SignalRow[InitializationDone](
    event="inventory.initialization",
    level=logging.INFO,
    kind="record opened",
    severity=Severity.GOOD,
    sentence=(
        "the inventory record of %(variant_id)s was opened at try %(tries)d, "
        "%(duration).1f s after it was queued"
    ),
    fields=lambda s: _entry_fields(s, "done", duration=s.took),
)
_INITIALIZATION_POSTPONED = SignalRow[InitializationPostponed](
    event="inventory.initialization",
    level=logging.DEBUG,
    kind="postponed",
    severity=Severity.NOTE,
    sentence=(
        "the inventory record of %(variant_id)s is postponed until %(until)s, "
        "after try %(tries)d: %(detail)s"
    ),
    fields=lambda s: _entry_fields(s, "postponed", s.error, until=s.until.isoformat()),
)
_INITIALIZATION_DEAD_LETTERED = SignalRow[InitializationDeadLettered](
    event="inventory.initialization",
    level=logging.ERROR,
    kind="dead letter",
    severity=Severity.BAD,
    sentence=(
        "the inventory record of %(variant_id)s will not be opened (%(reason)s) until an operator "
        "retries or drops its entry: %(detail)s"
    ),
    fields=lambda s: _entry_fields(
        s,
        "dead_lettered",
        s.error or s.entry.last_error or "no attempt has ended",
        tried=s.error is not None,
        reason=s.reason.value,
    ),
)
_QUEUE_UNAVAILABLE = SignalRow[QueueUnavailable](
    event="inventory.queue",
    level=logging.ERROR,
    kind="queue unavailable",
    severity=Severity.BAD,
    sentence="%(detail)s",
    fields=lambda s: {"detail": str(s.error)},
)
_QUEUE_RECOVERED = SignalRow[QueueRecovered](
    event="inventory.queue",
    level=logging.INFO,
    kind="queue available",
    severity=Severity.GOOD,
    sentence="the queue is available again",
)

# Events: the notifiers and the subscriber write their records.

_EVENT_HANDLED = SignalRow[EventHandled](
    event=None,
    kind=lambda s: f"event {s.outcome.value}",
    severity=Severity.ROUTINE,
    sentence=lambda s: {
        EventOutcome.HANDLED: (
            "the event %(status)s of %(variant_id)s was handled %(lag).1f s after it was published"
        ),
        EventOutcome.DUPLICATE: (
            "the event %(status)s of %(variant_id)s was handled before: discarded"
        ),
        EventOutcome.LATE: (
            "the event %(status)s of %(variant_id)s is older than one that was handled: discarded"
        ),
    }[s.outcome],
    fields=lambda s: {
        "outcome": s.outcome.value,
        "status": s.event.status.value,
        "event_id": str(s.event.event_id),
        "variant_id": str(s.event.variant_id),
        "lag": s.lag,
        "correlation_id": s.correlation_id,
    },
)
_EVENT_DEAD_LETTERED = SignalRow[EventDeadLettered](
    event=None,
    kind="event dead-lettered",
    severity=Severity.BAD,
    sentence="a message was dead-lettered: %(detail)s",
    fields=lambda s: {"detail": one_line(s.reason), "correlation_id": s.correlation_id},
)

SIGNAL_TABLE: Final[Mapping[type[Signal], SignalRow[Any]]] = {
    Attempted: _ATTEMPTED,
    Retrying: _RETRYING,
    RetryBudgetExhausted: _RETRY_BUDGET_EXHAUSTED,
    BreakerChanged: _BREAKER_CHANGED,
    CallRejected: _CALL_REJECTED,
    BatchShrunk: _BATCH_SHRUNK,
    AnswerRepaired: ANSWER_REPAIRED,
    ClockSkewed: CLOCK_SKEWED,
    ReadingsHeldBack: READINGS_HELD_BACK_ROW,
    AbsenceDoubted: ABSENCE_DOUBTED,
    ServedStale: _SERVED_STALE,
    RefreshFailed: _REFRESH_FAILED,
    SharedCacheDown: _SHARED_CACHE_DOWN,
    SharedCacheRecovered: _SHARED_CACHE_RECOVERED,
    SharedCacheWritesDropped: _SHARED_CACHE_WRITES_DROPPED,
    BackplaneDisconnected: _BACKPLANE_DISCONNECTED,
    BackplaneReconnected: _BACKPLANE_RECONNECTED,
    InitializationQueued: _INITIALIZATION_QUEUED,
    InitializationDone: _INITIALIZATION_DONE,
    InitializationPostponed: _INITIALIZATION_POSTPONED,
    InitializationDeadLettered: _INITIALIZATION_DEAD_LETTERED,
    QueueUnavailable: _QUEUE_UNAVAILABLE,
    QueueRecovered: _QUEUE_RECOVERED,
    EventHandled: _EVENT_HANDLED,
    EventDeadLettered: _EVENT_DEAD_LETTERED,
}
"""A row for each type of the union `Signal`: a test compares them."""
