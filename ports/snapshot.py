"""How one integration stands: values for telemetry, a readiness check, an ops page or a person."""

from datetime import datetime

import attrs

from shelfport.ports.signals import BreakerState


@attrs.frozen
class BreakerSnapshot:
    """What the breaker knows, at one moment."""

    state: BreakerState
    forced: bool
    """Whether an operator holds it there, whatever the service does."""
    calls: int
    """Outcomes in the window (`breaker.window` seconds)."""
    failures: int
    """How many of them were failures."""
    slow: int
    """How many of them took `breaker.slow_call_duration` or longer, whatever came of them."""
    next_probe: float | None
    """Seconds until the service may be tried again; None unless the circuit is open."""


@attrs.frozen(kw_only=True)
class CacheSnapshot:
    """What the cache served since it was made, in variants, and what it holds."""

    fresh: int
    """Answered from memory, within the window in which that counts as current."""
    stale: int
    """Shown from memory past that window."""
    misses: int
    """Not at hand, or not good enough: the service answered."""
    unreadable: int
    """Not at hand, and the service did not answer either."""
    entries: int
    """Variants that are kept now."""


@attrs.frozen(kw_only=True)
class SharedCacheSnapshot:
    """How the shared cache stands, as this process sees it. Counts are variants since the start."""

    circuit_breaker: BreakerSnapshot
    hits: int
    """Shown as the store had them."""
    misses: int
    """For which the service was asked."""
    dropped_writes: int
    """Pages (and fences) that were not written: the queue was full, or the store did not take
    them."""
    backplane_connected: bool
    """Whether what other replicas learn is heard. If not, memory is right by its windows alone."""


@attrs.frozen(kw_only=True)
class QueueSnapshot:
    """How the queue stood when the worker of this process last looked."""

    as_of: datetime | None
    """When that was, in UTC; None if it has not looked yet, or this process has no worker."""
    waiting: int = 0
    """Entries that are yet to be done."""
    oldest_age: float | None = None
    """Seconds since the oldest of them was queued; None if there is none."""
    dead_letters: int = 0
    """Entries that only a person can help on."""
    error: str | None = None
    """Why the queue cannot be used; None if it can."""


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
    dead_lettered: int
    """Messages that were dead-lettered; for knowledge, those that were passed over."""
    lag: float | None
    """Seconds between the timestamp of the event that was done with last and that moment, by two
    clocks; None before the first."""


@attrs.frozen(kw_only=True)
class EventsSnapshot:
    """How the events' subscriptions stand."""

    bus: str
    """Which bus and where, without credentials."""
    catalog: SubscriptionSnapshot
    """Display status and notifiers: one queue for all replicas."""
    invalidation: SubscriptionSnapshot
    """The cache: every replica hears everything."""


@attrs.frozen(kw_only=True)
class TlsSnapshot:
    """How long the certificates last. Instants are UTC; None is not known, or not there."""

    own_expires: datetime | None
    """When our certificate expires."""
    service_expires: datetime | None
    """When the certificate expires that the service showed at the latest handshake."""

    def days_left(self, now: datetime) -> float | None:
        """Days until the first of them expires, negative once it has; None if none is known."""
        known = [at for at in (self.own_expires, self.service_expires) if at is not None]
        return min(((at - now).total_seconds() / 86_400 for at in known), default=None)


@attrs.frozen(kw_only=True)
class Snapshot:
    """What this process knows of itself at one moment. Each part speaks for itself."""

    open: bool
    """Whether the integration is entered, and not left yet."""
    circuit_breaker: BreakerSnapshot
    """The circuit breaker: its state, what it counted, when it tries again."""
    cache: CacheSnapshot
    """The cache in memory: what it served since the start, and what it holds."""
    retry_budget: float
    """What is left of the retry budget, in tokens: each repetition takes one."""
    shared_cache: SharedCacheSnapshot | None = None
    """The shared cache: its circuit, what it was good for; None where there is none."""
    queue: "QueueSnapshot | None"
    """The queue of initialisations, as this process's worker saw it last; None without a queue."""
    events: EventsSnapshot | None = None
    """The subscriptions to events; None where there is no bus."""
    tls: TlsSnapshot | None = None
    """How long the certificates last; None where requests go without TLS, or by another adapter."""
