"""The ports: Protocols that the domain asks for and adapters implement, one file each.

Their docstrings are obligations on whoever implements them.
"""

from shelfport.ports.clock import Clock
from shelfport.ports.initialization_queue import InitializationQueue
from shelfport.ports.inventory import InventoryPort
from shelfport.ports.listener import Listener
from shelfport.ports.notifier import Notifier
from shelfport.ports.product_catalog import ProductCatalogPort
from shelfport.ports.stock_knowledge import StockKnowledge
from shelfport.ports.variant_mapper import VariantMapper

__all__ = [
    "Clock",
    "InitializationQueue",
    "InventoryPort",
    "Listener",
    "Notifier",
    "ProductCatalogPort",
    "StockKnowledge",
    "VariantMapper",
]
