"""The ports: Protocols that the domain asks for and adapters implement, one file each.

Their docstrings are obligations on whoever implements them.
"""

from shelfport.ports.cache_invalidator import CacheInvalidator
from shelfport.ports.catalog import ProductCatalogPort
from shelfport.ports.clock import Clock
from shelfport.ports.identity import VariantMapper
from shelfport.ports.inventory import InventoryPort
from shelfport.ports.message_bus import Bus
from shelfport.ports.notifier import Notifier
from shelfport.ports.queue import InitializationQueue
from shelfport.ports.shared_store import SharedStore
from shelfport.ports.signals import Listener
from shelfport.ports.telemetry import Telemetry

__all__ = [
    "Bus",
    "Clock",
    "InitializationQueue",
    "InventoryPort",
    "Listener",
    "Notifier",
    "ProductCatalogPort",
    "CacheInvalidator",
    "SharedStore",
    "Telemetry",
    "VariantMapper",
]
