"""The attributes of an HTTP request by OpenTelemetry's semantic conventions."""

from functools import lru_cache

from yarl import URL

from shelfport.adapters.observability.counters import ERROR_TYPE
from shelfport.domain.model import RequestContext


def http_labels(
    method: str, context: RequestContext, status: int | None, error: BaseException | None
) -> dict[str, str]:
    """The labels of `http.client.request.duration`."""
    address, port = server_of(context.where)
    labels = {"http.request.method": method, "server.address": address, "server.port": port}
    if status is not None:
        labels["http.response.status_code"] = str(status)
    failure = error_type(method, status, error)
    if failure is not None:
        labels[ERROR_TYPE] = failure
    return labels


def error_type(method: str, status: int | None, error: BaseException | None) -> str | None:
    """The attribute `error.type`; None for an answer that is no error.

    404 to a read (the variant has no record) and 409 to an opening (the record exists already) are
    answers of the contract. The conventions leave it to the instrumentation to say so.
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
