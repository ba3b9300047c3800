"""`Snapshot`: how one integration stands, for a readiness check, an ops page or a person."""

import attrs

from shelfport.adapters.layers import BreakerSnapshot, CacheSnapshot


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
