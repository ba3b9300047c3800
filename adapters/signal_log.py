"""The layers' signals as log records: the `Listener` of a host that brings none."""

import logging

from shelfport.adapters.call_log import log_attempt
from shelfport.domain.model.signals import (
    Attempted,
    BreakerChanged,
    BreakerState,
    RefreshFailed,
    Refused,
    RetryBudgetSpent,
    Retrying,
    ServedStale,
    Signal,
)

logger = logging.getLogger("shelfport.signals")

_QUIET = (Retrying, Refused, ServedStale, RefreshFailed)
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
                    "event": "inventory.breaker",
                    "state": after.value,
                    "before": before.value,
                    "detail": why,
                },
            )
        case RetryBudgetSpent(operation, error, correlation_id):
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
        case Refused(operation, error, correlation_id):
            logger.debug(
                "inventory %s refused here (correlation id %s): %s",
                operation.value,
                correlation_id,
                error,
                extra={
                    "event": "inventory.refused",
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
