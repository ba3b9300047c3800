"""`Snapshot`: how one integration stands, for a readiness check, an ops page or a person."""

import attrs

from shelfport.adapters.layers import BreakerSnapshot, SharedSnapshot


@attrs.frozen(kw_only=True)
class Snapshot:
    """What this process knows of itself at one moment. Each part speaks for itself."""

    circuit: BreakerSnapshot
    """The circuit breaker: its state, what it counted, when it tries again."""
    shared: SharedSnapshot | None = None
    """The shared cache: its circuit, what it was good for; None where there is none."""
