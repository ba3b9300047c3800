"""`SampledLog`: the log of signals, with the first records and a count of a repeated failure."""

import logging
from math import inf
from types import TracebackType
from typing import Self

import attrs

from shelfport.adapters.config.settings import LogOptions
from shelfport.adapters.observability.sampling import Sampler, Suppressed
from shelfport.adapters.observability.signal_log import log_signal
from shelfport.adapters.observability.signal_table import row_of
from shelfport.ports import Clock
from shelfport.ports.signals import Signal

logger = logging.getLogger("shelfport.signals")


@attrs.frozen
class _Kind:
    """What is sampled together: the records of an event with one class of failure."""

    event: str
    error: str
    level: int


@attrs.define(eq=False)
class SampledLog:
    """The `Listener` that writes the log, and samples the failures that an outage repeats.

    The table of signals says which signals are sampled, and by which class of failure. All others
    are written: an answer, since INFO asks for each call; a DEBUG record, since DEBUG asks for each
    one; and a change of state, since an operator looks for it.

    A record of its own counts the records that were left out. It is written with the next signal
    of any kind after the period, or when the log is closed.
    """

    options: LogOptions
    clock: Clock = attrs.field(repr=False)
    _sampler: Sampler[_Kind] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._sampler = Sampler(self.options)

    def __call__(self, signal: Signal, /) -> None:
        """Log `signal`, unless enough of its kind has been logged."""
        now = self.clock.monotonic()
        self._write_counts(now)
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
        """Write the counts of the periods that have not ended."""
        self._write_counts(inf)

    def _write_counts(self, now: float) -> None:
        for suppressed in self._sampler.ended(now):
            _log_suppressed(suppressed)


def _kind(signal: Signal) -> _Kind | None:
    """The kind that `signal` is sampled with; None if each signal of its type is written."""
    row = row_of(signal)
    error = row.sampled_by(signal)
    if error is None or row.event is None:
        return None
    return _Kind(row.event, error, row.level_of(signal))


def _log_suppressed(suppressed: Suppressed[_Kind]) -> None:
    kind = suppressed.key
    logger.log(
        kind.level,
        "… and %d more records of %s (%s) in the last %.1f s",
        suppressed.count,
        kind.event,
        kind.error,
        suppressed.seconds,
        extra={
            "event": "inventory.suppressed",
            "of": kind.event,
            "error": kind.error,
            "records": suppressed.count,
            "duration": suppressed.seconds,
        },
    )
