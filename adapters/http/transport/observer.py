"""The seam for whoever watches requests on the wire: tracing, and the metrics of HTTP."""

from shelfport.domain.model import RequestContext


class NoObserver:
    """An exchange that nobody watches."""

    __slots__ = ("call",)

    def __init__(self, _method: str, _url: str, context: RequestContext) -> None:
        self.call = context.call

    def ended(self, _status: int | None, _error: BaseException | None, _seconds: float) -> None:
        """Nobody wants to know."""
