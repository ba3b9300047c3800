"""`Container`: connects all parts of an `InventoryIntegration`.

Construction is synchronous and does no I/O; resources are opened when the `InventoryIntegration` is
entered. Override a provider when the container is made, as in
`Container(adapter=providers.Object(fake))`: a part that was built before keeps its old dependency.
"""

import random
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from dependency_injector import containers, providers

from shelfport.adapters.composition.event_service import events_snapshot_of, make_bus, make_events
from shelfport.adapters.composition.http_adapter import make_http, tls_snapshot_of
from shelfport.adapters.composition.observers import (
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
from shelfport.adapters.composition.shared_cache import make_backplane, make_shared_cache, store_of
from shelfport.adapters.composition.stack import compose, new_id
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.initializer import Initializer
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.http import HostSecret
from shelfport.adapters.layers import Backplane, CacheLayer, CircuitBreaker, SharedCacheClient
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.observability.sampled_log import SampledLog
from shelfport.adapters.queue.worker import Worker
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.domain.model import variant_id
from shelfport.domain.services import InventoryInitialization, StockLookup
from shelfport.ports import (
    Clock,
    InitializationQueue,
    InventoryPort,
    Listener,
    Notifier,
    ProductCatalogPort,
    VariantMapper,
)
from shelfport.ports.telemetry import Telemetry

if TYPE_CHECKING:
    # An integration without a bus does not import it.
    from shelfport.adapters.events.service import EventService
    from shelfport.ports.message_bus import Bus

RefT = TypeVar("RefT")


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

    A host may nest it in its own container. It does not use `wire()` or `@inject`.
    """

    settings: providers.Provider[Settings] = providers.Dependency(
        instance_of=Settings, default=Settings()
    )
    clock: providers.Provider[Clock] = providers.Singleton(SystemClock)
    mapper: providers.Provider[VariantMapper[Any]] = providers.Object(variant_id)
    secret: providers.Provider[HostSecret | None] = providers.Object(None)
    telemetry: providers.Provider[Sequence[Telemetry]] = providers.Object(())
    adapter: providers.Provider[InventoryPort] = providers.Selector(
        providers.Callable(_adapter_kind, settings),
        http=providers.Singleton(
            make_http,
            settings,
            clock,
            secret,
            providers.Callable(make_observer, telemetry),
        ),
        memory=providers.Singleton(InMemoryInventory, clock=clock),
        plugin=providers.Singleton(plugin_adapter, settings, clock),
    )
    catalog: providers.Provider[ProductCatalogPort | None] = providers.Object(None)
    notifier: providers.Provider[Notifier | None] = providers.Object(None)
    bus: "providers.Provider[Bus | None]" = providers.Singleton(make_bus, settings)
    log: providers.Provider[Listener] = providers.Singleton(
        SampledLog, settings.provided.logs, clock
    )
    host_listener: providers.Provider[Listener | None] = providers.Object(None)
    listener: providers.Provider[Listener] = providers.Singleton(
        make_listener, log, host_listener, telemetry
    )
    """Passes the layers' signals to the log, the host's listener and telemetry."""
    background: providers.Provider[Background] = providers.Singleton(Background)
    breaker: providers.Provider[CircuitBreaker] = providers.Singleton(
        CircuitBreaker, settings.provided.breaker, listener, providers.Object(random.uniform)
    )
    budget: providers.Provider[RetryBudget] = providers.Singleton(_budget, settings)
    shared_cache: providers.Provider[SharedCacheClient | None] = providers.Singleton(
        make_shared_cache, settings, clock, background, listener
    )
    port: providers.Provider[CacheLayer] = providers.Singleton(
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
    )
    backplane: providers.Provider[Backplane | None] = providers.Singleton(
        make_backplane, shared_cache, port, clock, background, listener
    )
    queue: providers.Provider[InitializationQueue | None] = providers.Singleton(
        make_queue, settings
    )
    worker: providers.Provider[Worker | None] = providers.Singleton(
        make_worker,
        settings,
        queue,
        port=port,
        catalog=catalog,
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
        port=port,
        shared_cache=shared_cache,
        catalog=catalog,
        notifier=notifier,
        listener=listener,
    )
    integration: providers.Provider[InventoryIntegration[Any]] = providers.Singleton(
        InventoryIntegration,
        lookup=providers.Singleton(StockLookup, port),
        initializer=providers.Singleton(
            Initializer,
            service=providers.Singleton(
                InventoryInitialization,
                port,
                clock,
                settings.provided.deadline,
                queue,
                listener,
            ),
            mapper=mapper,
            initial=settings.provided.initialization,
            new_key=providers.Object(uuid4),
            new_id=providers.Object(new_id),
            can_mark=providers.Callable(can_mark, settings, catalog),
        ),
        clock=clock,
        mapper=mapper,
        breaker=breaker,
        cache_snapshot=port.provided.snapshot,
        budget=budget,
        hits=port,
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
