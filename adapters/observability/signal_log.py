"""The layers' signals as log records: the `Listener` of a host that brings none."""

import logging

from shelfport.adapters.observability.call_log import log_attempt
from shelfport.domain.model import QueuedInitialization
from shelfport.domain.model.text import one_line
from shelfport.ports.signals import (
    Attempted,
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

logger = logging.getLogger("shelfport.signals")

_QUIET = (
    Retrying,
    CallRejected,
    ServedStale,
    RefreshFailed,
    InitializationPostponed,
    SharedCacheWritesDropped,
)
"""What happens on each call of an outage: DEBUG, and nothing is done for it where that is off."""


def log_signal(signal: Signal) -> None:
    """Log `signal`. What happens once in an outage is WARNING, what happens on each call DEBUG."""
    if isinstance(signal, _QUIET) and not logger.isEnabledFor(logging.DEBUG):
        return
    match signal:
        case Attempted():
            log_attempt(signal)
        case BreakerChanged(before, after, why):
            level = logging.INFO if after is BreakerState.CLOSED else logging.WARNING
            logger.log(
                level,
                "circuit of the Inventory Service: %s, was %s: %s",
                after.value,
                before.value,
                why,
                extra={
                    "event": "inventory.circuit_breaker",
                    "state": after.value,
                    "before": before.value,
                    "detail": why,
                },
            )
        case RetryBudgetExhausted(operation, error, correlation_id):
            logger.warning(
                "inventory %s not repeated: the retry budget is spent (correlation id %s): %s",
                operation.value,
                correlation_id,
                error,
                extra={
                    "event": "inventory.retry_budget",
                    "operation": operation.value,
                    "correlation_id": correlation_id,
                    "error": type(error).__name__,
                    "detail": str(error),
                },
            )
        case Retrying(operation, attempt, delay, error, correlation_id):
            logger.debug(
                "inventory %s: attempt %d will be repeated in %.3f s (correlation id %s): %s",
                operation.value,
                attempt,
                delay,
                correlation_id,
                error,
                extra={
                    "event": "inventory.retry",
                    "operation": operation.value,
                    "attempt": attempt,
                    "delay": delay,
                    "correlation_id": correlation_id,
                    "error": type(error).__name__,
                    "detail": str(error),
                },
            )
        case CallRejected(operation, error, correlation_id):
            logger.debug(
                "inventory %s refused here (correlation id %s): %s",
                operation.value,
                correlation_id,
                error,
                extra={
                    "event": "inventory.rejected",
                    "operation": operation.value,
                    "correlation_id": correlation_id,
                    "error": type(error).__name__,
                    "detail": str(error),
                },
            )
        case ServedStale(variants, oldest, correlation_id):
            logger.debug(
                "stock of %d variants shown stale, up to %.1f s old (correlation id %s)",
                variants,
                oldest,
                correlation_id,
                extra={
                    "event": "inventory.stale",
                    "variants": variants,
                    "oldest": oldest,
                    "correlation_id": correlation_id,
                },
            )
        case RefreshFailed(variants, error):
            logger.debug(
                "stock of %d variants not refreshed: %s",
                variants,
                error,
                extra={
                    "event": "inventory.refresh",
                    "variants": variants,
                    "error": type(error).__name__,
                    "detail": str(error),
                },
            )
        case (
            SharedCacheDown()
            | SharedCacheRecovered()
            | SharedCacheWritesDropped()
            | BackplaneDisconnected()
            | BackplaneReconnected()
        ):
            _log_shared(signal)
        case EventHandled() | EventDeadLettered():
            return  # whoever handles events logs them: the notifiers, and the subscriber
        case _:
            _log_queue(signal)


def _log_queue(
    signal: InitializationQueued
    | InitializationDone
    | InitializationPostponed
    | InitializationDeadLettered
    | QueueUnavailable
    | QueueRecovered,
) -> None:
    match signal:
        case InitializationQueued(entry, error):
            sentence = "could not be opened now and is queued: %s"
            _log(logging.WARNING, entry, "queued", sentence, why=error)
        case InitializationDone(entry, took):
            sentence = "is there, at attempt %d, %.1f s after it was queued"
            _log(logging.INFO, entry, "done", sentence, entry.attempts, took)
        case InitializationPostponed(entry, until, failure):
            sentence = "is put off until %s, after attempt %d: %s"
            arguments = (until.isoformat(), entry.attempts)
            _log(logging.DEBUG, entry, "postponed", sentence, *arguments, why=failure)
        case InitializationDeadLettered(entry, reason, failure):
            sentence = "will not be opened (%s) until a person retries or drops its entry: %s"
            why = failure or entry.last_error
            _log(logging.ERROR, entry, "dead_lettered", sentence, reason.value, why=why)
        case QueueUnavailable(error):
            logger.error("%s", error, extra={"event": "inventory.queue", "detail": str(error)})
        case QueueRecovered():
            logger.info("the queue can be used again", extra={"event": "inventory.queue"})


def _log(
    level: int,
    entry: QueuedInitialization,
    outcome: str,
    sentence: str,
    *arguments: object,
    why: Exception | str | None = None,
) -> None:
    """A record about one entry, which can be found by each of its three ids.

    `why`, where there is one, ends the sentence: words of a host's catalogue, perhaps.
    """
    detail = None if why is None else one_line(str(why))
    key = str(entry.request.idempotency_key)
    logger.log(
        level,
        f"inventory record of %s {sentence} (idempotency key %s, correlation id %s)",
        entry.request.variant_id,
        *arguments,
        *(() if detail is None else (detail,)),
        key,
        entry.correlation_id,
        extra={
            "event": "inventory.initialization",
            "outcome": outcome,
            "variant_id": str(entry.request.variant_id),
            "idempotency_key": key,
            "correlation_id": entry.correlation_id,
            "attempts": entry.attempts,
            "detail": detail,
        },
    )


def _log_shared(
    signal: SharedCacheDown
    | SharedCacheRecovered
    | SharedCacheWritesDropped
    | BackplaneDisconnected
    | BackplaneReconnected,
) -> None:
    match signal:
        case SharedCacheDown(why):
            logger.warning(
                "the shared cache is out, and not asked: %s",
                why,
                extra={"event": "inventory.shared_cache", "detail": why},
            )
        case SharedCacheRecovered():
            logger.info("the shared cache answers again", extra={"event": "inventory.shared_cache"})
        case SharedCacheWritesDropped(total, why):
            logger.debug(
                "not written to the shared cache (%d times so far): %s",
                total,
                why,
                extra={"event": "inventory.shared_cache", "total": total, "detail": why},
            )
        case BackplaneDisconnected(why):
            logger.warning(
                "changes that other replicas learn of are not heard: %s",
                why,
                extra={"event": "inventory.backplane", "detail": why},
            )
        case BackplaneReconnected(seconds):
            logger.info(
                "changes that other replicas learn of are heard again, after %.1f s",
                seconds,
                extra={"event": "inventory.backplane", "seconds": seconds},
            )
