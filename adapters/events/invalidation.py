"""`Invalidation`: applies an event to every cache of this replica."""

from collections.abc import Sequence

import attrs

from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.domain.model import InventoryEvent
from shelfport.ports import CacheInvalidator, Clock


@attrs.frozen(eq=False)
class Invalidation:
    """Handles the events of the invalidation subscription: every replica gets every event.

    Events are not deduplicated here: applying one twice is harmless, and the caches order events
    themselves. Nothing is refreshed here: the next read asks the service, and concurrent reads
    share its request. An event about a variant that is not read costs no request.
    """

    targets: Sequence[CacheInvalidator]
    """The caches, innermost first; see `CacheInvalidator`."""
    clock: Clock
    counts: SubscriptionCounts

    async def handle(self, event: InventoryEvent) -> None:
        """Apply `event` to all targets."""
        for target in self.targets:
            await target.apply_event(event)
        self.counts.count_handled(event.occurred_at, self.clock.now())
