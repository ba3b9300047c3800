from typing import Any
from uuid import UUID, uuid4

import attrs
import pytest

from shelfport import InventoryItem, StockLevel, StockStatus
from shelfport.ports import InitialStock
from tests.support.clocks import EPOCH
from tests.support.values import an_id

ITEM = InventoryItem(
    id=uuid4(),
    variant_id=an_id(1),
    quantity=12,
    available_quantity=9,
    status=StockStatus.LOW_STOCK,
    updated_at=EPOCH,
)


def changed(field: str, value: Any) -> dict[str, Any]:
    return {field: value}


def test_defaults() -> None:
    """The defaults are no stock and a threshold of ten."""
    request = InitialStock(variant_id=an_id(1), idempotency_key=uuid4())

    assert (0, 10) == (request.initial_quantity, request.low_stock_threshold)


@pytest.mark.parametrize("field", ["initial_quantity", "low_stock_threshold"])
def test_negative_numbers_are_refused(field: str) -> None:
    """Neither number of a new variant can be negative."""
    request = InitialStock(variant_id=an_id(1), idempotency_key=uuid4())

    with pytest.raises(ValueError, match=f"{field} is -1: it must be between"):
        attrs.evolve(request, **changed(field, -1))


@pytest.mark.parametrize(
    ("field", "nil"), [("variant_id", str(UUID(int=0))), ("idempotency_key", UUID(int=0))]
)
def test_nil_ids_are_refused(field: str, nil: UUID | str) -> None:
    """The nil UUID is refused as variant and as key."""
    request = InitialStock(variant_id=an_id(1), idempotency_key=uuid4())

    with pytest.raises(ValueError, match=f"^{field} is "):
        attrs.evolve(request, **changed(field, nil))


def test_the_hosts_own_id_is_no_part_of_the_request() -> None:
    """Two requests that differ in the host's own id alone are equal."""
    request = InitialStock(variant_id=an_id(1), idempotency_key=uuid4())

    assert request == attrs.evolve(request, host_id="SCARF-BLUE")


def test_level_of_an_item() -> None:
    """The level of a record has the available quantity, not the quantity on hand."""
    assert StockLevel(an_id(1), 9, StockStatus.LOW_STOCK, EPOCH) == ITEM.level


@pytest.mark.parametrize("field", ["quantity", "available_quantity"])
def test_item_quantities_are_checked(field: str) -> None:
    """Both quantities of a record count units."""
    with pytest.raises(ValueError, match=f"{field} is -1"):
        attrs.evolve(ITEM, **changed(field, -1))
