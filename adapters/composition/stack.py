"""`compose`: puts the layers around an adapter, in their order."""

import random
import secrets
from collections.abc import Callable, Sequence

import attrs

from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.opening import NoHits
from shelfport.adapters.http import HttpInventory
from shelfport.adapters.layers import (
    AbandonedReadLayer,
    BatchingLayer,
    BatchOptions,
    CacheLayer,
    CacheStats,
    CircuitBreaker,
    CircuitBreakerLayer,
    CoalescingLayer,
    ConcurrencyLimitLayer,
    CooldownLayer,
    DeadlineLayer,
    IsolationLayer,
    PortCheckLayer,
    ReadingStore,
    RecordingLayer,
    RetryLayer,
    SharedCacheClient,
    SharedCacheLayer,
)
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.adapters.layers.shared_cache.client import MOST_LOOKED_UP
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.runtime.background import Background
from shelfport.ports import CacheHits, CacheInvalidator, Clock, InventoryPort, Listener

Layer = Callable[[InventoryPort], InventoryPort]
"""Puts a layer of the host around a port: the class of the layer, or a function that makes it."""


@attrs.frozen
class Stack:
    """The layers around an adapter, by what each part of the integration needs of them."""

    pages: InventoryPort
    """For pages and the host's calls: all layers."""
    attempts: InventoryPort
    """For the queue's worker: one call is one attempt at one request. It has the concurrency limit
    and the circuit breaker, which pages use too, but not the retries and their budget."""
    hits: CacheHits
    """The fast path of pages."""
    invalidators: Sequence[CacheInvalidator]
    """The caches, innermost first: who must hear of a change."""
    cache: CacheLayer
    """The cache in memory: its counts, and what the backplane invalidates."""


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
    adapter_layers: Sequence[Layer] = (),
) -> Stack:
    """Put the layers around `adapter`, from the inside out.

    The docstring of each layer gives the reason for its position. Below `BatchingLayer` one call is
    one request, so that retries, the limit, the breaker and the records count requests.

    Args:
        adapter: asks the service.
        settings: the options of the layers.
        clock: the time.
        background: owns the layers' tasks.
        breaker: the circuit breaker.
        listener: receives the layers' signals.
        shared_cache: the client of the shared cache; None for a stack without one.
        budget: the retry budget; None makes one.
        stats: counts what the cache serves; None makes one.
        adapter_layers: the host's own layers just above the adapter, the outermost first.
    """
    port = checked(wrapped(adapter_layers, adapter))
    port = RecordingLayer(port, clock, listener)
    port = CircuitBreakerLayer(port, clock, breaker, listener)
    port = CooldownLayer(port, clock, listener)
    port = AbandonedReadLayer(port, clock, background, settings.http.attempt_timeout)
    attempts = port = ConcurrencyLimitLayer(port, clock, settings.limit, listener)
    budget = budget or settings.retry.budget()
    port = RetryLayer(port, clock, settings.retry, budget, random.uniform, listener)
    port = IsolationLayer(port, clock, random.choice, attempts)
    port = batching = BatchingLayer(port, settings.batch, listener)
    if shared_cache is not None:
        port = SharedCacheLayer(
            port,
            clock,
            shared_cache,
            settings.cache,
            background,
            random.uniform,
            lambda: secrets.token_hex(8),
        )
    port = CoalescingLayer(
        port,
        clock,
        background,
        settings.cache.soft_timeout,
        budget,
        batching.size,
        settings.batch.max_concurrency,
        1 if shared_cache is None else _requests_of_lookup(settings.batch),
    )
    port = DeadlineLayer(port, clock, new_id, settings.deadline)
    store = ReadingStore(settings.cache, random.uniform)
    cache = CacheLayer(port, clock, store, background, listener, stats or CacheStats())
    return Stack(
        pages=cache,
        attempts=attempts,
        hits=cache,
        invalidators=(cache,) if shared_cache is None else (shared_cache, cache),
        cache=cache,
    )


def wrapped(layers: Sequence[Layer], port: InventoryPort) -> InventoryPort:
    """`port` inside `layers`, of which the first is the outermost."""
    for layer in reversed(layers):
        port = layer(port)
    return port


def checked_port(stack: Stack, port: InventoryPort) -> InventoryPort:
    """`port` for pages: what a layer of the host around the stack answers is checked."""
    return port if port is stack.pages else PortCheckLayer(port)


def hits_of(stack: Stack, port: InventoryPort) -> CacheHits:
    """The fast path past `port`: the stack's, or none if a layer of the host is around it."""
    return stack.hits if port is stack.pages else NoHits()


def checked(adapter: InventoryPort) -> InventoryPort:
    """`adapter` under a `PortCheckLayer`, unless it is one of this package's own."""
    ours = isinstance(adapter, HttpInventory | InMemoryInventory)
    return adapter if ours else PortCheckLayer(adapter)


def _requests_of_lookup(batch: BatchOptions) -> int:
    """Requests for as many ids as one look-up in the shared cache takes, at most."""
    return max(1, min(batch.max_concurrency, MOST_LOOKED_UP // batch.max_size))


def new_id() -> str:
    """A correlation id for a call without one: 128 random bits, like a trace id."""
    return f"{random.getrandbits(128):032x}"
