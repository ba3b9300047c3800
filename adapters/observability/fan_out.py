"""`FanOut`: several telemetries as one, isolated from each other's bugs."""

import logging

import attrs

from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.domain.model import Call, RequestContext
from shelfport.ports.telemetry import ObservedRequest, ObservesPageAge, Telemetry

logger = logging.getLogger("shelfport.telemetry")


@attrs.frozen(eq=False)
class FanOut:
    """Passes each request to each of `all`, in order. An exception of one is logged.

    Signals reach the telemetries through `Listeners`.
    """

    all: tuple[Telemetry, ...]

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """A `RequestObserver`: each may change the trace context of the request."""
        requests: list[ObservedRequest] = []
        for telemetry in self.all:
            try:
                observed = telemetry.request_started(method, url, context)
            except Exception as error:
                _log_fault(telemetry, error)
            else:
                requests.append(observed)
                context = attrs.evolve(context, call=observed.call)
        return (
            _ObservedRequests(context.call, requests)
            if requests
            else NoObserver(method, url, context)
        )


@attrs.frozen(eq=False)
class PageAges:
    """Passes the age of each served page to each of `all`, as `FanOut` passes requests."""

    all: tuple[ObservesPageAge, ...]

    def __call__(self, seconds: float, /) -> None:
        """The oldest reading on the page is `seconds` old."""
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
        # In reverse order, as each restores the context that it found.
        for observed in reversed(self.all):
            try:
                observed.ended(status, error, seconds)
            except Exception as fault:
                _log_fault(observed, fault)


def _log_fault(telemetry: object, error: Exception) -> None:
    logger.error(
        "the telemetry %r failed: this is its bug",
        telemetry,
        exc_info=error,
        extra={"event": "inventory.telemetry_fault", "telemetry": type(telemetry).__name__},
    )
