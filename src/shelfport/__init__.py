"""shelfport: stock from an external Inventory Service, for any Python Product Service.

    async with build(Settings(base_url="https://inventory.internal")) as inventory:
        page = await inventory.get_stock_levels(variant_ids)
        await inventory.request_inventory_initialization(variant_id)

These are the public names; everything else may move.
"""

from shelfport.adapters.clock import SystemClock
from shelfport.adapters.container import Container, build
from shelfport.adapters.http import HttpInventory, HttpOptions
from shelfport.adapters.integration import InventoryIntegration
from shelfport.adapters.layers import CacheOptions, SplitOptions
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.settings import InitialStockOptions, Settings, SettingsError
from shelfport.adapters.settings_loader import load_settings
from shelfport.domain.model import (
    DEFAULT_CALL,
    MAX_QUANTITY,
    STOCK_INFORMATION_UNAVAILABLE,
    AdapterFault,
    AlreadyThere,
    Answer,
    Availability,
    Call,
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    Created,
    DeadlineExceeded,
    Freshness,
    Initialized,
    InitialStock,
    InventoryError,
    InventoryItem,
    LocalRefusal,
    Operation,
    OperationInProgress,
    OverloadedHere,
    PermanentError,
    ProductVariantId,
    ReachedService,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    StockLevel,
    StockReading,
    StockStatus,
    TimedOut,
    TransientError,
    Unauthorized,
    Unavailable,
    UnavailableReason,
    UnknownVariant,
    Unreadable,
    variant_id,
)
from shelfport.ports import Clock, InventoryPort, VariantMapper

__all__ = [
    "DEFAULT_CALL",
    "MAX_QUANTITY",
    "STOCK_INFORMATION_UNAVAILABLE",
    "AdapterFault",
    "AlreadyThere",
    "Answer",
    "Availability",
    "CacheOptions",
    "Call",
    "CircuitOpen",
    "Clock",
    "Conflict",
    "ConnectionFailed",
    "Container",
    "ContractViolation",
    "Created",
    "DeadlineExceeded",
    "Freshness",
    "HttpInventory",
    "HttpOptions",
    "InMemoryInventory",
    "InitialStock",
    "InitialStockOptions",
    "Initialized",
    "InventoryError",
    "InventoryIntegration",
    "InventoryItem",
    "InventoryPort",
    "LocalRefusal",
    "Operation",
    "OperationInProgress",
    "OverloadedHere",
    "PermanentError",
    "ProductVariantId",
    "ReachedService",
    "RequestRejected",
    "ServiceFailed",
    "ServiceOverloaded",
    "Settings",
    "SettingsError",
    "SplitOptions",
    "StockLevel",
    "StockReading",
    "StockStatus",
    "SystemClock",
    "TimedOut",
    "TransientError",
    "Unauthorized",
    "Unavailable",
    "UnavailableReason",
    "UnknownVariant",
    "Unreadable",
    "VariantMapper",
    "build",
    "load_settings",
    "variant_id",
]
