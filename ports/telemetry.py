"""`Telemetry`: the port to metrics and traces, for `build(telemetry=…)`."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from shelfport.domain.model import Call, RequestContext
from shelfport.ports.signals import Signal
from shelfport.ports.snapshot import Snapshot


class ObservedRequest(Protocol):
    """One HTTP request, while it is observed."""

    @property
    def call(self) -> Call:
        """The call to send the request with: unchanged, or a copy with another `traceparent`."""
        ...

    def ended(self, status: int | None, error: BaseException | None, seconds: float) -> None:
        """The request has ended. Called once, in the task that sent it.

        Args:
            status: the HTTP status of the answer, if there was one.
            error: why the request failed: an `InventoryError`, a cancellation, or a bug.
            seconds: from the start of the request to the last byte of its answer, or to the error.
        """
        ...


class RequestObserver(Protocol):
    """Observes each HTTP request. Must be quick, must not block, must not raise."""

    def __call__(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """A request is about to be sent.

        Args:
            method: GET or POST.
            url: the whole URL, as it is sent; it has no credentials.
            context: the request's operation, variants and call.
        """
        ...


class Telemetry(Protocol):
    """Records metrics and traces of one integration.

    Its methods are called on the path of a request, in the integration's event loop: they must be
    quick and must not block. An exception is logged, and does not affect the request. A telemetry
    that also has the method `page_age` gets the age of every page: see `ObservesPageAge`.
    """

    def signal(self, signal: Signal, /) -> None:
        """Record a signal of the layers."""
        ...

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """An HTTP request is about to be sent; see `RequestObserver`."""
        ...

    def attach(self, snapshot: Callable[[], Snapshot], /) -> AbstractContextManager[None]:
        """Return a context; the integration is open while it is entered.

        Call `snapshot` whenever metrics are collected; it may be called from any thread.
        """
        ...


@runtime_checkable
class CarriesTrace(Protocol):
    """A `Telemetry` whose current span is in a context variable.

    A request that several callers share runs in a context of its own, without the variables of the
    caller who happened to start it. Its span still belongs to that caller's.
    """

    def carry(self) -> Callable[[], object]:
        """Return a function that makes the present span the current one in another context."""
        ...


@runtime_checkable
class ObservesPageAge(Protocol):
    """A `Telemetry` that records the age of every page, hits included.

    A page of hits takes microseconds, and this call adds to it: a telemetry that does not need the
    age leaves the method out.
    """

    def page_age(self, seconds: float, /) -> None:
        """A page was served, and its oldest reading is `seconds` old. Called for every page."""
        ...
