"""The log of signals, for an outage: what fails a thousand times a second is written ten times."""

import logging
from math import inf
from types import TracebackType
from typing import Self

import attrs

from shelfport.adapters.config.settings import LogOptions
from shelfport.adapters.observability.call_log import level_of
from shelfport.adapters.observability.sampling import Sampler, Suppressed
from shelfport.adapters.observability.signal_log import log_signal
from shelfport.ports import Clock
from shelfport.ports.signals import Attempted, AttemptOutcome, RetryBudgetExhausted, Signal

logger = logging.getLogger("shelfport.signals")


@attrs.frozen
class _Kind:
    """What is sampled together: an event by its class of failure."""

    event: str
    error: str
    level: int


@attrs.define(eq=False)
class SampledLog:
    """The `Listener` that writes the log, and leaves out what an outage repeats.

    Failures of calls are sampled, by event and class of error. Everything else is written:
    answers, since INFO asks for each call; what is DEBUG, since whoever turns that on wants to see
    it; and changes of state, which are what an operator looks for.

    What was left out is counted in a record of its own, which comes with the next signal of any
    kind after the period, or when this is left.
    """

    options: LogOptions
    clock: Clock = attrs.field(repr=False)
    _sampler: Sampler[_Kind] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._sampler = Sampler(self.options)

    def __call__(self, signal: Signal, /) -> None:
        """Log `signal`, unless enough of its kind has been logged."""
        now = self.clock.monotonic()
        self._tell(now)
        kind = _kind(signal)
        if kind is None or self._sampler.admits(kind, now):
            log_signal(signal)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write what is still to be told."""
        self._tell(inf)

    def _tell(self, now: float) -> None:
        for left_out in self._sampler.ended(now):
            _log_left_out(left_out)


def _kind(signal: Signal) -> _Kind | None:
    """What `signal` is sampled with; None if every one of its kind is written."""
    match signal:
        case Attempted(outcome=AttemptOutcome.ANSWERED):
            return None
        case Attempted(error=error):
            what = "left" if error is None else type(error).__name__
            return _Kind("inventory.call", what, level_of(signal))
        case RetryBudgetExhausted(error=error):
            return _Kind("inventory.retry_budget", type(error).__name__, logging.WARNING)
        case _:
            return None


def _log_left_out(left_out: Suppressed[_Kind]) -> None:
    kind = left_out.key
    logger.log(
        kind.level,
        "… and %d more records of %s (%s) in the last %.1f s",
        left_out.count,
        kind.event,
        kind.error,
        left_out.seconds,
        extra={
            "event": "inventory.suppressed",
            "of": kind.event,
            "error": kind.error,
            "records": left_out.count,
            "duration": left_out.seconds,
        },
    )
