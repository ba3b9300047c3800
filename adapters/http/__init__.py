"""The three HTTP operations of the Inventory Service, over aiohttp."""

from shelfport.adapters.http.adapter import HttpInventory
from shelfport.adapters.http.session import HttpOptions

__all__ = ["HttpInventory", "HttpOptions"]
