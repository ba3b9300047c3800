"""The domain's services: pure rules over the ports."""

from shelfport.domain.services.initialization import InventoryInitialization
from shelfport.domain.services.stock_lookup import StockLookup

__all__ = ["InventoryInitialization", "StockLookup"]
