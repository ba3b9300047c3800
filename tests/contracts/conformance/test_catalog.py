"""The suite of `ProductCatalogPort` on a catalog in SQLite, and behind a mapper."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import pytest

from shelfport import ProductCatalogPort, ProductVariantId, StockStatus, variant_id
from shelfport.adapters.facade.host_ids import CatalogInHostIds
from shelfport.contracts.conformance import CatalogHarness, ProductCatalogPortConformance
from tests.contracts.conformance.catalogs import MemoryCatalog, MemoryCatalogHarness
from tests.support.values import an_id


class SqlCatalog:
    """A host's catalog whose rule is in its SQL, where it holds for all processes."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def mark_not_orderable(self, variant: str) -> None:
        self._execute("UPDATE product SET orderable = FALSE WHERE sku = ?", variant)

    async def mark_orderable(self, variant: str) -> None:
        self._execute("UPDATE product SET orderable = TRUE WHERE sku = ?", variant)

    async def show_status(self, variant: str, status: StockStatus, as_of: datetime) -> None:
        instant = as_of.isoformat(timespec="microseconds")
        self._execute(
            "UPDATE product SET status = ?, as_of = ? "
            "WHERE sku = ? AND (as_of <= ? OR as_of IS NULL)",
            status.value,
            instant,
            variant,
            instant,
        )

    def _execute(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self._file, timeout=0.1)) as connection, connection:
            connection.execute(statement, values)


class SqlCatalogHarness(CatalogHarness[str]):
    """The truth is read by SQL of its own; a lock on the file makes changes fail."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "shop.db"
        self._lock = sqlite3.connect(self._file, isolation_level=None)
        self._lock.execute(
            "CREATE TABLE product (sku TEXT, orderable BOOL, status TEXT, as_of TEXT)"
        )

    def catalog(self) -> ProductCatalogPort[str]:
        return SqlCatalog(self._file)

    async def add_product(self) -> str:
        sku = f"SKU-{uuid4()}"
        self._lock.execute("INSERT INTO product VALUES (?, TRUE, NULL, NULL)", (sku,))
        return sku

    def unknown(self) -> str:
        return "SKU-0"

    async def orderable(self, ref: str) -> bool:
        [[orderable]] = self._lock.execute("SELECT orderable FROM product WHERE sku = ?", (ref,))
        return bool(orderable)

    async def status(self, ref: str) -> StockStatus | None:
        row = self._lock.execute("SELECT status FROM product WHERE sku = ?", (ref,)).fetchone()
        return None if row is None or row[0] is None else StockStatus(row[0])

    async def fail(self, failing: bool) -> None:
        self._lock.execute("BEGIN IMMEDIATE" if failing else "COMMIT")

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.close()


class TestSqlCatalog(ProductCatalogPortConformance):
    fails = True

    @pytest.fixture
    def harness(self, tmp_path: Path) -> SqlCatalogHarness:
        return SqlCatalogHarness(tmp_path)


class MappedCatalogHarness(MemoryCatalogHarness):
    """The catalog as the library calls it: with ids, which a mapper turns into references."""

    def catalog(self) -> ProductCatalogPort[ProductVariantId]:
        return CatalogInHostIds(super().catalog(), self._to_host)

    def unknown(self) -> ProductVariantId:
        return an_id()

    def _to_host(self, variant: ProductVariantId) -> ProductVariantId:
        if variant not in self.products:
            raise LookupError(variant)
        return variant_id(variant)


class TestCatalogInHostIds(ProductCatalogPortConformance):
    fails = True

    @pytest.fixture
    def harness(self) -> MappedCatalogHarness:
        return MappedCatalogHarness(MemoryCatalog)
