"""`Snapshot`: the state of one integration, for telemetry, probes and the ops page."""

from datetime import datetime

import attrs

from shelfport.ports.signals import BreakerState


@attrs.frozen
class BreakerSnapshot:
    """The state of a circuit breaker."""

    state: BreakerState
    forced: bool
    """Whether an operator forces this state."""
    calls: int
    """Calls in the window (`breaker.window` seconds)."""
    failures: int
    """Calls in the window that failed."""
    slow: int
    """Calls in the window that took `breaker.slow_call_duration` or longer, failed or not."""
    next_probe: float | None
    """Seconds until the next probe of the service; None unless the circuit is open."""


@attrs.frozen(kw_only=True)
class CacheSnapshot:
    """The counts of the cache in memory. They count variants since the start."""

    fresh: int
    """Served from memory within `cache.ttl`."""
    stale: int
    """Served from memory past `cache.ttl`."""
    misses: int
    """Not in memory, or too old: the service answered."""
    unreadable: int
    """Not in memory, or too old, and the service did not answer."""
    entries: int
    """Variants in memory now."""


@attrs.frozen(kw_only=True)
class SharedCacheSnapshot:
    """The shared cache, as this process sees it. Hits and misses count variants since the start."""

    circuit_breaker: BreakerSnapshot
    hits: int
    """Served from the shared cache."""
    misses: int
    """Not in the shared cache: the service was asked."""
    dropped_writes: int
    """Pages and fences that were not written: the write queue was full, or the store failed."""
    backplane_connected: bool
    """Whether changes of other replicas are received. If not, only the cache's windows bound the
    age of readings."""


@attrs.frozen(kw_only=True)
class QueueSnapshot:
    """The queue of initializations, when this process's worker last checked it."""

    as_of: datetime | None
    """When that was, in UTC; None if it has not checked yet, or this process runs no worker."""
    waiting: int = 0
    """Entries that are not done yet."""
    oldest_age: float | None = None
    """Seconds since the oldest of them was queued; None if there is none."""
    dead_letters: int = 0
    """Entries that a person must decide about."""
    error: str | None = None
    """Why the queue is unavailable; None if it is available."""


@attrs.frozen(kw_only=True)
class SubscriptionSnapshot:
    """One subscription to events, as this replica sees it. Counts are since the start."""

    connected: bool
    trouble: str | None
    """Why it is not connected, in a sentence."""
    handled: int
    """Events that were handled, duplicates and late events included."""
    duplicates: int
    """Handled events that this replica had handled before; they were discarded."""
    late: int
    """Handled events that came after a newer event of their variant; they were discarded."""
    retried: int
    """Attempts that failed and were repeated."""
    dead_lettered: int
    """Messages that became dead letters; of the invalidation subscription, discarded messages."""
    lag: float | None
    """Seconds from the timestamp of the last handled event to its handling; None before the
    first."""
    wanted: bool = True
    """Whether this process takes part: a process without a catalog does not join the group."""


@attrs.frozen(kw_only=True)
class EventsSnapshot:
    """The subscriptions to events."""

    bus: str
    """The kind of the bus and its address, without credentials."""
    catalog: SubscriptionSnapshot
    """Display status and notifications: the consumer group, one queue for all replicas."""
    invalidation: SubscriptionSnapshot
    """Cache invalidation: every replica receives every event."""


@attrs.frozen(kw_only=True)
class TlsSnapshot:
    """When the certificates expire. Instants are in UTC; None if there is none, or not known."""

    own_expires: datetime | None
    """When the client certificate expires."""
    service_expires: datetime | None
    """When the service's certificate expires, as of the latest handshake."""

    def days_left(self, now: datetime) -> float | None:
        """Days until the first of them expires, negative after that; None if none is known."""
        known = [at for at in (self.own_expires, self.service_expires) if at is not None]
        return min(((at - now).total_seconds() / 86_400 for at in known), default=None)


@attrs.frozen(kw_only=True)
class Snapshot:
    """The state of one integration in this process, at one moment."""

    open: bool
    """Whether the integration is open."""
    circuit_breaker: BreakerSnapshot
    """The circuit breaker of the Inventory Service."""
    cache: CacheSnapshot
    """The cache in memory."""
    retry_budget: float
    """Tokens left in the retry budget; each retry takes one."""
    shared_cache: SharedCacheSnapshot | None = None
    """The shared cache; None without one."""
    queue: "QueueSnapshot | None"
    """The queue of initializations, as this process's worker last saw it; None without one."""
    events: EventsSnapshot | None = None
    """The subscriptions to events; None without a bus."""
    tls: TlsSnapshot | None = None
    """When the certificates expire; None without TLS, or with another adapter than HTTP."""
