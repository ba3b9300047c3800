"""Several telemetries in the place of one, each with its bugs to itself."""

import logging

import attrs

from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.domain.model import Call, RequestContext
from shelfport.ports.telemetry import ObservedRequest, ObservesPageAge, Telemetry

logger = logging.getLogger("shelfport.telemetry")


@attrs.frozen(eq=False)
class FanOut:
    """Tells each of `all`, in order. What one raises is logged, and costs nobody anything else.

    Signals go their own way, through `Listeners`.
    """

    all: tuple[Telemetry, ...]

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """A `RequestObserver`: each may give the next one, and the request, another trace context."""
        requests: list[ObservedRequest] = []
        for telemetry in self.all:
            try:
                request_started = telemetry.request_started(method, url, context)
            except Exception as error:
                _log_fault(telemetry, error)
            else:
                requests.append(request_started)
                context = attrs.evolve(context, call=request_started.call)
        return (
            _ObservedRequests(context.call, requests)
            if requests
            else NoObserver(method, url, context)
        )


@attrs.frozen(eq=False)
class PageAges:
    """Tells each of `all` of a page that was served, as `FanOut` tells of the rest."""

    all: tuple[ObservesPageAge, ...]

    def __call__(self, seconds: float, /) -> None:
        """The oldest reading on it was that old."""
        for telemetry in self.all:
            try:
                telemetry.page_age(seconds)
            except Exception as error:
                _log_fault(telemetry, error)


@attrs.frozen(eq=False)
class _ObservedRequests:
    call: Call
    all: list[ObservedRequest]

    def ended(self, status: int | None, error: BaseException | None, seconds: float) -> None:
        # The last one begins innermost, and ends first: each restores what it found.
        for request_started in reversed(self.all):
            try:
                request_started.ended(status, error, seconds)
            except Exception as fault:
                _log_fault(request_started, fault)


def _log_fault(whose: object, error: Exception) -> None:
    logger.error(
        "the telemetry %r failed: this is its bug",
        whose,
        exc_info=error,
        extra={"event": "inventory.telemetry_fault", "telemetry": type(whose).__name__},
    )
