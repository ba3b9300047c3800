"""Every layer, and every stack of them, that must keep the port's obligations: a line each."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from secrets import token_hex

import attrs
from dependency_injector import providers

from shelfport import Container, InventoryPort, Settings
from shelfport.adapters.layers import (
    AbandonedReadLayer,
    BatchingLayer,
    BreakerOptions,
    CacheLayer,
    ChaosLayer,
    CircuitBreaker,
    CircuitBreakerLayer,
    CoalescingLayer,
    ConcurrencyLimitLayer,
    CooldownLayer,
    DeadlineLayer,
    IsolationLayer,
    LimitOptions,
    PortCheckLayer,
    ReadingStore,
    RecordingLayer,
    RetryLayer,
    RetryOptions,
    SharedCacheClient,
    SharedCacheLayer,
)
from shelfport.adapters.observability.signal_log import log_signal
from shelfport.adapters.runtime.background import Background
from shelfport.options import BatchOptions, CacheOptions, SharedCacheOptions
from shelfport.ports import Clock
from shelfport.ports.shared_store import SharedStore
from tests.contracts.conformance.harnesses import Wrap
from tests.support.reopening import open_and_close
from tests.support.shared_store import ModelStore


@attrs.frozen
class Ground:
    """What layers stand on beside the adapter."""

    clock: Clock
    background: Background


@attrs.frozen
class Stack:
    """Layers around an adapter, and what they add to what it can do."""

    name: str
    wrap: Wrap
    keeps_readings: bool = False
    bounds_waiting: bool = False
    """It keeps the deadline over an adapter that does not."""
    many_ids: int = 200
    over_http: bool = False
    """It is run over HTTP as well."""


def layers(around: Callable[[InventoryPort, Ground], InventoryPort]) -> Wrap:
    """Open the adapter and the background, and put layers around."""

    @asynccontextmanager
    async def wrap(adapter: InventoryPort, clock: Clock) -> AsyncIterator[InventoryPort]:
        async with AsyncExitStack() as opened:
            if isinstance(adapter, AbstractAsyncContextManager):
                await opened.enter_async_context(adapter)
            background = await opened.enter_async_context(Background())
            yield around(adapter, Ground(clock, background))

    return wrap


@asynccontextmanager
async def default(adapter: InventoryPort, clock: Clock) -> AsyncIterator[InventoryPort]:
    """The stack as the container composes it."""
    container = Container(
        settings=providers.Object(Settings()),
        clock=providers.Object(clock),
        adapter=providers.Object(adapter),
    )
    async with container.integration():
        yield container.port()


@asynccontextmanager
async def reopened(adapter: InventoryPort, clock: Clock) -> AsyncIterator[InventoryPort]:
    """The stack as the container composes it, opened and closed in another event loop before."""
    container = Container(
        settings=providers.Object(Settings(adapter="memory")),
        clock=providers.Object(clock),
        adapter=providers.Object(adapter),
    )
    integration = container.integration()
    await asyncio.to_thread(open_and_close, integration)
    async with integration:
        yield container.port()


def shared(inner: InventoryPort, on: Ground, client: SharedCacheClient) -> SharedCacheLayer:
    return SharedCacheLayer(
        inner,
        on.clock,
        client,
        CacheOptions(),
        on.background,
        random.uniform,
        lambda: token_hex(8),
    )


@asynccontextmanager
async def over_shared_cache(adapter: InventoryPort, clock: Clock) -> AsyncIterator[InventoryPort]:
    """The layer alone, over a cache of its own."""
    async with AsyncExitStack() as opened:
        if isinstance(adapter, AbstractAsyncContextManager):
            await opened.enter_async_context(adapter)
        background = await opened.enter_async_context(Background())
        store = ModelStore(clock)
        client = SharedCacheClient(store, SharedCacheOptions(), clock, background, log_signal)
        await opened.enter_async_context(client)
        yield shared(adapter, Ground(clock, background), client)


def default_with_shared(store: Callable[[Clock], SharedStore]) -> Wrap:
    """The stack as the container composes it where replicas share a cache."""

    @asynccontextmanager
    async def wrap(adapter: InventoryPort, clock: Clock) -> AsyncIterator[InventoryPort]:
        settings = Settings()
        background = Background()
        client = SharedCacheClient(
            store(clock), settings.shared_cache, clock, background, log_signal
        )
        container = Container(
            settings=providers.Object(settings),
            clock=providers.Object(clock),
            adapter=providers.Object(adapter),
            background=providers.Object(background),
            shared_cache=providers.Object(client),
        )
        async with container.integration():
            yield container.port()

    return wrap


STACKS = (
    Stack("PortCheckLayer", layers(lambda inner, on: PortCheckLayer(inner))),
    Stack("ChaosLayer", layers(lambda inner, on: ChaosLayer(inner, random.uniform))),
    Stack("RecordingLayer", layers(lambda inner, on: RecordingLayer(inner, on.clock, log_signal))),
    Stack(
        "CircuitBreakerLayer",
        layers(
            lambda inner, on: CircuitBreakerLayer(
                inner, on.clock, CircuitBreaker(BreakerOptions(), log_signal), log_signal
            )
        ),
    ),
    Stack("CooldownLayer", layers(lambda inner, on: CooldownLayer(inner, on.clock, log_signal))),
    Stack(
        "AbandonedReadLayer",
        layers(lambda inner, on: AbandonedReadLayer(inner, on.clock, on.background, 1.0)),
    ),
    Stack(
        "ConcurrencyLimitLayer",
        layers(
            lambda inner, on: ConcurrencyLimitLayer(inner, on.clock, LimitOptions(), log_signal)
        ),
    ),
    Stack(
        "RetryLayer",
        layers(
            lambda inner, on: RetryLayer(
                inner, on.clock, RetryOptions(), RetryOptions().budget(), random.uniform, log_signal
            )
        ),
    ),
    Stack(
        "IsolationLayer", layers(lambda inner, on: IsolationLayer(inner, on.clock, random.choice))
    ),
    Stack(
        "BatchingLayer",
        layers(
            lambda inner, on: BatchingLayer(
                inner, BatchOptions(max_size=2, max_concurrency=2), log_signal
            )
        ),
        many_ids=1000,
    ),
    Stack(
        "CoalescingLayer", layers(lambda inner, on: CoalescingLayer(inner, on.clock, on.background))
    ),
    Stack(
        "DeadlineLayer",
        layers(lambda inner, on: DeadlineLayer(inner, on.clock, lambda: "its-own", 2.0)),
        bounds_waiting=True,
    ),
    Stack(
        "CacheLayer",
        layers(
            lambda inner, on: CacheLayer(
                inner,
                on.clock,
                ReadingStore(CacheOptions(), random.uniform),
                on.background,
                log_signal,
            )
        ),
        keeps_readings=True,
    ),
    Stack("SharedCacheLayer", over_shared_cache, keeps_readings=True),
    Stack(
        "DefaultWithShared",
        default_with_shared(ModelStore),
        keeps_readings=True,
        bounds_waiting=True,
        many_ids=1000,
    ),
    Stack(
        "Reopened",
        reopened,
        keeps_readings=True,
        bounds_waiting=True,
        many_ids=1000,
        over_http=True,
    ),
    Stack(
        "Default",
        default,
        keeps_readings=True,
        bounds_waiting=True,
        many_ids=1000,
        over_http=True,
    ),
)
