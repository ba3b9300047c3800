"""`Invalidation`: applies an event to every cache of this replica."""

from collections.abc import Sequence

import attrs

from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.domain.model import InventoryEvent
from shelfport.ports import CacheInvalidator, Clock, InventoryPort


@attrs.frozen(eq=False)
class Invalidation:
    """Handles the events of the invalidation subscription: every replica gets every event.

    Events are not deduplicated here: applying one twice is harmless, and the caches order events
    themselves. Nothing is refreshed here: the next read asks the service, and concurrent reads
    share its request. An event about a variant that is not read costs no request.
    """

    targets: Sequence[CacheInvalidator]
    """The caches, innermost first: an outer cache that was invalidated before an inner one could
    read the inner one's old answer."""
    clock: Clock
    counts: SubscriptionCounts

    async def handle(self, event: InventoryEvent) -> None:
        """Apply `event` to all targets."""
        for target in self.targets:
            await target.apply_event(event)
        self.counts.count_handled(event.occurred_at, self.clock.now())


def invalidators_of(port: InventoryPort) -> tuple[CacheInvalidator, ...]:
    """The caches of a stack of layers, innermost first."""
    found: list[CacheInvalidator] = []
    layer: object = port
    while layer is not None:
        if isinstance(layer, CacheInvalidator):
            found.append(layer)
        layer = getattr(layer, "inner", None)
    return tuple(reversed(found))
