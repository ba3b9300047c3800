"""What the two subscriptions count, and how that is shown."""

from datetime import datetime

import attrs

from shelfport.ports.snapshot import SubscriptionSnapshot


@attrs.define(kw_only=True, eq=False)
class SubscriptionCounts:
    """What one subscription did so far. Counted by whoever does it, in one event loop."""

    connected: bool = False
    trouble: str | None = None
    """Why it is not connected, in a sentence; None while it is, or has not been tried."""
    handled: int = 0
    duplicates: int = 0
    late: int = 0
    retried: int = 0
    dead_lettered: int = 0
    lag: float | None = None

    def took(self, occurred_at: datetime, now: datetime) -> float:
        """An event of `occurred_at` is done with at `now`; the lag."""
        self.handled += 1
        self.lag = lag = max(0.0, (now - occurred_at).total_seconds())
        return lag

    def snapshot(self) -> "SubscriptionSnapshot":
        """The counts as they are now."""
        return SubscriptionSnapshot(**attrs.asdict(self))
