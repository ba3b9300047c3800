"""The ids of the host's own request, in a context variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shelfport.domain.model.call import clean_id

_ambient: ContextVar[tuple[str | None, str | None]] = ContextVar(
    "shelfport_request", default=(None, None)
)


@contextmanager
def request_context(
    *, correlation_id: str | None = None, traceparent: str | None = None
) -> Iterator[None]:
    """Give all calls inside these ids, unless a call has its own.

    For a host's middleware: take `X-Correlation-ID` and `traceparent` from the request and wrap its
    handling. A call cleans the values.
    """
    token = _ambient.set((correlation_id, traceparent))
    try:
        yield
    finally:
        _ambient.reset(token)


def ambient() -> tuple[str | None, str | None]:
    """Correlation id and traceparent of the current request, not cleaned.

    The façade and other entry points read them; layers and adapters get them in the `Call`.
    """
    return _ambient.get()


def current_id() -> str | None:
    """The correlation id of the current request or event, cleaned for a log record."""
    return clean_id(_ambient.get()[0])
