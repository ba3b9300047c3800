"""The ports: Protocols that adapters implement, and the values in their signatures.

Their docstrings are obligations on implementations.
"""

from shelfport.domain.model import (
    DEFAULT_CALL,
    MAX_QUANTITY,
    Answer,
    Call,
    Initialized,
    InitialStock,
    RequestContext,
    UnknownVariant,
    Unreadable,
)
from shelfport.ports.cache_hits import CacheHits
from shelfport.ports.cache_invalidator import CacheInvalidator
from shelfport.ports.catalog import ProductCatalogPort
from shelfport.ports.clock import Clock
from shelfport.ports.identity import PageMapper, ToVariant, VariantMapper
from shelfport.ports.inventory import InventoryPort
from shelfport.ports.message_bus import Bus, Delivery, Message, Publisher, Source
from shelfport.ports.notifier import Notifier
from shelfport.ports.queue import InitializationQueue
from shelfport.ports.shared_store import (
    Lease,
    Lookup,
    LookupOptions,
    SharedCacheFull,
    SharedCacheUnavailable,
    SharedStore,
    StoreRequest,
)
from shelfport.ports.signals import Listener
from shelfport.ports.snapshot import (
    BreakerSnapshot,
    CacheSnapshot,
    EventsSnapshot,
    QueueSnapshot,
    SharedCacheSnapshot,
    Snapshot,
    SubscriptionSnapshot,
    TlsSnapshot,
)
from shelfport.ports.telemetry import ObservedRequest, ObservesPageAge, RequestObserver, Telemetry

__all__ = [
    "DEFAULT_CALL",
    "MAX_QUANTITY",
    "Answer",
    "BreakerSnapshot",
    "Bus",
    "CacheHits",
    "CacheInvalidator",
    "CacheSnapshot",
    "Call",
    "Clock",
    "Delivery",
    "EventsSnapshot",
    "InitialStock",
    "InitializationQueue",
    "Initialized",
    "InventoryPort",
    "Lease",
    "Listener",
    "Lookup",
    "LookupOptions",
    "Message",
    "Notifier",
    "ObservedRequest",
    "ObservesPageAge",
    "PageMapper",
    "ProductCatalogPort",
    "Publisher",
    "QueueSnapshot",
    "RequestContext",
    "RequestObserver",
    "SharedCacheFull",
    "SharedCacheSnapshot",
    "SharedCacheUnavailable",
    "SharedStore",
    "Snapshot",
    "Source",
    "StoreRequest",
    "SubscriptionSnapshot",
    "Telemetry",
    "TlsSnapshot",
    "ToVariant",
    "UnknownVariant",
    "Unreadable",
    "VariantMapper",
]
