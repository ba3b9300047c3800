"""Several telemetries in the place of one, each with its bugs to itself."""

import logging

import attrs

from shelfport.adapters.http.exchange import Exchange, Unwatched
from shelfport.adapters.http.translate import Asked
from shelfport.adapters.telemetry.protocol import HearsPageAges, Telemetry
from shelfport.domain.model import Call

logger = logging.getLogger("shelfport.telemetry")


@attrs.frozen(eq=False)
class FanOut:
    """Tells each of `all`, in order. What one raises is logged, and costs nobody anything else.

    Signals go their own way, through `Listeners`.
    """

    all: tuple[Telemetry, ...]

    def exchange(self, method: str, url: str, asked: Asked, /) -> Exchange:
        """A `Watch`: each may give the next one, and the request, another trace context."""
        exchanges: list[Exchange] = []
        for telemetry in self.all:
            try:
                exchange = telemetry.exchange(method, url, asked)
            except Exception as error:
                _log_fault(telemetry, error)
            else:
                exchanges.append(exchange)
                asked = attrs.evolve(asked, call=exchange.call)
        return _Exchanges(asked.call, exchanges) if exchanges else Unwatched(method, url, asked)


@attrs.frozen(eq=False)
class PageAges:
    """Tells each of `all` of a page that was served, as `FanOut` tells of the rest."""

    all: tuple[HearsPageAges, ...]

    def __call__(self, seconds: float, /) -> None:
        """The oldest reading on it was that old."""
        for telemetry in self.all:
            try:
                telemetry.page_age(seconds)
            except Exception as error:
                _log_fault(telemetry, error)


@attrs.frozen(eq=False)
class _Exchanges:
    call: Call
    all: list[Exchange]

    def ended(self, status: int | None, error: BaseException | None, seconds: float) -> None:
        # The last one begins innermost, and ends first: each restores what it found.
        for exchange in reversed(self.all):
            try:
                exchange.ended(status, error, seconds)
            except Exception as fault:
                _log_fault(exchange, fault)


def _log_fault(whose: object, error: Exception) -> None:
    logger.error(
        "the telemetry %r failed: this is its bug",
        whose,
        exc_info=error,
        extra={"event": "inventory.telemetry_fault", "telemetry": type(whose).__name__},
    )
