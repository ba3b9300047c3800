from datetime import datetime, timedelta
from uuid import UUID, uuid4

import attrs
import pytest

from shelfport import (
    InventoryBackInStock,
    InventoryEvent,
    InventoryLowStock,
    InventoryOutOfStock,
    ProductVariantId,
    StockStatus,
)
from tests.support.clocks import EPOCH
from tests.support.values import an_id


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (InventoryOutOfStock, StockStatus.OUT_OF_STOCK),
        (InventoryLowStock, StockStatus.LOW_STOCK),
        (InventoryBackInStock, StockStatus.IN_STOCK),
    ],
)
def test_an_event_names_a_status(kind: type[InventoryEvent], status: StockStatus) -> None:
    """Each kind of event says which status the variant has after it."""
    event = kind(event_id=uuid4(), occurred_at=EPOCH, variant_id=an_id())

    assert status is event.status


def test_an_event_without_a_time_or_an_id_is_refused() -> None:
    """A naive time and the nil UUID are refused."""
    with pytest.raises(ValueError, match="occurred_at"):
        InventoryLowStock(
            event_id=uuid4(),
            occurred_at=datetime(2026, 1, 1),  # noqa: DTZ001 - the point
            variant_id=an_id(),
        )
    with pytest.raises(ValueError, match="event_id is the nil UUID"):
        InventoryLowStock(event_id=UUID(int=0), occurred_at=EPOCH, variant_id=an_id())
    with pytest.raises(ValueError, match="variant_id is ''"):
        InventoryLowStock(event_id=uuid4(), occurred_at=EPOCH, variant_id=ProductVariantId(""))


def test_the_hosts_own_reference_is_no_part_of_the_event() -> None:
    """Two events that differ in the host's own reference alone are equal."""
    event = InventoryLowStock(event_id=uuid4(), occurred_at=EPOCH, variant_id=an_id())

    assert event.host_id is None
    assert event == attrs.evolve(event, host_id="SCARF-BLUE")


def test_events_rank_by_time_then_by_id() -> None:
    """The later event of a variant ranks higher; at one time, the one with the higher id does."""
    low, high = UUID(int=1), UUID(int=2)

    def event(seconds: float, event_id: UUID) -> InventoryEvent:
        at = EPOCH + timedelta(seconds=seconds)
        return InventoryLowStock(event_id=event_id, occurred_at=at, variant_id=an_id())

    assert event(0, high).rank < event(1, low).rank
    assert event(0, low).rank < event(0, high).rank
