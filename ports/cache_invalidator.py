"""The port to a cache of stock: how it learns that something changed."""

from collections.abc import Sequence
from typing import Protocol

from shelfport.domain.model import InventoryEvent, ProductVariantId


class CacheInvalidator(Protocol):
    """A cache of stock that follows stock events.

    It receives every event, on every replica, perhaps twice and perhaps out of order. `compose`
    lists the caches of a stack, innermost first: an outer cache that was invalidated before an
    inner one could read the inner one's old answer.
    """

    async def apply_event(self, event: InventoryEvent) -> None:
        """Follow `event`: what was read before it is not shown as current after it.

        Must be idempotent, and must not let an older event undo a newer one. Must not raise for
        anything that a network does: an event that a cache did not receive is bounded by the
        cache's windows.
        """
        ...

    async def apply_write(self, variants: Sequence[ProductVariantId]) -> None:
        """Follow a write of this process about `variants`, which did not go through the cache.

        Obligations as for `apply_event`.
        """
        ...
