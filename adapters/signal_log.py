"""The layers' signals as log records: the `Listener` of a host that brings none."""

import logging

from shelfport.domain.model import QueuedInitialization
from shelfport.domain.model.signals import (
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
from shelfport.ports import Listener

logger = logging.getLogger("shelfport.signals")


def log_signal(signal: Signal) -> None:
    """Log `signal`. What happens once in an outage is WARNING, what happens on each call DEBUG."""
    match signal:
        case BreakerChanged(before, after, why):
            level = logging.INFO if after is BreakerState.CLOSED else logging.WARNING
            logger.log(
                level,
                "circuit of the Inventory Service: %s, was %s: %s",
                after.value,
                before.value,
                why,
                extra={"event": "inventory.breaker", "state": after.value},
            )
        case RetryBudgetSpent(operation, error, correlation_id):
            logger.warning(
                "inventory %s not repeated: the retry budget is spent (correlation id %s): %s",
                operation.value,
                correlation_id,
                error,
                extra={"event": "inventory.retry_budget", "correlation_id": correlation_id},
            )
        case Retrying(operation, attempt, delay, error, correlation_id):
            logger.debug(
                "inventory %s: attempt %d will be repeated in %.3f s (correlation id %s): %s",
                operation.value,
                attempt,
                delay,
                correlation_id,
                error,
                extra={"event": "inventory.retry", "correlation_id": correlation_id},
            )
        case Refused(operation, error, correlation_id):
            logger.debug(
                "inventory %s refused here (correlation id %s): %s",
                operation.value,
                correlation_id,
                error,
                extra={"event": "inventory.refused", "correlation_id": correlation_id},
            )
        case ServedStale(variants, oldest, correlation_id):
            logger.debug(
                "stock of %d variants shown stale, up to %.1f s old (correlation id %s)",
                variants,
                oldest,
                correlation_id,
                extra={"event": "inventory.stale", "correlation_id": correlation_id},
            )
        case RefreshFailed(variants, error):
            logger.debug(
                "stock of %d variants not refreshed: %s",
                variants,
                error,
                extra={"event": "inventory.refresh"},
            )
        case (
            SharedCacheOut()
            | SharedCacheBack()
            | SharedWritesDropped()
            | ChangesCut()
            | ChangesHeard()
        ):
            _log_shared(signal)
        case EventTaken() | EventBuried():
            return  # whoever handles events logs them: the notifiers, and the subscriber
        case _:
            _log_queue(signal)


def _log_queue(
    signal: InitializationQueued
    | InitializationDone
    | InitializationPutOff
    | InitializationDead
    | QueueTrouble
    | QueueRecovered,
) -> None:
    match signal:
        case InitializationQueued(entry, error):
            _log(
                logging.WARNING, entry, "queued", "could not be opened now and is queued: %s", error
            )
        case InitializationDone(entry, took):
            sentence = "is there, at attempt %d, %.1f s after it was queued"
            _log(logging.INFO, entry, "done", sentence, entry.attempts, took)
        case InitializationPutOff(entry, until, failure):
            sentence = "is put off until %s, after attempt %d: %s"
            _log(
                logging.DEBUG,
                entry,
                "put_off",
                sentence,
                until.isoformat(),
                entry.attempts,
                failure,
            )
        case InitializationDead(entry, reason, failure):
            sentence = "will not be opened (%s) until a person retries or drops its entry: %s"
            _log(logging.ERROR, entry, "dead", sentence, reason.value, failure or entry.last_error)
        case QueueTrouble(error):
            logger.error("%s", error, extra={"event": "inventory.queue"})
        case QueueRecovered():
            logger.info("the queue can be used again", extra={"event": "inventory.queue"})


def _log(
    level: int, entry: QueuedInitialization, event: str, sentence: str, *arguments: object
) -> None:
    """A record about one entry, which can be found by each of its three ids."""
    key = str(entry.request.idempotency_key)
    logger.log(
        level,
        f"inventory record of %s {sentence} (idempotency key %s, correlation id %s)",
        entry.request.variant_id,
        *arguments,
        key,
        entry.correlation_id,
        extra={
            "event": f"inventory.initialization.{event}",
            "idempotency_key": key,
            "correlation_id": entry.correlation_id,
        },
    )


def _log_shared(
    signal: SharedCacheOut | SharedCacheBack | SharedWritesDropped | ChangesCut | ChangesHeard,
) -> None:
    extra = {"event": "inventory.shared"}
    match signal:
        case SharedCacheOut(why):
            logger.warning("the shared cache is out, and not asked: %s", why, extra=extra)
        case SharedCacheBack():
            logger.info("the shared cache answers again", extra=extra)
        case SharedWritesDropped(total, why):
            logger.debug(
                "not written to the shared cache (%d times so far): %s", total, why, extra=extra
            )
        case ChangesCut(why):
            logger.warning(
                "changes that other replicas learn of are not heard: %s",
                why,
                extra={"event": "inventory.changes"},
            )
        case ChangesHeard(seconds):
            logger.info(
                "changes that other replicas learn of are heard again, after %.1f s",
                seconds,
                extra={"event": "inventory.changes"},
            )


def unfailing(listener: Listener) -> Listener:
    """A listener that logs what `listener` raises, so that its bug costs nobody an answer."""

    def listen(signal: Signal) -> None:
        try:
            listener(signal)
        except Exception:
            logger.exception("the listener %r failed: this is its bug", listener)

    return listen
