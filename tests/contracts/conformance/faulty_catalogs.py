"""Catalogs with one fault each."""

import asyncio
from datetime import datetime

from shelfport import ProductVariantId, StockStatus
from tests.contracts.conformance.catalogs import MemoryCatalog, Product, Shop


class MissesAMethod:
    """A catalog that was written for another version of the port."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop


class IgnoresMarks(MemoryCatalog):
    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        """Do nothing."""


class NeverUnmarks(MemoryCatalog):
    async def mark_orderable(self, variant: ProductVariantId) -> None:
        """Do nothing."""


class TogglesTheMark(MemoryCatalog):
    async def mark(self, variant: ProductVariantId, *, orderable: bool) -> None:
        product = await self.shop.product(variant)
        if product is not None:
            product.orderable = not product.orderable


class MarksEveryProduct(MemoryCatalog):
    async def mark(self, variant: ProductVariantId, *, orderable: bool) -> None:
        for each in self.shop.products:
            await super().mark(each, orderable=orderable)


class RefusesToMarkTheUnknown(MemoryCatalog):
    async def mark(self, variant: ProductVariantId, *, orderable: bool) -> None:
        self.shop.products[variant].orderable = orderable


class SwallowsFailedMarks(MemoryCatalog):
    async def mark(self, variant: ProductVariantId, *, orderable: bool) -> None:
        try:
            await super().mark(variant, orderable=orderable)
        except ConnectionError:
            return


class _Shows(MemoryCatalog):
    def newer(self, product: Product, as_of: datetime) -> bool:
        """Whether a status of `as_of` replaces the product's."""
        return product.as_of is None or product.as_of <= as_of

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        product = await self.shop.product(variant)
        if product is not None and self.newer(product, as_of):
            product.status, product.as_of = status, as_of


class ShowsTheFirstStatus(_Shows):
    def newer(self, product: Product, as_of: datetime) -> bool:
        return product.as_of is None


class ShowsTheLastStatusThatCame(_Shows):
    def newer(self, product: Product, as_of: datetime) -> bool:
        return True


class RemembersTheOrderItself(_Shows):
    """Another process knows nothing of the instants."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self.instants: dict[int, datetime] = {}

    def newer(self, product: Product, as_of: datetime) -> bool:
        known = self.instants.get(id(product))
        if known is not None and as_of < known:
            return False
        self.instants[id(product)] = as_of
        return True


class ComparesSeconds(_Shows):
    def newer(self, product: Product, as_of: datetime) -> bool:
        seconds = as_of.replace(microsecond=0)
        return product.as_of is None or product.as_of.replace(microsecond=0) <= seconds


class OneInstantForAll(_Shows):
    def newer(self, product: Product, as_of: datetime) -> bool:
        instants = [p.as_of for p in self.shop.products.values() if p.as_of is not None]
        return all(instant <= as_of for instant in instants)


class RefusesARepetition(MemoryCatalog):
    """A unique constraint on product and instant."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self.seen: set[tuple[str, datetime]] = set()

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        if (variant, as_of) in self.seen:
            raise ValueError("UNIQUE constraint failed")
        self.seen.add((variant, as_of))
        await super().show_status(variant, status, as_of)


class WritesAfterAPause(MemoryCatalog):
    """Reads the product, waits, and writes what was right before."""

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        product = await self.shop.product(variant)
        if product is not None and (product.as_of is None or product.as_of <= as_of):
            await asyncio.sleep(0)
            product.status, product.as_of = status, as_of


class UnmarksWithAStatus(MemoryCatalog):
    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        await super().show_status(variant, status, as_of)
        await self.mark(variant, orderable=status is not StockStatus.OUT_OF_STOCK)


class AddsAnUnknownProduct(MemoryCatalog):
    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        self.shop.products.setdefault(variant, Product())
        await super().show_status(variant, status, as_of)


class SwallowsFailedStatuses(MemoryCatalog):
    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        try:
            await super().show_status(variant, status, as_of)
        except ConnectionError:
            return
