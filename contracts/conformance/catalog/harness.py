"""`CatalogHarness`: makes the host's catalog, and reads the products behind it."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from shelfport.contracts.conformance.port_suite import PortHarness, missing_method
from shelfport.domain.model import StockStatus
from shelfport.ports import ProductCatalogPort

RefT = TypeVar("RefT")


class CatalogHarness(PortHarness, ABC, Generic[RefT]):
    """The environment of one case of `ProductCatalogPortConformance`.

    `RefT` is what the catalog takes: the host's references to variants, or ids of variants.
    `orderable` and `status` must read the products directly, not through the catalog.
    """

    @abstractmethod
    def catalog(self) -> ProductCatalogPort[RefT]:
        """The catalog, ready for calls.

        A case may ask for a second one: it changes the same products, as another process does.
        """

    @abstractmethod
    async def add_product(self) -> RefT:
        """A new product's reference; the product is orderable, and shows no status."""

    @abstractmethod
    def unknown(self) -> RefT:
        """A reference to a variant that the host does not know."""

    @abstractmethod
    async def orderable(self, ref: RefT) -> bool:
        """Whether the product is orderable."""

    @abstractmethod
    async def status(self, ref: RefT) -> StockStatus | None:
        """The status that is shown; None if there is none, or no such product."""

    async def fail(self, failing: bool) -> None:  # noqa: ARG002 - for overrides
        """Make every change of a product fail, or end that. Belongs to `fails`."""
        raise missing_method("fail", "fails")
