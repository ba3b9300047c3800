"""The port to time."""

from datetime import datetime
from typing import Protocol, runtime_checkable


class Clock(Protocol):
    """Two scales: `now` dates things, `monotonic` measures durations.

    A clock may have a third, `CountsSuspension`.
    """

    def now(self) -> datetime:
        """The current instant, aware, in UTC. It may jump when the host's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds on a scale that never steps back; only differences have a meaning.

        Deadlines and the cache's windows are measured on it.
        """
        ...


@runtime_checkable
class CountsSuspension(Protocol):
    """A clock with a scale that counts the time for which the host was suspended, too."""

    def boottime(self) -> float:
        """Seconds on a scale that neither steps nor stands still (`CLOCK_BOOTTIME`)."""
        ...
