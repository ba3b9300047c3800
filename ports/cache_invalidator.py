"""The port to whatever remembers stock: how it learns that what it remembers has changed."""

from typing import Protocol, runtime_checkable

from shelfport.domain.model import InventoryEvent


@runtime_checkable
class CacheInvalidator(Protocol):
    """Something that keeps stock levels and is told when they change (R10).

    It is told every event, on every replica, perhaps twice and perhaps out of order. Layers that
    keep stock implement it beside `InventoryPort`, and are found in the stack by that.
    """

    async def apply_event(self, event: InventoryEvent) -> None:
        """Follow `event`: what was read before it is not shown as current after it.

        Must be idempotent, and must not let an older event undo a newer one. Must not raise for
        anything that a network does: what could not be told is bounded by how long it is kept.
        """
        ...
