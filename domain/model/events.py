"""What the Inventory Service announces of a variant's stock (R7-R9).

All three say the same three things; which of them it is says what happened. None carries a
quantity: how much there is now, only a read tells.
"""

from datetime import datetime
from uuid import UUID

import attrs

from shelfport.domain.model.stock import StockStatus
from shelfport.domain.model.validators import aware, not_nil
from shelfport.domain.model.variant import ProductVariantId


@attrs.frozen(kw_only=True)
class _StockEvent:
    event_id: UUID = attrs.field(validator=not_nil)
    """Names this announcement: a second delivery of it carries the same id."""
    occurred_at: datetime = attrs.field(validator=aware)
    """When the stock changed, by the service's clock. It orders the events of one variant; against
    a level's `updated_at` it proves nothing, as it is stamped a moment after the row."""
    variant_id: ProductVariantId = attrs.field(validator=not_nil)

    @property
    def rank(self) -> tuple[datetime, UUID]:
        """Orders the events of one variant: by time, and those of equal times by id.

        So all who hear them, in whatever order, end with the same one.
        """
        return (self.occurred_at, self.event_id)


@attrs.frozen(kw_only=True)
class InventoryOutOfStock(_StockEvent):
    """The last unit that could be sold is gone (R7)."""

    status = StockStatus.OUT_OF_STOCK


@attrs.frozen(kw_only=True)
class InventoryLowStock(_StockEvent):
    """The stock fell to its threshold or below, and is not gone (R8)."""

    status = StockStatus.LOW_STOCK


@attrs.frozen(kw_only=True)
class InventoryBackInStock(_StockEvent):
    """What was out of stock can be sold again (R9)."""

    status = StockStatus.IN_STOCK


InventoryEvent = InventoryOutOfStock | InventoryLowStock | InventoryBackInStock
"""A closed union, for `match`."""
