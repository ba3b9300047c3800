"""The layers around an adapter, in their order."""

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
    second_level: SharedCacheClient | None = None,
    budget: RetryBudget | None = None,
    tally: CacheStats | None = None,
) -> CacheLayer:
    """Put the layers around `adapter`: read it from the outside in.

    Each stands where it stands for a reason, which its own docstring gives. Below `BatchingLayer`, one
    call is one attempt at one request: there the budget, the limit, the breaker and the records
    count what really goes out.
    """
    return CacheLayer(
        DeadlineLayer(
            CoalescingLayer(
                shared(
                    BatchingLayer(
                        RetryLayer(
                            ConcurrencyLimitLayer(
                                CircuitBreakerLayer(
                                    RecordingLayer(
                                        trusted(adapter),
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
                    second_level,
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
        tally or CacheStats(),
    )


def shared(
    inner: InventoryPort,
    settings: Settings,
    clock: Clock,
    background: Background,
    second_level: SharedCacheClient | None,
) -> InventoryPort:
    """The layer over the cache that replicas share; without such a cache, `inner` alone."""
    if second_level is None:
        return inner
    return SharedCacheLayer(
        inner,
        clock,
        second_level,
        settings.cache,
        background,
        random.uniform,
        lambda: secrets.token_hex(8),
    )


def trusted(adapter: InventoryPort) -> InventoryPort:
    """Our own adapters as they are, since their tests hold them to the port; others checked."""
    ours = isinstance(adapter, HttpInventory | InMemoryInventory)
    return adapter if ours else PortCheckLayer(adapter)


def new_id() -> str:
    """A correlation id for a call that came without one: 128 random bits, as a trace id has."""
    return f"{random.getrandbits(128):032x}"
