"""`compose`: puts the layers around an adapter, in their order."""

import random
import secrets

from shelfport.adapters.config.settings import Settings
from shelfport.adapters.http import HttpInventory
from shelfport.adapters.layers import (
    BatchingLayer,
    CacheLayer,
    CacheStats,
    CircuitBreaker,
    CircuitBreakerLayer,
    CoalescingLayer,
    ConcurrencyLimitLayer,
    DeadlineLayer,
    PortCheckLayer,
    ReadingStore,
    RecordingLayer,
    RetryLayer,
    SharedCacheClient,
    SharedCacheLayer,
)
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.runtime.background import Background
from shelfport.ports import Clock, InventoryPort, Listener


def compose(
    adapter: InventoryPort,
    settings: Settings,
    *,
    clock: Clock,
    background: Background,
    breaker: CircuitBreaker,
    listener: Listener,
    shared_cache: SharedCacheClient | None = None,
    budget: RetryBudget | None = None,
    stats: CacheStats | None = None,
) -> CacheLayer:
    """Put the layers around `adapter`, listed from the outside in.

    The docstring of each layer gives the reason for its position. Below `BatchingLayer` one call is
    one request, so that retries, the limit, the breaker and the records count requests.
    """
    return CacheLayer(
        DeadlineLayer(
            CoalescingLayer(
                with_shared_cache(
                    BatchingLayer(
                        RetryLayer(
                            ConcurrencyLimitLayer(
                                CircuitBreakerLayer(
                                    RecordingLayer(
                                        checked(adapter),
                                        clock,
                                        listener,
                                    ),
                                    clock,
                                    breaker,
                                    listener,
                                ),
                                clock,
                                settings.limit,
                                listener,
                            ),
                            clock,
                            settings.retry,
                            budget or settings.retry.budget(),
                            random.uniform,
                            listener,
                        ),
                        settings.batch,
                    ),
                    settings,
                    clock,
                    background,
                    shared_cache,
                ),
                clock,
                background,
            ),
            clock,
            new_id,
            settings.deadline,
        ),
        clock,
        ReadingStore(settings.cache, random.uniform),
        background,
        listener,
        stats or CacheStats(),
    )


def with_shared_cache(
    inner: InventoryPort,
    settings: Settings,
    clock: Clock,
    background: Background,
    shared_cache: SharedCacheClient | None,
) -> InventoryPort:
    """`inner` under a `SharedCacheLayer`; without a shared cache, `inner` itself."""
    if shared_cache is None:
        return inner
    return SharedCacheLayer(
        inner,
        clock,
        shared_cache,
        settings.cache,
        background,
        random.uniform,
        lambda: secrets.token_hex(8),
    )


def checked(adapter: InventoryPort) -> InventoryPort:
    """`adapter` under a `PortCheckLayer`, unless it is one of this package's own."""
    ours = isinstance(adapter, HttpInventory | InMemoryInventory)
    return adapter if ours else PortCheckLayer(adapter)


def new_id() -> str:
    """A correlation id for a call without one: 128 random bits, like a trace id."""
    return f"{random.getrandbits(128):032x}"
