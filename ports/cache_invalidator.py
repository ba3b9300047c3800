"""The port to a cache of stock: how it learns that something changed."""

from typing import Protocol, runtime_checkable

from shelfport.domain.model import InventoryEvent


@runtime_checkable
class CacheInvalidator(Protocol):
    """A cache of stock that follows stock events.

    It receives every event, on every replica, perhaps twice and perhaps out of order. Layers that
    store stock implement it beside `InventoryPort`, and are found in the stack by that.
    """

    async def apply_event(self, event: InventoryEvent) -> None:
        """Follow `event`: what was read before it is not shown as current after it.

        Must be idempotent, and must not let an older event undo a newer one. Must not raise for
        anything that a network does: an event that a cache did not receive is bounded by the
        cache's windows.
        """
        ...
