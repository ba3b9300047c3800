"""Two replicas on one shared cache, in front of a service, in virtual time."""

from itertools import count

import attrs

from shelfport import CacheOptions, SharedOptions
from shelfport.adapters.background import Background
from shelfport.adapters.layers import SecondLevel, Shared
from tests.adapters.layers.cached.world import Service
from tests.support.clocks import LoopClock
from tests.support.listening import Heard, midway
from tests.support.shared_store import ModelStore

WINDOWS = CacheOptions(
    fresh_for=5, refresh_for=30, stale_for=300, soft_timeout=0.25, unknown_for=4, jitter=0
)
OPTIONS = SharedOptions(timeout=0.05, lease=0.5, retry_after=1.0, writes=4)


@attrs.define
class World:
    """Everything that the replicas stand on."""

    service: Service
    store: ModelStore
    background: Background
    heard: Heard
    _claims: "count[int]" = attrs.field(factory=lambda: count(1))

    def replica(self, options: SharedOptions = OPTIONS) -> Shared:
        """One more process, whose `SecondLevel` is still to be entered."""
        clock = LoopClock()
        level = SecondLevel(self.store, options, clock, self.background, self.heard)
        return Shared(
            self.service,
            clock,
            level,
            WINDOWS,
            self.background,
            midway,
            lambda: f"claim {next(self._claims)}",
        )
