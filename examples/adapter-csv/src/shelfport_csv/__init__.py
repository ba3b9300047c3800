"""Stock from the CSV file that a warehouse exports: an adapter for shelfport.

Columns: `variant_id`, `quantity`, `low_stock_threshold`, `updated_at` (ISO 8601, with an offset).
The file is read again whenever it was replaced.
"""

import os
from pathlib import Path

from shelfport import InventoryPort, Settings
from shelfport.ports import Clock

from shelfport_csv.adapter import CsvInventory

__all__ = ["CsvInventory", "make"]

FILE_VARIABLE = "SHELFPORT_CSVSTOCK_FILE"


def make(_settings: Settings, clock: Clock) -> InventoryPort:
    """The entry point: what `Settings(adapter="csvstock")` uses.

    Raises:
        ValueError: SHELFPORT_CSVSTOCK_FILE does not say which file.
    """
    file = os.environ.get(FILE_VARIABLE)
    if not file:
        raise ValueError(f"{FILE_VARIABLE} is not set: where is the export?")
    return CsvInventory(Path(file), clock=clock)
