"""`LatencyWindow`: durations of recent attempts, counted in ranges."""

from bisect import bisect_right
from collections import deque
from math import log10
from typing import Final

import attrs

SHORTEST: Final = 0.001
LONGEST: Final = 10.0
_A_DECADE: Final = 6
_DECADES: Final = round(log10(LONGEST / SHORTEST))

BOUNDS: Final = tuple(SHORTEST * 10 ** (k / _A_DECADE) for k in range(_DECADES * _A_DECADE + 1))
"""The edges of the ranges in seconds, each 1.47 times the one before. A duration outside of them
counts in the first or the last range."""

RANGES: Final = len(BOUNDS) - 1


@attrs.define(eq=False)
class _Slot:
    number: int
    answered: list[int] = attrs.field(factory=lambda: [0] * RANGES)
    failed: list[int] = attrs.field(factory=lambda: [0] * RANGES)


@attrs.frozen
class Latencies:
    """How many attempts fell into which range."""

    answered: tuple[int, ...]
    failed: tuple[int, ...]

    @property
    def count(self) -> int:
        """All attempts."""
        return sum(self.answered) + sum(self.failed)

    def quantile(self, share: float) -> float | None:
        """The duration in seconds that `share` of all attempts did not exceed.

        It is the geometric middle of a range. None without attempts.
        """
        wanted = share * self.count
        passed = 0
        for index in range(RANGES):
            here = self.answered[index] + self.failed[index]
            passed += here
            if here and passed >= wanted:
                return float((BOUNDS[index] * BOUNDS[index + 1]) ** 0.5)
        return None


@attrs.define(eq=False)
class LatencyWindow:
    """Counts durations in slots of time, and removes slots that have left the window.

    Args:
        slot: seconds of one slot.
        slots: how many slots the window has.
    """

    slot: float = 5.0
    slots: int = 60
    _slots: deque[_Slot] = attrs.field(init=False, factory=deque, repr=False)

    def add(self, now: float, seconds: float, *, failed: bool) -> None:
        """Count an attempt that ended at `now`, in monotonic seconds."""
        number = int(now // self.slot)
        if not self._slots or self._slots[-1].number != number:
            self._remove_old(number)
            self._slots.append(_Slot(number))
        index = min(max(bisect_right(BOUNDS, seconds) - 1, 0), RANGES - 1)
        last = self._slots[-1]
        (last.failed if failed else last.answered)[index] += 1

    def total(self, now: float) -> Latencies:
        """The counts of the whole window that ends at `now`."""
        self._remove_old(int(now // self.slot))
        return Latencies(
            tuple(sum(slot.answered[i] for slot in self._slots) for i in range(RANGES)),
            tuple(sum(slot.failed[i] for slot in self._slots) for i in range(RANGES)),
        )

    def _remove_old(self, number: int) -> None:
        while self._slots and self._slots[0].number <= number - self.slots:
            self._slots.popleft()
