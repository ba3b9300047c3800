"""The host of the modelled cache, with its three clocks, and the cache's options.

No clock of the host shows the true time, which the model judges by.
"""

import asyncio
from datetime import datetime, timedelta
from math import inf

import attrs

from shelfport.options import CacheOptions
from tests.support.clocks import EPOCH
from tests.support.values import ids

VARIANTS = ids(2)
OPTIONS = CacheOptions(
    ttl=5,
    stale_while_revalidate=10,
    stale_if_error=55,
    soft_timeout=0.5,
    negative_ttl=3,
    jitter=0.2,
    max_background_refreshes=2,
    refresh_backoff=1,
)
SHORTEST_TTL = OPTIONS.ttl * (1 - OPTIONS.jitter)
TICK = 1e-3
_BOOTED = 12_345.0
"""How many seconds the scale that counts suspensions is ahead of the true time."""


@attrs.define(eq=False)
class Host:
    """The clocks, and what happened to them. Moments are seconds of true time."""

    loop: asyncio.AbstractEventLoop
    steps: list[tuple[float, float]] = attrs.field(factory=list)
    """When the wall clock was set, and by how many seconds."""
    suspensions: list[tuple[float, float]] = attrs.field(factory=list)
    """When the host was suspended, and for how many seconds."""

    def true(self) -> float:
        return self.loop.time() + self.suspended_since(-1.0)

    def monotonic(self) -> float:
        return self.loop.time()

    def boottime(self) -> float:
        return self.true() + _BOOTED

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.true() + sum(self.steps_since(-1.0)))

    def suspend(self, seconds: float) -> None:
        self.suspensions.append((self.true(), seconds))

    def set_wall(self, by: float) -> None:
        self.steps.append((self.true(), by))

    def suspended_since(self, moment: float, until: float = inf) -> float:
        """How many seconds."""
        return sum(seconds for at, seconds in self.suspensions if moment <= at < until)

    def steps_since(self, moment: float, until: float = inf) -> list[float]:
        """By how many seconds the wall clock was set, each time."""
        return [by for at, by in self.steps if moment <= at < until]

    def unnoticed_since(self, moment: float, until: float = inf) -> float:
        """The time since `moment` that neither the monotonic nor the wall clock shows."""
        set_back = -sum(self.steps_since(moment, until))
        return max(0.0, min(set_back, self.suspended_since(moment, until)))
