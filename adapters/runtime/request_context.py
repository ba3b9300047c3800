"""The ids of the host's own request, in a context variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shelfport.domain.model.call import clean_id

NO_IDS: tuple[str | None, str | None] = (None, None)
"""What `ambient` returns outside of every request."""
_ambient: ContextVar[tuple[str | None, str | None]] = ContextVar(
    "shelfport_request", default=NO_IDS
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


# The method itself: a function around it would add a call to each page.
ambient = _ambient.get
"""Correlation id and traceparent of the current request, not cleaned.

The façade and other entry points read them; layers and adapters get them in the `Call`."""


def current_id() -> str | None:
    """The correlation id of the current request or event, cleaned for a log record."""
    return clean_id(_ambient.get()[0])
