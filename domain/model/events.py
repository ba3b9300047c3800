"""The stock events of the Inventory Service.

An event has no quantity: only a read returns the current one.
"""

from datetime import datetime
from uuid import UUID

import attrs

from shelfport.domain.model.stock import StockStatus
from shelfport.domain.model.validators import aware, not_nil, variant
from shelfport.domain.model.variant import ProductVariantId


@attrs.frozen(kw_only=True)
class _StockEvent:
    event_id: UUID = attrs.field(validator=not_nil)
    """Identifies the event: a second delivery has the same id."""
    occurred_at: datetime = attrs.field(validator=aware)
    """When the stock changed, by the service's clock. It orders the events of one variant. It is
    not comparable with a level's `updated_at`, as the service sets it slightly later."""
    variant_id: ProductVariantId = attrs.field(validator=variant)
    host_id: object = attrs.field(default=None, eq=False)
    """The host's own reference to the variant, where its mapper works both ways; else None."""

    @property
    def rank(self) -> tuple[datetime, UUID]:
        """Orders the events of one variant by time, and by id if times are equal.

        So all replicas end with the same event, whatever order they receive them in.
        """
        return (self.occurred_at, self.event_id)


@attrs.frozen(kw_only=True)
class InventoryOutOfStock(_StockEvent):
    """The variant has no units to sell any more."""

    status = StockStatus.OUT_OF_STOCK


@attrs.frozen(kw_only=True)
class InventoryLowStock(_StockEvent):
    """The stock fell to the low-stock threshold or below, but not to 0."""

    status = StockStatus.LOW_STOCK


@attrs.frozen(kw_only=True)
class InventoryBackInStock(_StockEvent):
    """A variant that was out of stock has units to sell again."""

    status = StockStatus.IN_STOCK


InventoryEvent = InventoryOutOfStock | InventoryLowStock | InventoryBackInStock
"""Every stock event: a closed union, for `match`."""
