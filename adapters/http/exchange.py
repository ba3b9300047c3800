"""The seam for whoever watches requests on the wire: tracing, and the metrics of HTTP."""

from typing import Protocol

from shelfport.adapters.http.translate import Asked
from shelfport.domain.model import Call


class Exchange(Protocol):
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


class Watch(Protocol):
    """Is told of each request before it goes out. Must be quick, must not block, must not raise."""

    def __call__(self, method: str, url: str, asked: Asked, /) -> Exchange:
        """A request is about to be sent.

        Args:
            method: GET or POST.
            url: all of it, as it is sent; it carries no credentials.
            asked: what it is about.
        """
        ...


class Unwatched:
    """An exchange that nobody watches."""

    __slots__ = ("call",)

    def __init__(self, _method: str, _url: str, asked: Asked) -> None:
        self.call = asked.call

    def ended(self, _status: int | None, _error: BaseException | None, _seconds: float) -> None:
        """Nobody wants to know."""
