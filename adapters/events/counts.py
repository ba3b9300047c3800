"""`SubscriptionCounts`: what one subscription has done, for the snapshot."""

from datetime import datetime

import attrs

from shelfport.ports.snapshot import SubscriptionSnapshot


@attrs.define(kw_only=True, eq=False)
class SubscriptionCounts:
    """What one subscription has done so far. Its parts count, in one event loop."""

    connected: bool = False
    trouble: str | None = None
    """Why it is not connected, in a sentence; None while it is, or before the first attempt."""
    handled: int = 0
    duplicates: int = 0
    late: int = 0
    retried: int = 0
    dead_lettered: int = 0
    lag: float | None = None
    wanted: bool = True
    """Whether this process takes part in the subscription."""

    def count_handled(self, occurred_at: datetime, now: datetime) -> float:
        """Count an event of `occurred_at` that was handled at `now`; the lag, in seconds."""
        self.handled += 1
        self.lag = lag = max(0.0, (now - occurred_at).total_seconds())
        return lag

    def snapshot(self) -> "SubscriptionSnapshot":
        """The counts as they are now."""
        return SubscriptionSnapshot(**attrs.asdict(self))
