"""`Telemetry`: what `build(telemetry=…)` takes; `HearsPageAges`: what it may be besides."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from shelfport.adapters.http.exchange import Exchange
from shelfport.adapters.http.translate import Asked
from shelfport.adapters.snapshot import Snapshot
from shelfport.domain.model.signals import Signal


class Telemetry(Protocol):
    """Watches one integration.

    Everything is called in the middle of somebody's request, from the integration's event loop:
    it must be quick and must not block. What it raises is logged, and costs nobody an answer.
    One that has a method `page_age`, too, is told of every page: see `HearsPageAges`.
    """

    def signal(self, signal: Signal, /) -> None:
        """What the layers report."""
        ...

    def exchange(self, method: str, url: str, asked: Asked, /) -> Exchange:
        """A request is about to go out over HTTP; see `Watch`."""
        ...

    def showing(self, snapshot: Callable[[], Snapshot], /) -> AbstractContextManager[None]:
        """The integration is open while this is entered: read `snapshot` when asked for figures.

        It may be called from any thread.
        """
        ...


@runtime_checkable
class HearsPageAges(Protocol):
    """A `Telemetry` that wants to know of every page, hits as well.

    A page of hits takes microseconds, so that one that does not care should not be asked: it leaves
    the method out.
    """

    def page_age(self, seconds: float, /) -> None:
        """A page was served, and the oldest reading on it is that old. Called for every page."""
        ...
