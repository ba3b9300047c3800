"""The pure services behind the three things that a Product Service does (R25)."""

from shelfport.domain.services.initialization import InventoryInitialization
from shelfport.domain.services.stock_lookup import StockLookup

__all__ = ["InventoryInitialization", "StockLookup"]
