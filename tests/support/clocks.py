"""Clocks for tests."""

import asyncio
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """Stands still until `advance` is called."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class LoopClock:
    """Runs with the event loop's time, which looptime makes virtual."""

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class SettableClock(LoopClock):
    """A host's clock without a scale that counts suspensions; its wall clock can be set."""

    def __init__(self) -> None:
        self.ahead = 0.0
        """By how many seconds the wall clock is ahead of the event loop's time."""

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)

    def set_wall(self, seconds: float) -> None:
        """Set the wall clock forward by `seconds`, or back if they are negative."""
        self.ahead += seconds

    def suspend(self, seconds: float) -> None:
        """Suspend the host: the monotonic clock, and with it the event loop, stands still."""
        self.ahead += seconds


class HostClock(SettableClock):
    """A host's clock with all three scales."""

    def __init__(self) -> None:
        super().__init__()
        self.suspended = 0.0
        """For how many seconds in all."""

    def boottime(self) -> float:
        return self.monotonic() + self.suspended

    def suspend(self, seconds: float) -> None:
        super().suspend(seconds)
        self.suspended += seconds
