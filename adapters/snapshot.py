"""`Snapshot`: how one integration stands, for a readiness check, an ops page or a person."""

from datetime import datetime

import attrs

from shelfport.adapters.events.counts import EventsSnapshot
from shelfport.adapters.http import TlsSnapshot
from shelfport.adapters.layers import BreakerSnapshot, CacheSnapshot, SharedSnapshot


@attrs.frozen(kw_only=True)
class Snapshot:
    """What this process knows of itself at one moment. Each part speaks for itself."""

    open: bool
    """Whether the integration is entered, and not left yet."""
    circuit: BreakerSnapshot
    """The circuit breaker: its state, what it counted, when it tries again."""
    cache: CacheSnapshot
    """The cache in memory: what it served since the start, and what it holds."""
    retry_budget: float
    """What is left of the retry budget, in tokens: each repetition takes one."""
    shared: SharedSnapshot | None = None
    """The shared cache: its circuit, what it was good for; None where there is none."""
    queue: "QueueSnapshot | None"
    """The queue of initialisations, as this process's worker saw it last; None without a queue."""
    events: EventsSnapshot | None = None
    """The subscriptions to events; None where there is no bus."""
    tls: TlsSnapshot | None = None
    """How long the certificates last; None where requests go without TLS, or by another adapter."""


@attrs.frozen(kw_only=True)
class QueueSnapshot:
    """How the queue stood when the worker of this process last looked."""

    as_of: datetime | None
    """When that was, in UTC; None if it has not looked yet, or this process has no worker."""
    waiting: int = 0
    """Entries that are yet to be done."""
    oldest_age: float | None = None
    """Seconds since the oldest of them was queued; None if there is none."""
    dead: int = 0
    """Entries that only a person can help on."""
    error: str | None = None
    """Why the queue cannot be used; None if it can."""
