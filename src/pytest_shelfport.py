"""shelfport's pytest plugin: fixtures for the tests of a host.

The module is outside the package and does not import it: pytest loads every plugin at its start,
and a run without these fixtures should not take longer.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from shelfport import Notifier, ProductCatalogPort, Settings
    from shelfport.testing import FakeInventory, InventoryServer


@pytest.fixture
def inventory_catalog() -> "ProductCatalogPort | None":
    """Override it with your catalog, to which `emit_event` passes events."""
    return None


@pytest.fixture
def inventory_notifier() -> "Notifier | None":
    """Override it with your notifier, to which `emit_event` passes events."""
    return None


@pytest.fixture
def inventory(
    inventory_catalog: "ProductCatalogPort | None", inventory_notifier: "Notifier | None"
) -> "FakeInventory":
    """An open `InventoryIntegration` without a service and without stock; see `set_stock`."""
    from shelfport.testing import FakeInventory  # noqa: PLC0415 - only for runs that use it

    return FakeInventory.made(inventory_catalog, inventory_notifier)


@pytest.fixture
def inventory_server() -> "Iterator[InventoryServer]":
    """A stateful Inventory Service on a real socket, with `settings` for an integration."""
    from shelfport.testing import InventoryServer  # noqa: PLC0415 - as above

    with InventoryServer() as server:
        yield server


@pytest.fixture
def inventory_settings(inventory_server: "InventoryServer") -> "Settings":
    """Settings for `build` with `inventory_server`: one attempt a call, no fresh cache."""
    return inventory_server.settings


@pytest.fixture
def fail_next(request: pytest.FixtureRequest) -> Any:
    """`fail_next("down", times=1)`: lets the next calls of this test's service fail.

    The service is `inventory_server` in a test that uses it, else `inventory`. The failure is
    "down", "refuse", "hang" or "garbage"; with `inventory` also an `InventoryError`.
    """
    served = "inventory_server" in request.fixturenames
    return request.getfixturevalue("inventory_server" if served else "inventory").fail_next


@pytest.fixture
def emit_event(inventory: "FakeInventory") -> Any:
    """`emit_event(StockStatus.OUT_OF_STOCK, variant)`: handles an event.

    The stock of `inventory` follows it, and `inventory_catalog` and `inventory_notifier` receive
    it. In an asynchronous test, `await` it.
    """
    return inventory.emit_event
