"""Inventory records: the request that opens one, and the record."""

from datetime import datetime
from uuid import UUID

import attrs

from shelfport.domain.model.stock import StockLevel, StockStatus
from shelfport.domain.model.validators import aware, member_of, not_nil, units, variant
from shelfport.domain.model.variant import ProductVariantId


@attrs.frozen(kw_only=True)
class InitialStock:
    """A request to open the inventory record of a new variant.

    It is one operation: every attempt at it, in this process or after a restart, carries the same
    `idempotency_key`, so that the Inventory Service opens at most one record.
    """

    variant_id: ProductVariantId = attrs.field(validator=variant)
    initial_quantity: int = attrs.field(default=0, validator=units)
    """Units on hand at the start."""
    low_stock_threshold: int = attrs.field(default=10, validator=units)
    """At this many units or fewer the Inventory Service calls the stock low."""
    idempotency_key: UUID = attrs.field(validator=not_nil)
    host_id: str | None = attrs.field(default=None, eq=False)
    """The host's own id of the variant, where it differs and is a text, a number or a UUID: for
    records, and for lists of the queue. It does not go to the Inventory Service."""


@attrs.frozen(kw_only=True)
class InventoryItem:
    """An inventory record, as the Inventory Service returned it."""

    id: UUID = attrs.field(validator=not_nil)
    """The record's own id."""
    variant_id: ProductVariantId = attrs.field(validator=variant)
    quantity: int = attrs.field(validator=units)
    """Units on hand, reserved ones included."""
    available_quantity: int = attrs.field(validator=units)
    """Units that can be sold now."""
    status: StockStatus = attrs.field(validator=member_of(StockStatus))
    updated_at: datetime = attrs.field(validator=aware)

    @property
    def level(self) -> StockLevel:
        """The stock level of the record."""
        return StockLevel(self.variant_id, self.available_quantity, self.status, self.updated_at)
