"""`FaultWindow`: whose fault the recent failures were, counted by scope."""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Final

import attrs

from shelfport.domain.model import FaultScope, OverloadedHere
from shelfport.ports.signals import Attempted, AttemptOutcome, CallRejected, Signal

SCOPES: Final = (
    FaultScope.SERVICE,
    FaultScope.PATH,
    FaultScope.CREDENTIALS,
    FaultScope.REQUEST,
    FaultScope.ELEMENT,
    FaultScope.CALLER,
    FaultScope.PROCESS,
)
"""From what fails all requests to what fails one, and then our own side."""


def fault_of(signal: Signal) -> FaultScope | None:
    """Whose fault `signal` is; None if it is no failure, or repeats one that was counted.

    A failure is an attempt that failed, was abandoned by its caller, or could not be read in part,
    and a call for which this process has no room. A call that an open circuit or a cooldown rejects
    repeats the failures that were its cause: in an outage it would hide them.
    """
    if type(signal) is Attempted:
        if signal.outcome is AttemptOutcome.LEFT:
            return FaultScope.CALLER
        return None if signal.error is None else signal.error.scope
    if type(signal) is CallRejected and type(signal.error) is OverloadedHere:
        return signal.error.scope
    return None


@attrs.define(eq=False)
class FaultWindow:
    """Counts failures in slots of time, and removes slots that have left the window.

    Args:
        slot: seconds of one slot.
        slots: how many slots the window has.
    """

    slot: float = 5.0
    slots: int = 60
    _slots: deque[tuple[int, Counter[FaultScope]]] = attrs.field(
        init=False, factory=deque, repr=False
    )
    """The number and the counts of each slot in which something failed, oldest first."""

    def add(self, now: float, scope: FaultScope) -> None:
        """Count a failure at `now`, in monotonic seconds."""
        number = int(now // self.slot)
        if not self._slots or self._slots[-1][0] != number:
            self._remove_old(number)
            self._slots.append((number, Counter()))
        self._slots[-1][1][scope] += 1

    def total(self, now: float) -> Mapping[FaultScope, int]:
        """The counts of the whole window that ends at `now`, for every scope."""
        self._remove_old(int(now // self.slot))
        return {scope: sum(counts[scope] for _, counts in self._slots) for scope in SCOPES}

    def _remove_old(self, number: int) -> None:
        while self._slots and self._slots[0][0] <= number - self.slots:
            self._slots.popleft()
