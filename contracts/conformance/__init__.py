"""The port conformance suite: every obligation of `InventoryPort` as a named test.

For authors of adapters and layers. Subclass `InventoryPortConformance`, declare the adapter's
`Capabilities`, and define a `Harness`, through which the suite seeds and breaks its service::

    class TestCsvInventory(InventoryPortConformance):
        capabilities = Capabilities(initializes=False)

        @pytest.fixture
        def harness(self, tmp_path: Path) -> Harness:
            return CsvHarness(tmp_path / "stock.csv")

It needs pytest and no plug-in: each case runs in an event loop of its own.
"""

try:
    import pytest
except ImportError as error:
    raise ImportError(
        "shelfport.contracts.conformance is a pytest suite and needs pytest: install pytest"
    ) from error

# Before the import of the cases, so that a failing assert shows its values.
pytest.register_assert_rewrite(f"{__name__}.cases", f"{__name__}.given")

from shelfport.contracts.conformance.capabilities import Capabilities  # noqa: E402 - after the import of pytest
from shelfport.contracts.conformance.harness import Harness, RealClock  # noqa: E402 - after the import of pytest
from shelfport.contracts.conformance.suite import InventoryPortConformance  # noqa: E402 - after the import of pytest
from shelfport.contracts.conformance.trouble import SLOW_BY, Trouble  # noqa: E402 - after the import of pytest

__all__ = [
    "SLOW_BY",
    "Capabilities",
    "Harness",
    "InventoryPortConformance",
    "RealClock",
    "Trouble",
]
