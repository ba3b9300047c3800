"""A record for every attempt: what was asked, how long it took, what came of it (R23)."""

import logging

from shelfport.ports.signals import Attempted, AttemptOutcome

logger = logging.getLogger("shelfport.calls")
"""Where the records go. Configuring it is the host's."""


def log_attempt(attempted: Attempted) -> None:
    """Log `attempted`.

    An answer is INFO; a failure that may pass by itself, an answer with unreadable parts, and an
    attempt that its caller left are WARNING; a failure that needs a person is ERROR.
    """
    level = level_of(attempted)
    if not logger.isEnabledFor(level):
        return
    call, error = attempted.call, attempted.error
    logger.log(
        level,
        "inventory %s of %d %s %.1f ms (attempt %d, correlation id %s)%s",
        attempted.operation.value,
        attempted.variants,
        _became(attempted),
        attempted.seconds * 1000,
        call.attempt,
        call.correlation_id,
        _why(attempted),
        extra={
            "event": "inventory.call",
            "operation": attempted.operation.value,
            "variants": attempted.variants,
            "attempt": call.attempt,
            "correlation_id": call.correlation_id,
            "waiters": call.waiters,
            "duration": attempted.seconds,
            "outcome": attempted.outcome.value,
            "unreadable": attempted.unreadable,
            "error": None if error is None else type(error).__name__,
            "detail": None if error is None else str(error),
            "status": None if error is None else error.status,
        },
    )


def level_of(attempted: Attempted) -> int:
    """How loud the record of `attempted` is."""
    match attempted.outcome, attempted.error:
        case AttemptOutcome.ANSWERED, _:
            return logging.INFO
        case AttemptOutcome.FAILED, error if error is not None and not error.retryable:
            return logging.ERROR
        case _:
            return logging.WARNING


def _became(attempted: Attempted) -> str:
    match attempted.outcome:
        case AttemptOutcome.ANSWERED:
            return "answered in"
        case AttemptOutcome.PARTIAL:
            return f"answered all but {attempted.unreadable} in"
        case AttemptOutcome.FAILED | AttemptOutcome.LEFT:
            return "failed after"


def _why(attempted: Attempted) -> str:
    if attempted.outcome is AttemptOutcome.LEFT:
        return ": the caller left before the answer"
    return "" if attempted.error is None else f": {attempted.error}"
