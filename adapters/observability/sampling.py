"""`Sampler`: the first records of a kind, then a count of the others. Pure: time is passed in."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

import attrs

from shelfport.adapters.config.settings import LogOptions

KeyT = TypeVar("KeyT", bound=Hashable)


@attrs.frozen
class Suppressed(Generic[KeyT]):
    """The records of one kind that were left out in a period that has ended."""

    key: KeyT
    count: int
    seconds: float
    """From the first record of the period to the last one that was left out."""


@attrs.define
class _Period:
    began: float
    written: int = 0
    suppressed: int = 0
    last: float = 0.0


@attrs.define(eq=False)
class Sampler(Generic[KeyT]):
    """Decides which records are written. A kind's first record always is."""

    options: LogOptions
    _periods: dict[KeyT, _Period] = attrs.field(init=False, factory=dict, repr=False)
    """The periods that may not have ended, the oldest first."""

    def admits(self, key: KeyT, now: float) -> bool:
        """Whether a record of this kind is written at `now`; ask `ended` first."""
        period = self._periods.get(key)
        if period is None:
            period = self._periods[key] = _Period(now)
        if period.written < self.options.burst:
            period.written += 1
            return True
        period.suppressed += 1
        period.last = now
        return False

    def ended(self, now: float) -> Iterator[Suppressed[KeyT]]:
        """The periods that have ended by `now` and left records out; each is yielded once."""
        while self._periods:
            key, period = next(iter(self._periods.items()))
            if now < period.began + self.options.period:
                return
            del self._periods[key]
            if period.suppressed:
                yield Suppressed(key, period.suppressed, period.last - period.began)
