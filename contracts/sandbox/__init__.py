"""A stateful Inventory Service for development and tests, which keeps inventory-service.yaml."""

from shelfport.adapters.http.wire import InventoryStockLevelBody
from shelfport.contracts.sandbox.faults import ErrorStatus, FaultMode, Faults
from shelfport.contracts.sandbox.journal import JournalEntry
from shelfport.contracts.sandbox.ledger import Opening
from shelfport.contracts.sandbox.seed import (
    BY_ID,
    CATALOGUE,
    FORTHCOMING,
    SeedVariant,
    seed_records,
)
from shelfport.contracts.sandbox.server import CannotListen, Sandbox
from shelfport.contracts.sandbox.store import SeedRecord

__all__ = [
    "BY_ID",
    "CATALOGUE",
    "FORTHCOMING",
    "CannotListen",
    "ErrorStatus",
    "FaultMode",
    "Faults",
    "InventoryStockLevelBody",
    "JournalEntry",
    "Opening",
    "Sandbox",
    "SeedRecord",
    "SeedVariant",
    "seed_records",
]
