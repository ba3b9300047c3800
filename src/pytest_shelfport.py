"""shelfport's pytest plugin: fixtures for the tests of a host.

Not inside the package, and without an import of it: pytest loads every plugin at its start, and a
run that uses none of these fixtures is to pay nothing for them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from shelfport import Notifier, ProductCatalogPort, Settings
    from shelfport.testing import FakeInventory, InventoryServer


@pytest.fixture
def inventory_catalog() -> "ProductCatalogPort | None":
    """Override it: the catalogue of yours that `emit_event` is to tell."""
    return None


@pytest.fixture
def inventory_notifier() -> "Notifier | None":
    """Override it: the notifier of yours that `emit_event` is to tell."""
    return None


@pytest.fixture
def inventory(
    inventory_catalog: "ProductCatalogPort | None", inventory_notifier: "Notifier | None"
) -> "FakeInventory":
    """An `InventoryIntegration` without a service: open, empty, filled with `set_stock`."""
    from shelfport.testing import FakeInventory  # noqa: PLC0415 - only for a run that wants it

    return FakeInventory.made(inventory_catalog, inventory_notifier)


@pytest.fixture
def inventory_server() -> "Iterator[InventoryServer]":
    """A stateful Inventory Service on a real socket; `settings` lead an integration to it."""
    from shelfport.testing import InventoryServer  # noqa: PLC0415 - as above

    with InventoryServer() as server:
        yield server


@pytest.fixture
def inventory_settings(inventory_server: "InventoryServer") -> "Settings":
    """Settings for `build`: to `inventory_server`, frozen retries, nothing kept as fresh."""
    return inventory_server.settings


@pytest.fixture
def fail_next(request: pytest.FixtureRequest) -> Any:
    """`fail_next("down", times=1)`: the next calls of this test's service fail.

    That is `inventory_server` in a test that uses it, else `inventory`. "down", "refuse", "hang"
    or "garbage"; with `inventory` also an `InventoryError`.
    """
    served = "inventory_server" in request.fixturenames
    return request.getfixturevalue("inventory_server" if served else "inventory").fail_next


@pytest.fixture
def emit_event(inventory: "FakeInventory") -> Any:
    """`emit_event(StockStatus.OUT_OF_STOCK, variant)`: the event, and all that follows from it.

    The stock of `inventory` follows, `inventory_catalog` and `inventory_notifier` are told. In an
    asynchronous test, `await` it.
    """
    return inventory.emit_event
