"""`Sampler`: so many records of a kind, then one that counts the rest. Pure: time is passed in."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

import attrs

from shelfport.adapters.config.settings import LogOptions

KeyT = TypeVar("KeyT", bound=Hashable)


@attrs.frozen
class Suppressed(Generic[KeyT]):
    """What was not written of one kind in a period that has ended."""

    key: KeyT
    count: int
    seconds: float
    """From the first record of the period to the last that was left out."""


@attrs.define
class _Period:
    began: float
    written: int = 0
    left_out: int = 0
    last: float = 0.0


@attrs.define(eq=False)
class Sampler(Generic[KeyT]):
    """Decides which records are written. A kind's first record always is."""

    options: LogOptions
    _periods: dict[KeyT, _Period] = attrs.field(init=False, factory=dict, repr=False)
    """Those that may not have ended, by the time of their beginning."""

    def admits(self, key: KeyT, now: float) -> bool:
        """Whether a record of this kind is written at `now`; ask `ended` first."""
        period = self._periods.get(key)
        if period is None:
            period = self._periods[key] = _Period(now)
        if period.written < self.options.burst:
            period.written += 1
            return True
        period.left_out += 1
        period.last = now
        return False

    def ended(self, now: float) -> Iterator[Suppressed[KeyT]]:
        """The periods that have ended by `now`, and left something out; each is told once."""
        while self._periods:
            key, period = next(iter(self._periods.items()))
            if now < period.began + self.options.period:
                return
            del self._periods[key]
            if period.left_out:
                yield Suppressed(key, period.left_out, period.last - period.began)
