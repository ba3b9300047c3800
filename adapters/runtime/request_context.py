"""The ambient request: ids that a host sets once, where its own request begins (R23)."""

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
    """Give all calls inside these ids, unless a call brings its own.

    For a host's middleware: take `X-Correlation-ID` and `traceparent` from the request and wrap
    its handling. Hostile values are cleaned on their way into a call.
    """
    token = _ambient.set((correlation_id, traceparent))
    try:
        yield
    finally:
        _ambient.reset(token)


def ambient() -> tuple[str | None, str | None]:
    """Correlation id and traceparent of the request that is being handled, as they came.

    For whoever begins something, such as the façade; what goes on carries them in its `Call`.
    """
    return _ambient.get()


def current_id() -> str | None:
    """The correlation id of the request, or the event, that is being handled: fit for a record."""
    return clean_id(_ambient.get()[0])
