"""shelfport's pytest plugin: fixtures for the tests of a host.

The module is outside the package and does not import it: pytest loads every plugin at its start,
and a run without these fixtures should not take longer.

Every fixture begins with `shelfport_`, as a plugin's fixtures shadow those of the same name in a
plugin that was loaded before it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from shelfport import Notifier, ProductCatalogPort, Settings
    from shelfport.testing import FakeInventory, InventoryServer


@pytest.fixture
def shelfport_catalog() -> "ProductCatalogPort | None":
    """Override it with your catalog, to which `shelfport_emit_event` passes events."""
    return None


@pytest.fixture
def shelfport_notifier() -> "Notifier | None":
    """Override it with your notifier, to which `shelfport_emit_event` passes events."""
    return None


@pytest.fixture
def shelfport_inventory(
    shelfport_catalog: "ProductCatalogPort | None", shelfport_notifier: "Notifier | None"
) -> "FakeInventory":
    """An open `InventoryIntegration` without a service and without stock; see `set_stock`."""
    from shelfport.testing import FakeInventory  # noqa: PLC0415 - only for runs that use it

    return FakeInventory.made(shelfport_catalog, shelfport_notifier)


@pytest.fixture
def shelfport_server() -> "Iterator[InventoryServer]":
    """A stateful Inventory Service on a real socket, with `settings` for an integration."""
    from shelfport.testing import InventoryServer  # noqa: PLC0415 - as above

    with InventoryServer() as server:
        yield server


@pytest.fixture
def shelfport_settings(shelfport_server: "InventoryServer") -> "Settings":
    """Settings for `build` with `shelfport_server`: one attempt a call, no fresh cache."""
    return shelfport_server.settings


@pytest.fixture
def shelfport_fail_next(request: pytest.FixtureRequest) -> Any:
    """`shelfport_fail_next("down", times=1)`: lets the next calls of this test's service fail.

    The service is `shelfport_server` in a test that uses it, else `shelfport_inventory`. The
    failure is "down", "refuse", "hang" or "garbage"; with `shelfport_inventory` also an
    `InventoryError`.
    """
    served = "shelfport_server" in request.fixturenames
    service = request.getfixturevalue("shelfport_server" if served else "shelfport_inventory")
    return service.fail_next


@pytest.fixture
def shelfport_emit_event(shelfport_inventory: "FakeInventory") -> Any:
    """`shelfport_emit_event(StockStatus.OUT_OF_STOCK, variant)`: handles an event.

    The stock of `shelfport_inventory` follows it, and `shelfport_catalog` and `shelfport_notifier`
    receive it. In an asynchronous test, `await` it.
    """
    return shelfport_inventory.emit_event
