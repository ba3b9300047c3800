"""Type-checked, not run: both façades accept the same calls."""

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar, assert_type
from uuid import UUID

from shelfport import InventoryIntegration, StockReading, Unavailable
from shelfport.sync import SyncInventoryIntegration

P = ParamSpec("P")
T = TypeVar("T")


def waited(one: Callable[P, Coroutine[Any, Any, T]]) -> Callable[[Callable[P, T]], None]:
    """Takes a method of the other façade that has the same arguments, and results without await."""
    raise NotImplementedError(one)


def same(one: Callable[P, T]) -> Callable[[Callable[P, T]], None]:
    """Takes a method that has the same arguments and results."""
    raise NotImplementedError(one)


def both(one: InventoryIntegration[UUID], other: SyncInventoryIntegration[UUID]) -> None:
    """Every method; `test_sync.py` checks that none is missing."""
    waited(one.get_stock_level)(other.get_stock_level)
    waited(one.get_stock_levels)(other.get_stock_levels)
    waited(one.request_inventory_initialization)(other.request_inventory_initialization)
    waited(one.request_inventory_initializations)(other.request_inventory_initializations)
    same(one.initialization_entry)(other.initialization_entry)
    same(one.wake_worker)(other.wake_worker)
    same(one.snapshot)(other.snapshot)
    same(one.force_circuit)(other.force_circuit)


def refused(one: InventoryIntegration[UUID], other: SyncInventoryIntegration[UUID]) -> None:
    """Different arguments or results are type errors, so the check above can fail."""
    waited(one.get_stock_level)(other.get_stock_levels)  # type: ignore[arg-type]  # arguments
    waited(one.get_stock_levels)(other.get_stock_level)  # type: ignore[arg-type]  # arguments
    same(one.snapshot)(other.wake_worker)  # type: ignore[arg-type]  # results


async def from_any_loop(inventory: SyncInventoryIntegration, variant: UUID) -> None:
    """A call from another loop has the type of the method's result."""
    assert_type(
        await inventory.run(lambda i: i.get_stock_level(variant)), StockReading | Unavailable
    )
