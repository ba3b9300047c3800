"""`Snapshot`: how one integration stands, for a readiness check, an ops page or a person."""

import attrs

from shelfport.adapters.events.counts import EventsSnapshot
from shelfport.adapters.layers import BreakerSnapshot


@attrs.frozen(kw_only=True)
class Snapshot:
    """What this process knows of itself at one moment. Each part speaks for itself."""

    circuit: BreakerSnapshot
    """The circuit breaker: its state, what it counted, when it tries again."""
    events: EventsSnapshot | None = None
    """The subscriptions to events; None where there is no bus."""
