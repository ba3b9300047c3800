"""From what happens to the metrics that it belongs to: the same for every way out."""

from collections.abc import Iterator
from functools import lru_cache

from yarl import URL

from shelfport.adapters.observability.counters import (
    ATTEMPT_DURATION,
    BREAKER_CHANGES,
    BUDGET_SPENT,
    REFRESH_FAILURES,
    REFUSED,
    RETRIES,
)
from shelfport.adapters.observability.metric import Labels, Metric
from shelfport.domain.model import RequestContext
from shelfport.ports.signals import (
    Attempted,
    BreakerChanged,
    CallRejected,
    RefreshFailed,
    RetryBudgetExhausted,
    Retrying,
    Signal,
)

Measurement = tuple[Metric, float, Labels]
"""What to add to a counter, or to record in a histogram."""


def measured(signal: Signal) -> Iterator[Measurement]:
    """What `signal` adds to which metrics; nothing for a signal that the snapshot tells of."""
    match signal:
        case Attempted(operation, outcome=outcome, seconds=seconds, error=error):
            labels = {"shelfport.operation": operation.value, "shelfport.outcome": outcome.value}
            if error is not None:
                labels["error.type"] = type(error).__name__
            yield ATTEMPT_DURATION, seconds, labels
        case Retrying(operation, error=error):
            yield RETRIES, 1, _about(operation.value, error)
        case RetryBudgetExhausted(operation):
            yield BUDGET_SPENT, 1, {"shelfport.operation": operation.value}
        case BreakerChanged(after=after):
            yield BREAKER_CHANGES, 1, {"shelfport.circuit_breaker.state": after.value}
        case CallRejected(operation, error):
            yield REFUSED, 1, _about(operation.value, error)
        case RefreshFailed(error=error):
            yield REFRESH_FAILURES, 1, {"error.type": type(error).__name__}
        case _:
            return


def _about(operation: str, error: Exception) -> dict[str, str]:
    return {"shelfport.operation": operation, "error.type": type(error).__name__}


def http_labels(
    method: str, context: RequestContext, status: int | None, error: BaseException | None
) -> dict[str, str]:
    """The attributes that the semantic conventions ask for in `http.client.request.duration`."""
    address, port = server_of(context.where)
    labels = {"http.request.method": method, "server.address": address, "server.port": port}
    if status is not None:
        labels["http.response.status_code"] = str(status)
    failure = error_type(method, status, error)
    if failure is not None:
        labels["error.type"] = failure
    return labels


def error_type(method: str, status: int | None, error: BaseException | None) -> str | None:
    """What the semantic conventions call `error.type`; None for an answer that is none.

    That a variant has no record, or had one before, is what the contract answers with 404 and 409:
    no failure, as the conventions let those say who know better.
    """
    if error is not None:
        return type(error).__name__
    if status is None or status < 400 or (method, status) in {("GET", 404), ("POST", 409)}:
        return None
    return str(status)


@lru_cache(maxsize=64)
def server_of(base_url: str) -> tuple[str, str]:
    """Host and port of a base URL."""
    url = URL(base_url)
    return url.host or "", str(url.port or "")
