"""The port to time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Two scales: one to say when something was, one to measure how long it takes."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC. May jump when the host's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds on a scale that never steps back; only differences mean something.

        Deadlines and windows inside one process are measured on it.
        """
        ...
