"""`Invalidation`: what an event does to everything that keeps stock (R10)."""

from collections.abc import Sequence

import attrs

from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.domain.model import InventoryEvent
from shelfport.ports import CacheInvalidator, Clock, InventoryPort


@attrs.frozen(eq=False)
class Invalidation:
    """Handles events of the knowledge subscription: every replica hears every one of them.

    Nothing is deduplicated here: to learn something twice is harmless, and the caches order events
    by themselves. Nothing is refreshed either: whoever asks next asks the service, in a request
    that all share who ask then. An event about a variant that nobody looks at costs nothing.
    """

    targets: Sequence[CacheInvalidator]
    """Whoever is to learn, innermost first: a level that was told later would be asked for, and
    would answer, with what it kept from before."""
    clock: Clock
    counts: SubscriptionCounts

    async def handle(self, event: InventoryEvent) -> None:
        """Let all targets learn `event`."""
        for target in self.targets:
            await target.apply_event(event)
        self.counts.took(event.occurred_at, self.clock.now())


def invalidators_of(port: InventoryPort) -> tuple[CacheInvalidator, ...]:
    """The layers of a stack that keep stock, innermost first."""
    found: list[CacheInvalidator] = []
    layer: object = port
    while layer is not None:
        if isinstance(layer, CacheInvalidator):
            found.append(layer)
        layer = getattr(layer, "inner", None)
    return tuple(reversed(found))
