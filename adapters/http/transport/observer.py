"""`NoObserver`: the `RequestObserver` of an adapter without tracing and metrics."""

from shelfport.domain.model import RequestContext


class NoObserver:
    """An `ObservedRequest` that records nothing; the class itself is the `RequestObserver`."""

    __slots__ = ("call",)

    def __init__(self, _method: str, _url: str, context: RequestContext) -> None:
        self.call = context.call

    def ended(self, _status: int | None, _error: BaseException | None, _seconds: float) -> None:
        """Do nothing."""
