"""The layers: each is an `InventoryPort` around another one, with one purpose.

A layer holds `inner` and its own state, implements the whole port, and can be read alone.
`composition.stack.compose` puts them in order, from the outside in.
"""

from shelfport.adapters.layers.abandoned_read import AbandonedReadLayer
from shelfport.adapters.layers.batching import BatchingLayer, BatchOptions
from shelfport.adapters.layers.cache.layer import CacheLayer
from shelfport.adapters.layers.cache.options import CacheOptions
from shelfport.adapters.layers.cache.stats import CacheStats
from shelfport.adapters.layers.cache.store import ReadingStore
from shelfport.adapters.layers.chaos import ChaosLayer
from shelfport.adapters.layers.circuit_breaker.breaker import CircuitBreaker
from shelfport.adapters.layers.circuit_breaker.layer import CircuitBreakerLayer
from shelfport.adapters.layers.circuit_breaker.options import BreakerOptions
from shelfport.adapters.layers.coalescing import CoalescingLayer
from shelfport.adapters.layers.concurrency_limit import ConcurrencyLimitLayer, LimitOptions
from shelfport.adapters.layers.cooldown import CooldownLayer
from shelfport.adapters.layers.deadline import DeadlineLayer
from shelfport.adapters.layers.isolation import IsolationLayer
from shelfport.adapters.layers.port_check import PortCheckLayer
from shelfport.adapters.layers.recording import RecordingLayer
from shelfport.adapters.layers.retry import RetryLayer, RetryOptions
from shelfport.adapters.layers.shared_cache.backplane import Backplane
from shelfport.adapters.layers.shared_cache.client import SharedCacheClient
from shelfport.adapters.layers.shared_cache.layer import SharedCacheLayer
from shelfport.adapters.layers.shared_cache.options import SharedCacheOptions

__all__ = [
    "AbandonedReadLayer",
    "Backplane",
    "BatchOptions",
    "BatchingLayer",
    "BreakerOptions",
    "CacheLayer",
    "CacheOptions",
    "CacheStats",
    "ChaosLayer",
    "CircuitBreaker",
    "CircuitBreakerLayer",
    "CoalescingLayer",
    "ConcurrencyLimitLayer",
    "CooldownLayer",
    "DeadlineLayer",
    "IsolationLayer",
    "LimitOptions",
    "PortCheckLayer",
    "ReadingStore",
    "RecordingLayer",
    "RetryLayer",
    "RetryOptions",
    "SharedCacheClient",
    "SharedCacheLayer",
    "SharedCacheOptions",
]
