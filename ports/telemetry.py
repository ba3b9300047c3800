"""`Telemetry`: what `build(telemetry=…)` takes; `ObservesPageAge`: what it may be besides."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from shelfport.domain.model import Call, RequestContext
from shelfport.ports.signals import Signal
from shelfport.ports.snapshot import Snapshot


class ObservedRequest(Protocol):
    """One request that is watched."""

    @property
    def call(self) -> Call:
        """The call's terms to send it under: those it came with, or with another `traceparent`."""
        ...

    def ended(self, status: int | None, error: BaseException | None, seconds: float) -> None:
        """It came to its end; told once, in the task that began it.

        Args:
            status: the HTTP status, if an answer came.
            error: why none came: an `InventoryError`, a cancellation, or a bug.
            seconds: from its beginning to the last byte of its answer, or to the error.
        """
        ...


class RequestObserver(Protocol):
    """Is told of each request before it goes out. Must be quick, must not block, must not raise."""

    def __call__(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """A request is about to be sent.

        Args:
            method: GET or POST.
            url: all of it, as it is sent; it carries no credentials.
            context: what it is about.
        """
        ...


class Telemetry(Protocol):
    """Watches one integration.

    Everything is called in the middle of somebody's request, from the integration's event loop:
    it must be quick and must not block. What it raises is logged, and costs nobody an answer.
    One that has a method `page_age`, too, is told of every page: see `ObservesPageAge`.
    """

    def signal(self, signal: Signal, /) -> None:
        """What the layers report."""
        ...

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """A request is about to go out over HTTP; see `RequestObserver`."""
        ...

    def showing(self, snapshot: Callable[[], Snapshot], /) -> AbstractContextManager[None]:
        """The integration is open while this is entered: read `snapshot` when asked for figures.

        It may be called from any thread.
        """
        ...


@runtime_checkable
class ObservesPageAge(Protocol):
    """A `Telemetry` that wants to know of every page, hits as well.

    A page of hits takes microseconds, so that one that does not care should not be asked: it leaves
    the method out.
    """

    def page_age(self, seconds: float, /) -> None:
        """A page was served, and the oldest reading on it is that old. Called for every page."""
        ...
