"""Makers of values, with everything that a test does not care about filled in."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from shelfport import (
    Freshness,
    InventoryBackInStock,
    InventoryEvent,
    InventoryLowStock,
    InventoryOutOfStock,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    variant_id,
)
from shelfport.ports import InitialStock
from tests.support.clocks import EPOCH


def an_id(number: int | None = None) -> ProductVariantId:
    """A variant id: a new one, or always the same one for the same `number` (from 1)."""
    return variant_id(uuid4() if number is None else UUID(int=number))


def ids(count: int) -> list[ProductVariantId]:
    return [an_id(number) for number in range(1, count + 1)]


def a_level(variant: ProductVariantId, quantity: int = 100) -> StockLevel:
    status = StockStatus.IN_STOCK if quantity else StockStatus.OUT_OF_STOCK
    return StockLevel(variant, quantity, status, EPOCH)


def a_reading(
    variant: ProductVariantId,
    quantity: int = 100,
    as_of: datetime = EPOCH,
    freshness: Freshness = Freshness.LIVE,
) -> StockReading:
    return StockReading(a_level(variant, quantity), as_of, "test", freshness)


def an_initial_stock(
    variant: ProductVariantId | None = None, *, quantity: int = 0, key: UUID | None = None
) -> InitialStock:
    return InitialStock(
        variant_id=variant or an_id(),
        initial_quantity=quantity,
        idempotency_key=key or uuid4(),
    )


OUT: type[InventoryEvent] = InventoryOutOfStock
LOW: type[InventoryEvent] = InventoryLowStock
BACK: type[InventoryEvent] = InventoryBackInStock


def an_event(
    kind: type[InventoryEvent] = InventoryOutOfStock,
    variant: ProductVariantId | None = None,
    *,
    at: float = 0,
    event_id: UUID | None = None,
) -> InventoryEvent:
    """An event that happened `at` seconds after `EPOCH`."""
    return kind(
        event_id=event_id or uuid4(),
        occurred_at=EPOCH + timedelta(seconds=at),
        variant_id=variant or an_id(),
    )
