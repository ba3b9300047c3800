"""`ProductCatalogPortConformance`: all cases of a host's catalog."""

from typing import ClassVar

from shelfport.contracts.conformance.catalog.marks import MarkCases
from shelfport.contracts.conformance.catalog.statuses import StatusCases
from shelfport.contracts.conformance.port_suite import PortSuite


class ProductCatalogPortConformance(MarkCases, StatusCases, PortSuite):
    """Every obligation of `ProductCatalogPort`, one case each.

    A subclass defines the fixture `harness`, which returns a `CatalogHarness`::

        class TestMyCatalog(ProductCatalogPortConformance):
            @pytest.fixture
            def harness(self, tmp_path: Path) -> MyCatalogHarness:
                return MyCatalogHarness(tmp_path / "shop.db")
    """

    fails: ClassVar[bool] = False
    """`CatalogHarness.fail` makes every change of a product fail."""
