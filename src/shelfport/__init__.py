"""shelfport: stock from an external Inventory Service, for any Python Product Service.

    async with build(Settings(base_url="https://inventory.internal")) as inventory:
        page = await inventory.get_stock_levels(variant_ids)
        await inventory.request_inventory_initialization(new_variant)

Most hosts need these names only. The rest is in `shelfport.options`, `.errors`, `.signals`,
`.ports`, `.outbox`, `.layers`, `.http`, `.testing`, and the modules of the extras. All other
modules are private.
"""

from shelfport.adapters.composition.build import build
from shelfport.adapters.composition.container import Container
from shelfport.adapters.config.loader import load_settings
from shelfport.adapters.config.settings import Settings, SettingsError
from shelfport.adapters.facade.health import Health, HealthStatus, health
from shelfport.adapters.facade.initializer import NewVariant
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.adapters.runtime.request_context import request_context
from shelfport.domain.model import (
    STOCK_INFORMATION_UNAVAILABLE,
    AlreadyThere,
    Availability,
    BulkOutcome,
    Created,
    Freshness,
    IdFormat,
    InitializationOutcome,
    InitializationPolicy,
    InventoryBackInStock,
    InventoryError,
    InventoryEvent,
    InventoryItem,
    InventoryLowStock,
    InventoryOutOfStock,
    LocalRefusal,
    NotInitialized,
    PermanentError,
    PermanentlyRejected,
    ProductVariantId,
    Queued,
    StockLevel,
    StockReading,
    StockStatus,
    TransientError,
    Unavailable,
    UnavailableReason,
    variant_id,
)
from shelfport.ports import InventoryPort, Notifier, ProductCatalogPort, VariantMapper
from shelfport.ports.snapshot import Snapshot

__all__ = [
    "STOCK_INFORMATION_UNAVAILABLE",
    "AlreadyThere",
    "Availability",
    "BulkOutcome",
    "Container",
    "Created",
    "Freshness",
    "Health",
    "HealthStatus",
    "IdFormat",
    "InMemoryInventory",
    "InitializationOutcome",
    "InitializationPolicy",
    "InventoryBackInStock",
    "InventoryError",
    "InventoryEvent",
    "InventoryIntegration",
    "InventoryItem",
    "InventoryLowStock",
    "InventoryOutOfStock",
    "InventoryPort",
    "LocalRefusal",
    "NewVariant",
    "NotInitialized",
    "Notifier",
    "PermanentError",
    "PermanentlyRejected",
    "ProductCatalogPort",
    "ProductVariantId",
    "Queued",
    "Settings",
    "SettingsError",
    "Snapshot",
    "StockLevel",
    "StockReading",
    "StockStatus",
    "SystemClock",
    "TransientError",
    "Unavailable",
    "UnavailableReason",
    "VariantMapper",
    "build",
    "health",
    "load_settings",
    "request_context",
    "variant_id",
]
