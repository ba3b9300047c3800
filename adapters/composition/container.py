"""The composition root: the one place where everything meets.

Construction is synchronous and does no I/O; what needs opening is opened when the
`InventoryIntegration` is entered. Override a provider when making the container
(`Container(adapter=providers.Object(fake))`): one that has been built already does not notice.
How each part is made is in `composition`, a file a part; what it is made of stands here.
"""

import random
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from dependency_injector import containers, providers

from shelfport.adapters.composition import event_service as eventing
from shelfport.adapters.composition import http_adapter, observers
from shelfport.adapters.composition import queue_worker as queueing
from shelfport.adapters.composition import shared_cache as sharing
from shelfport.adapters.composition.plugins import plugged_adapter
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
    # Without a bus, nothing of it is imported.
    from shelfport.adapters.events.service import EventService
    from shelfport.ports.message_bus import Bus

RefT = TypeVar("RefT")


def _kind(settings: Settings) -> str:
    return settings.adapter_name if settings.adapter_name in {"http", "memory"} else "plugged"


def _budget(settings: Settings) -> RetryBudget:
    return settings.retry.budget()


def _resources(*parts: object) -> tuple[AbstractAsyncContextManager[Any], ...]:
    """What of `parts` is opened with the integration, in this order; closed the other way round.

    The worker stops and tasks end before the queue and the sessions that they use are closed; the
    log is left last, and tells what it had left out.
    """
    return tuple(part for part in parts if isinstance(part, AbstractAsyncContextManager))


class Container(containers.DeclarativeContainer):
    """Everything that one `InventoryIntegration` is made of; nest it in the host's own container.

    `wire()` and `@inject` are the host's: nothing in here uses them.
    """

    settings: providers.Provider[Settings] = providers.Dependency(
        instance_of=Settings, default=Settings()
    )
    clock: providers.Provider[Clock] = providers.Singleton(SystemClock)
    mapper: providers.Provider[VariantMapper[Any]] = providers.Object(variant_id)
    secret: providers.Provider[HostSecret | None] = providers.Object(None)
    telemetry: providers.Provider[Sequence[Telemetry]] = providers.Object(())
    adapter: providers.Provider[InventoryPort] = providers.Selector(
        providers.Callable(_kind, settings),
        http=providers.Singleton(
            http_adapter.make_http,
            settings,
            clock,
            secret,
            providers.Callable(observers.make_watch, telemetry),
        ),
        memory=providers.Singleton(InMemoryInventory, clock=clock),
        plugged=providers.Singleton(plugged_adapter, settings, clock),
    )
    catalog: providers.Provider[ProductCatalogPort | None] = providers.Object(None)
    notifier: providers.Provider[Notifier | None] = providers.Object(None)
    bus: "providers.Provider[Bus | None]" = providers.Singleton(eventing.make_bus, settings)
    log: providers.Provider[Listener] = providers.Singleton(
        SampledLog, settings.provided.logs, clock
    )
    own_listener: providers.Provider[Listener | None] = providers.Object(None)
    listener: providers.Provider[Listener] = providers.Singleton(
        observers.make_listener, log, own_listener, telemetry
    )
    """Everybody who hears the layers' signals: the log, the host's own listener, telemetry."""
    background: providers.Provider[Background] = providers.Singleton(Background)
    breaker: providers.Provider[CircuitBreaker] = providers.Singleton(
        CircuitBreaker, settings.provided.breaker, listener, providers.Object(random.uniform)
    )
    budget: providers.Provider[RetryBudget] = providers.Singleton(_budget, settings)
    second_level: providers.Provider[SharedCacheClient | None] = providers.Singleton(
        sharing.make_second_level, settings, clock, background, listener
    )
    port: providers.Provider[CacheLayer] = providers.Singleton(
        compose,
        adapter,
        settings,
        clock=clock,
        background=background,
        breaker=breaker,
        listener=listener,
        second_level=second_level,
        budget=budget,
        tally=providers.Callable(observers.make_tally, telemetry),
    )
    change_feed: providers.Provider[Backplane | None] = providers.Singleton(
        sharing.make_change_feed, second_level, port, clock, background, listener
    )
    queue: providers.Provider[InitializationQueue | None] = providers.Singleton(
        queueing.make_queue, settings
    )
    worker: providers.Provider[Worker | None] = providers.Singleton(
        queueing.make_worker,
        settings,
        queue,
        port=port,
        catalog=catalog,
        breaker=breaker,
        clock=clock,
        new_correlation_id=providers.Object(new_id),
        listener=listener,
    )
    """Works the queue off: by itself if `queue.worker` is set; else whoever enters it."""
    own_worker: providers.Provider[Worker | None] = providers.Callable(
        queueing.own_worker, settings, worker
    )
    events: "providers.Provider[EventService | None]" = providers.Singleton(
        eventing.make_events,
        bus,
        settings,
        clock=clock,
        port=port,
        second_level=second_level,
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
            can_mark=providers.Callable(queueing.can_mark, settings, catalog),
        ),
        clock=clock,
        mapper=mapper,
        breaker=breaker,
        cache=port.provided.snapshot,
        budget=budget,
        memory=port,
        tls=providers.Callable(http_adapter.tls_of, adapter),
        shared=second_level,
        queue=queue,
        worker=own_worker,
        events=providers.Callable(eventing.snapshot_of, events),
        telemetry=telemetry,
        resources=providers.Callable(
            _resources,
            log,
            adapter,
            providers.Callable(sharing.store_of, second_level),
            queue,
            background,
            second_level,
            change_feed,
            events,
            own_worker,
        ),
    )
