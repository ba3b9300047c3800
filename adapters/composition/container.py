"""`Container`: connects all parts of an `InventoryIntegration`.

Construction is synchronous and does no I/O; resources are opened when the `InventoryIntegration` is
entered. Override a provider when the container is made, as in
`Container(adapter=providers.Object(fake))`, or replace it in a subclass: a part that was built
before keeps its old dependency.
"""

import random
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from dependency_injector import containers, providers

from shelfport.adapters.composition.event_service import events_snapshot_of, make_bus, make_events
from shelfport.adapters.composition.http_adapter import make_http, tls_snapshot_of
from shelfport.adapters.composition.identity import (
    HostMapper,
    catalog_in_host_ids,
    make_ids,
    mapper_to_use,
    notifier_in_host_ids,
)
from shelfport.adapters.composition.observers import (
    make_background,
    make_cache_stats,
    make_listener,
    make_observer,
)
from shelfport.adapters.composition.plugins import plugin_adapter
from shelfport.adapters.composition.queue_worker import (
    can_mark,
    make_queue,
    make_worker,
    worker_to_run,
)
from shelfport.adapters.composition.rebuilding import rebuildable
from shelfport.adapters.composition.shared_cache import (
    make_backplane,
    make_shared_cache,
    make_store,
    store_of,
)
from shelfport.adapters.composition.stack import (
    Layer,
    Stack,
    checked_port,
    compose,
    hits_of,
    new_id,
    wrapped,
)
from shelfport.adapters.composition.subclassing import rewire
from shelfport.adapters.config.loader import load_settings
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.host_ids import HostIds
from shelfport.adapters.facade.initializer import Initializer
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.http import HostSecret
from shelfport.adapters.layers import Backplane, CircuitBreaker, SharedCacheClient
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.observability.sampled_log import SampledLog
from shelfport.adapters.queue.worker import Worker
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.domain.services import InventoryInitialization, StockLookup
from shelfport.ports import (
    CacheHits,
    Clock,
    InitializationQueue,
    InventoryPort,
    Listener,
    Notifier,
    ProductCatalogPort,
)
from shelfport.ports.shared_store import SharedStore
from shelfport.ports.telemetry import Telemetry

if TYPE_CHECKING:
    # An integration without a bus does not import it.
    from shelfport.adapters.events.service import EventService
    from shelfport.ports.message_bus import Bus


def _adapter_kind(settings: Settings) -> str:
    return settings.adapter_name if settings.adapter_name in {"http", "memory"} else "plugin"


def _budget(settings: Settings) -> RetryBudget:
    return settings.retry.budget()


def _resources(*parts: object) -> tuple[AbstractAsyncContextManager[Any], ...]:
    """The context managers among `parts`, in the order in which they are opened.

    They are closed in reverse: the worker stops and tasks end before the queue and the sessions
    that they use; the log is last, and writes how many records it left out.
    """
    return tuple(part for part in parts if isinstance(part, AbstractAsyncContextManager))


class Container(containers.DeclarativeContainer):
    """The parts of one `InventoryIntegration`, a provider each; `integration` makes the whole.

    A host may nest it in its own container. Without settings it loads them, as `build` does. It
    does not use `wire()` or `@inject`.
    """

    # What a host gives.
    settings: providers.Provider[Settings] = providers.Dependency(
        instance_of=Settings, default=providers.Singleton(load_settings)
    )
    clock: providers.Provider[Clock] = providers.Singleton(SystemClock)
    mapper: providers.Provider[HostMapper] = providers.Object(None)
    """The host's references to variants. None: they are ids."""
    secret: providers.Provider[HostSecret | None] = providers.Object(None)
    telemetry: providers.Provider[Sequence[Telemetry]] = providers.Object(())
    log: providers.Provider[Listener] = providers.Singleton(
        SampledLog, settings.provided.logs, clock
    )
    host_listener: providers.Provider[Listener | None] = providers.Object(None)
    listener: providers.Provider[Listener] = providers.Singleton(
        make_listener, log, host_listener, telemetry
    )
    """Passes the signals of adapter and layers to the log, the host's listener and telemetry."""
    adapter: providers.Provider[InventoryPort] = providers.Selector(
        providers.Callable(_adapter_kind, settings),
        http=providers.Singleton(
            make_http,
            settings,
            clock,
            secret,
            providers.Callable(make_observer, telemetry),
            listener,
        ),
        memory=providers.Singleton(InMemoryInventory, clock=clock),
        plugin=providers.Singleton(plugin_adapter, settings, clock),
    )
    layers: providers.Provider[Sequence[Layer]] = providers.Object(())
    """The host's layers around all others, the outermost first. They see every call, hits, too."""
    adapter_layers: providers.Provider[Sequence[Layer]] = providers.Object(())
    """The host's layers just above the adapter, the outermost first. They see every attempt."""
    catalog: providers.Provider[ProductCatalogPort[Any] | None] = providers.Object(None)
    notifier: providers.Provider[Notifier | None] = providers.Object(None)
    bus: "providers.Provider[Bus | None]" = providers.Singleton(
        make_bus, settings, catalog, notifier
    )
    queue: providers.Provider[InitializationQueue | None] = providers.Singleton(
        make_queue, settings
    )
    shared_store: providers.Provider[SharedStore | None] = providers.Singleton(make_store, settings)

    # What is made of it.
    mapper_to_use: providers.Provider[HostMapper] = providers.Singleton(
        mapper_to_use, settings, mapper
    )
    ids: providers.Provider[HostIds[Any]] = providers.Singleton(make_ids, settings, mapper_to_use)
    catalog_in_host_ids: providers.Provider[ProductCatalogPort | None] = providers.Singleton(
        catalog_in_host_ids, catalog, mapper_to_use
    )
    notifier_in_host_ids: providers.Provider[Notifier | None] = providers.Singleton(
        notifier_in_host_ids, notifier, mapper_to_use
    )
    background: providers.Provider[Background] = providers.Singleton(make_background, telemetry)
    breaker: providers.Provider[CircuitBreaker] = providers.Singleton(
        CircuitBreaker, settings.provided.breaker, listener, providers.Object(random.uniform)
    )
    budget: providers.Provider[RetryBudget] = providers.Singleton(_budget, settings)
    shared_cache: providers.Provider[SharedCacheClient | None] = providers.Singleton(
        make_shared_cache, settings, shared_store, clock, background, listener
    )
    stack: providers.Provider[Stack] = providers.Singleton(
        compose,
        adapter,
        settings,
        clock=clock,
        background=background,
        breaker=breaker,
        listener=listener,
        shared_cache=shared_cache,
        budget=budget,
        stats=providers.Callable(make_cache_stats, telemetry),
        adapter_layers=adapter_layers,
    )
    port: providers.Provider[InventoryPort] = providers.Singleton(
        wrapped, layers, stack.provided.pages
    )
    """What pages and the host's calls use."""
    checked_port: providers.Provider[InventoryPort] = providers.Singleton(checked_port, stack, port)
    hits: providers.Provider[CacheHits] = providers.Singleton(hits_of, stack, port)
    """The fast path; with a layer of the host around the stack, every call goes through `port`."""
    backplane: providers.Provider[Backplane | None] = providers.Singleton(
        make_backplane, shared_cache, stack.provided.cache, clock, background, listener
    )
    worker: providers.Provider[Worker | None] = providers.Singleton(
        make_worker,
        settings,
        queue,
        port=stack.provided.attempts,
        invalidators=stack.provided.invalidators,
        catalog=catalog_in_host_ids,
        breaker=breaker,
        clock=clock,
        new_correlation_id=providers.Object(new_id),
        listener=listener,
    )
    """Processes the queue; the integration runs it if `queue.worker` is set."""
    own_worker: providers.Provider[Worker | None] = providers.Callable(
        worker_to_run, settings, worker
    )
    events: "providers.Provider[EventService | None]" = providers.Singleton(
        make_events,
        bus,
        settings,
        clock=clock,
        invalidators=stack.provided.invalidators,
        catalog=catalog_in_host_ids,
        notifier=notifier_in_host_ids,
        mapper=mapper_to_use,
        listener=listener,
    )
    integration_of_parts: providers.Provider[InventoryIntegration[Any]] = providers.Factory(
        InventoryIntegration,
        lookup=providers.Factory(StockLookup, checked_port, hits, ids),
        initializer=providers.Factory(
            Initializer,
            service=providers.Factory(
                InventoryInitialization,
                checked_port,
                clock,
                settings.provided.deadline,
                queue,
                listener,
            ),
            ids=ids,
            initial=settings.provided.initialization,
            new_key=providers.Object(uuid4),
            new_id=providers.Object(new_id),
            can_mark=providers.Callable(can_mark, settings, queue, catalog),
        ),
        clock=clock,
        breaker=breaker,
        cache_snapshot=stack.provided.cache.snapshot,
        budget=budget,
        tls=providers.Callable(tls_snapshot_of, adapter),
        shared_cache=shared_cache,
        queue=queue,
        worker=own_worker,
        events=providers.Callable(events_snapshot_of, events),
        telemetry=telemetry,
        resources=providers.Callable(
            _resources,
            log,
            adapter,
            providers.Callable(store_of, shared_cache),
            queue,
            background,
            shared_cache,
            backplane,
            events,
            own_worker,
        ),
    )
    integration: providers.Provider[InventoryIntegration[Any]] = providers.ThreadSafeSingleton(
        rebuildable,
        integration_of_parts.provider,
        providers.List(
            adapter.provider,
            bus.provider,
            queue.provider,
            shared_store.provider,
            background.provider,
            breaker.provider,
            budget.provider,
            shared_cache.provider,
            stack.provider,
            port.provider,
            checked_port.provider,
            hits.provider,
            backplane.provider,
            worker.provider,
            events.provider,
        ),
    )
    """What a host uses; in a forked child it gets parts of its own. Threads that ask for it at the
    same moment get one and the same."""

    def __init_subclass__(cls) -> None:
        """A provider that a subclass replaces is used by all others of the subclass, too."""
        rewire(cls)
