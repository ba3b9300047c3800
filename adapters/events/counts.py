"""What the two subscriptions count, and how that is shown."""

from datetime import datetime

import attrs


@attrs.define(kw_only=True, eq=False)
class Counts:
    """What one subscription did so far. Counted by whoever does it, in one event loop."""

    connected: bool = False
    trouble: str | None = None
    """Why it is not connected, in a sentence; None while it is, or has not been tried."""
    handled: int = 0
    duplicates: int = 0
    late: int = 0
    retried: int = 0
    dead: int = 0
    lag: float | None = None

    def took(self, occurred_at: datetime, now: datetime) -> float:
        """An event of `occurred_at` is done with at `now`; the lag."""
        self.handled += 1
        self.lag = lag = max(0.0, (now - occurred_at).total_seconds())
        return lag

    def snapshot(self) -> "SubscriptionSnapshot":
        """The counts as they are now."""
        return SubscriptionSnapshot(**attrs.asdict(self))


@attrs.frozen(kw_only=True)
class SubscriptionSnapshot:
    """How one subscription stands, as far as this replica knows."""

    connected: bool
    trouble: str | None
    """Why it is not connected, in a sentence."""
    handled: int
    """Events done with, duplicates and late ones included."""
    duplicates: int
    """Of these, those that this replica had handled before: nothing was done again."""
    late: int
    """Of these, those that came after a newer one of their variant: they were not shown."""
    retried: int
    """Attempts that failed and were repeated."""
    dead: int
    """Messages that were dead-lettered; for knowledge, those that were passed over."""
    lag: float | None
    """Seconds between the timestamp of the event that was done with last and that moment, by two
    clocks; None before the first."""


@attrs.frozen(kw_only=True)
class EventsSnapshot:
    """How the events' subscriptions stand."""

    bus: str
    """Which bus and where, without credentials."""
    work: SubscriptionSnapshot
    """Display status and notifiers: one queue for all replicas."""
    knowledge: SubscriptionSnapshot
    """The cache: every replica hears everything."""
