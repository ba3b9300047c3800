"""The conformance suite of shelfport on `CsvInventory`."""

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from shelfport import InventoryPort, ProductVariantId
from shelfport.contracts.conformance import (
    Capabilities,
    Harness,
    InventoryPortConformance,
    Trouble,
)

from shelfport_csv import CsvInventory
from shelfport_csv.adapter import COLUMNS


class CsvHarness(Harness):
    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows: dict[ProductVariantId, tuple[str, ...]] = {}
        self.export()

    @asynccontextmanager
    async def adapter(self) -> AsyncIterator[InventoryPort]:
        yield CsvInventory(self.file, clock=self.clock)

    async def set_stock(
        self, variant: ProductVariantId, quantity: int, *, low_stock_threshold: int = 10
    ) -> None:
        now = datetime.now(UTC).isoformat()
        self.rows[variant] = (str(variant), str(quantity), str(low_stock_threshold), now)
        self.export()

    async def remove(self, variant: ProductVariantId) -> None:
        del self.rows[variant]
        self.export()

    async def stored(self, variant: ProductVariantId) -> int | None:
        return int(self.rows[variant][1]) if variant in self.rows else None

    async def spoil(self, variant: ProductVariantId) -> None:
        self.rows[variant] = (str(variant), "a dozen", "", "yesterday")
        self.export()

    async def cause(self, trouble: Trouble | None) -> None:
        match trouble:
            case Trouble.UNREACHABLE:
                self.file.unlink()
            case Trouble.GARBAGE:
                self.file.write_bytes(b"PK\x03\x04 a spreadsheet")
            case _:
                self.export()

    def export(self) -> None:
        with self.file.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *self.rows.values()])


class TestCsvInventory(InventoryPortConformance):
    capabilities = Capabilities(
        initializes=False,
        remembers_keys=False,
        spoils_one=True,
        troubles={Trouble.UNREACHABLE, Trouble.GARBAGE},
        many_ids=1000,
    )

    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        return CsvHarness(tmp_path / "stock.csv")
