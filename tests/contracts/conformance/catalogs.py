"""A host's catalog in memory, which is honest, and its harness."""

import asyncio
from datetime import datetime

import attrs

from shelfport import ProductCatalogPort, ProductVariantId, StockStatus
from shelfport.contracts.conformance import CatalogHarness
from tests.support.values import an_id


@attrs.define
class Product:
    orderable: bool = True
    status: StockStatus | None = None
    as_of: datetime | None = None


@attrs.define
class Shop:
    """The host's products, and whether its database is down."""

    products: dict[ProductVariantId, Product] = attrs.field(factory=dict)
    down: bool = False

    async def product(self, variant: ProductVariantId) -> Product | None:
        await asyncio.sleep(0)
        if self.down:
            raise ConnectionError("the database is down")
        return self.products.get(variant)


class MemoryCatalog:
    """A catalog of a host's without a fault: the base of the faulty ones."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        await self.mark(variant, orderable=False)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        await self.mark(variant, orderable=True)

    async def mark(self, variant: ProductVariantId, *, orderable: bool) -> None:
        product = await self.shop.product(variant)
        if product is not None:
            product.orderable = orderable

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        product = await self.shop.product(variant)
        if product is not None and (product.as_of is None or product.as_of <= as_of):
            product.status, product.as_of = status, as_of


class MemoryCatalogHarness(CatalogHarness[ProductVariantId]):
    def __init__(self, kind: type[MemoryCatalog]) -> None:
        self._kind = kind
        self._shop = Shop()
        self.products = self._shop.products

    def catalog(self) -> ProductCatalogPort[ProductVariantId]:
        return self._kind(self._shop)

    async def add_product(self) -> ProductVariantId:
        self.products[variant := an_id()] = Product()
        return variant

    def unknown(self) -> ProductVariantId:
        return an_id()

    async def orderable(self, ref: ProductVariantId) -> bool:
        return self.products[ref].orderable

    async def status(self, ref: ProductVariantId) -> StockStatus | None:
        return self.products[ref].status if ref in self.products else None

    async def fail(self, failing: bool) -> None:
        self._shop.down = failing
