"""The port to time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Two scales: `now` dates things, `monotonic` measures durations."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC. It may jump when the host's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds on a scale that never steps back; only differences have a meaning.

        Deadlines and the cache's windows are measured on it.
        """
        ...
