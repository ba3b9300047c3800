"""Two replicas on one shared cache, in front of a service, in virtual time."""

from itertools import count

import attrs

from shelfport.adapters.layers import SharedCacheClient, SharedCacheLayer
from shelfport.adapters.runtime.background import Background
from shelfport.options import CacheOptions, SharedCacheOptions
from tests.adapters.layers.cache.world import Service
from tests.support.clocks import HostClock
from tests.support.listening import Heard, midway
from tests.support.shared_store import ModelStore

WINDOWS = CacheOptions(
    ttl=5,
    stale_while_revalidate=25,
    stale_if_error=295,
    soft_timeout=0.25,
    negative_ttl=4,
    jitter=0,
)
OPTIONS = SharedCacheOptions(timeout=0.05, lease=0.5, reconnect_interval=1.0, write_queue_size=4)


@attrs.define
class World:
    """The parts that the replicas share."""

    service: Service
    store: ModelStore
    background: Background
    heard: Heard
    _claims: "count[int]" = attrs.field(factory=lambda: count(1))

    def replica(self, options: SharedCacheOptions = OPTIONS) -> SharedCacheLayer:
        """Another process; the test enters its `SharedCacheClient`."""
        clock = HostClock()
        client = SharedCacheClient(self.store, options, clock, self.background, self.heard)
        return SharedCacheLayer(
            self.service,
            clock,
            client,
            WINDOWS,
            self.background,
            midway,
            lambda: f"claim {next(self._claims)}",
        )
