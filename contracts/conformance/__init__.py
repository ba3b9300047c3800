"""Conformance suites: every obligation of the ports that others implement, as named tests.

A suite is a class with one case for each obligation. Subclass it in a pytest file, and define the
fixture `harness`, through which the suite makes the implementation, and seeds, breaks and inspects
what is behind it::

    class TestCsvInventory(InventoryPortConformance):
        capabilities = Capabilities(initializes=False)

        @pytest.fixture
        def harness(self, tmp_path: Path) -> Harness:
            return CsvHarness(tmp_path / "stock.csv")

| Port | Suite | Harness |
|---|---|---|
| `InventoryPort` | `InventoryPortConformance` | `Harness`, with `Capabilities` and `Trouble` |
| `InitializationQueue` | `InitializationQueueConformance` | `QueueHarness` |
| `ProductCatalogPort` | `ProductCatalogPortConformance` | `CatalogHarness` |
| `Notifier` | `NotifierConformance` | `NotifierHarness` |
| `Bus`, `Source`, `Publisher` | `BusConformance` | `BusHarness` |
| `SharedStore` | `SharedStoreConformance` | `SharedStoreHarness` |
| `Telemetry` | `TelemetryConformance` | `TelemetryHarness` |

They need pytest and no plug-in: each case runs in an event loop of its own.
"""

try:
    import pytest
except ImportError as error:
    raise ImportError(
        "shelfport.contracts.conformance is a pytest suite and needs pytest: install pytest"
    ) from error

# Before the import of the cases, so that a failing assert shows its values.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{part}"
        for part in (
            "cases", "given", "queue", "catalog", "notifier", "bus", "shared_store", "telemetry",
        )
    )
)  # fmt: skip

# ruff: noqa: E402 - the imports come after that of pytest
from shelfport.contracts.conformance.bus.harness import BusHarness
from shelfport.contracts.conformance.bus.suite import BusConformance
from shelfport.contracts.conformance.capabilities import Capabilities
from shelfport.contracts.conformance.catalog.harness import CatalogHarness
from shelfport.contracts.conformance.catalog.suite import ProductCatalogPortConformance
from shelfport.contracts.conformance.harness import Harness, RealClock
from shelfport.contracts.conformance.notifier.harness import NotifierHarness
from shelfport.contracts.conformance.notifier.suite import NotifierConformance
from shelfport.contracts.conformance.port_suite import PortHarness, PortSuite
from shelfport.contracts.conformance.queue.harness import QueueHarness
from shelfport.contracts.conformance.queue.suite import InitializationQueueConformance
from shelfport.contracts.conformance.shared_store.harness import SharedStoreHarness
from shelfport.contracts.conformance.shared_store.suite import SharedStoreConformance
from shelfport.contracts.conformance.suite import InventoryPortConformance
from shelfport.contracts.conformance.telemetry.harness import TelemetryHarness
from shelfport.contracts.conformance.telemetry.suite import TelemetryConformance
from shelfport.contracts.conformance.trouble import SLOW_BY, Trouble

__all__ = [
    "SLOW_BY",
    "BusConformance",
    "BusHarness",
    "Capabilities",
    "CatalogHarness",
    "Harness",
    "InitializationQueueConformance",
    "InventoryPortConformance",
    "NotifierConformance",
    "NotifierHarness",
    "PortHarness",
    "PortSuite",
    "ProductCatalogPortConformance",
    "QueueHarness",
    "RealClock",
    "SharedStoreConformance",
    "SharedStoreHarness",
    "TelemetryConformance",
    "TelemetryHarness",
    "Trouble",
]
