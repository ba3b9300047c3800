"""The composition root: the one place where everything meets.

Construction is synchronous and does no I/O; what needs opening is opened when the
`InventoryIntegration` is entered. Override a provider when making the container
(`Container(adapter=providers.Object(fake))`): one that has been built already does not notice.
"""

import logging
import random
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import UUID, uuid4

from dependency_injector import containers, providers

from shelfport.adapters.background import Background
from shelfport.adapters.clock import SystemClock
from shelfport.adapters.http import HostSecret, HttpInventory, TlsSnapshot
from shelfport.adapters.initializer import Initializer
from shelfport.adapters.integration import InventoryIntegration
from shelfport.adapters.layers import (
    Breaker,
    Cached,
    ChangeFeed,
    Checked,
    Coalesced,
    Deadlined,
    Guarded,
    Limited,
    Observed,
    Retried,
    SecondLevel,
    Shared,
    SharedStore,
    Shelf,
    Split,
)
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.plugged import plugged_adapter
from shelfport.adapters.queueing import make_queue, make_worker
from shelfport.adapters.settings import Settings, SettingsError
from shelfport.adapters.settings_loader import load_settings
from shelfport.adapters.signal_log import log_signal, unfailing
from shelfport.adapters.worker import Worker
from shelfport.domain.model import InitializationPolicy, variant_id
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

if TYPE_CHECKING:
    # Without a bus, nothing of it is imported.
    from shelfport.adapters.bus import Bus
    from shelfport.adapters.bus.embedded import EmbeddedEvents
    from shelfport.adapters.events.counts import EventsSnapshot

RefT = TypeVar("RefT")

logger = logging.getLogger("shelfport.container")


def compose(
    adapter: InventoryPort,
    settings: Settings,
    *,
    clock: Clock,
    background: Background,
    breaker: Breaker,
    listener: Listener,
    second_level: SecondLevel | None = None,
) -> Cached:
    """Put the layers around `adapter`: read it from the outside in.

    Each stands where it stands for a reason, which its own docstring gives. Below `Split`, one
    call is one attempt at one request: there the budget, the limit, the breaker and the records
    count what really goes out.
    """
    return Cached(
        Deadlined(
            Coalesced(
                shared(
                    Split(
                        Retried(
                            Limited(
                                Guarded(
                                    Observed(
                                        trusted(adapter),
                                        clock,
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
                            settings.retry.budget(),
                            random.uniform,
                            listener,
                        ),
                        settings.split,
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
            _new_id,
            settings.deadline,
        ),
        clock,
        Shelf(settings.cache, random.uniform),
        background,
        listener,
    )


def shared(
    inner: InventoryPort,
    settings: Settings,
    clock: Clock,
    background: Background,
    second_level: SecondLevel | None,
) -> InventoryPort:
    """The layer over the cache that replicas share; without such a cache, `inner` alone."""
    if second_level is None:
        return inner
    return Shared(
        inner,
        clock,
        second_level,
        settings.cache,
        background,
        random.uniform,
        lambda: secrets.token_hex(8),
    )


def _new_id() -> str:
    return uuid4().hex


def trusted(adapter: InventoryPort) -> InventoryPort:
    """Our own adapters as they are, since their tests hold them to the port; others checked."""
    ours = isinstance(adapter, HttpInventory | InMemoryInventory)
    return adapter if ours else Checked(adapter)


def _http(settings: Settings, clock: Clock, secret: HostSecret | None = None) -> HttpInventory:
    if settings.base_url is None:
        raise ValueError("base_url is not set: where is the service?")
    if settings.plain_http_to_others:
        logger.warning(
            "requests to %s are not encrypted: allow_plain_http is set", settings.base_url
        )
    return HttpInventory(
        settings.base_url,
        clock=clock,
        options=settings.http,
        tls=settings.tls,
        auth=settings.credentials,
        secret=secret,
    )


def _store(settings: Settings) -> SharedStore | None:
    if settings.shared.url is None:
        return None
    try:
        # Here, so that a missing extra is a sentence, and the default installation needs none.
        from shelfport.adapters.redis import RedisClient, RedisStore  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        raise SettingsError(
            'shared.url is set, but redis is not installed: pip install "shelfport[redis]"'
        ) from error
    client = RedisClient(settings.shared)
    if client.sends_password_in_the_clear:
        logger.warning("the password of %s is not encrypted on the way: use rediss://", client)
    return RedisStore(
        client, settings.shared.prefix, secrets.token_bytes(8), lambda: secrets.token_hex(8)
    )


def _second_level(
    settings: Settings, clock: Clock, background: Background, listener: Listener
) -> SecondLevel | None:
    store = _store(settings)
    if store is None:
        return None
    return SecondLevel(store, settings.shared, clock, background, listener)


def _change_feed(
    second_level: SecondLevel | None,
    memory: Cached,
    clock: Clock,
    background: Background,
    listener: Listener,
) -> ChangeFeed | None:
    if second_level is None:
        return None
    return ChangeFeed(second_level, memory, clock, random.uniform, background, listener)


def _tls_of(adapter: InventoryPort) -> Callable[[], TlsSnapshot | None]:
    return adapter.tls_snapshot if isinstance(adapter, HttpInventory) else lambda: None


def _kind(settings: Settings) -> str:
    return settings.adapter_name if settings.adapter_name in {"http", "memory"} else "plugged"


def _bus(settings: Settings) -> "Bus | None":
    if settings.events.url is None:
        return None
    from shelfport.adapters.bus.opening import open_bus  # noqa: PLC0415 - only with a bus

    return open_bus(settings.events)


def _events(
    bus: "Bus | None",
    settings: Settings,
    *,
    clock: Clock,
    port: InventoryPort,
    second_level: SecondLevel | None,
    catalog: ProductCatalogPort | None,
    notifier: Notifier | None,
    listener: Listener,
) -> "EmbeddedEvents | None":
    if bus is None:
        return None
    from shelfport.adapters.bus.embedded import EmbeddedEvents  # noqa: PLC0415 - only with a bus
    from shelfport.adapters.events.knowledge import layers_that_learn  # noqa: PLC0415 - as above

    return EmbeddedEvents(
        bus,
        settings.events,
        clock=clock,
        # What replicas share first: else it hands out what memory has just fenced.
        targets=(*(() if second_level is None else (second_level,)), *layers_that_learn(port)),
        catalog=catalog,
        notifier=notifier,
        listener=listener,
    )


def _snapshot_of(events: "EmbeddedEvents | None") -> "Callable[[], EventsSnapshot] | None":
    return None if events is None else events.snapshot


def _resources(*parts: object) -> tuple[AbstractAsyncContextManager[Any], ...]:
    """What of `parts` is opened with the integration, in this order; closed the other way round.

    The worker stops and tasks end before the queue and the sessions that they use are closed.
    """
    return tuple(part for part in parts if isinstance(part, AbstractAsyncContextManager))


def _worker(settings: Settings, queue: InitializationQueue | None, **parts: Any) -> Worker | None:
    return None if queue is None else make_worker(settings, queue, **parts)


def _own_worker(settings: Settings, worker: Worker | None) -> Worker | None:
    """The worker, if the integration is to work the queue off itself."""
    return worker if settings.queue.worker else None


def _can_mark(settings: Settings, catalog: ProductCatalogPort | None) -> bool:
    """Whether NOT_ORDERABLE can be kept; of a worker elsewhere, its own process knows."""
    can = catalog is not None or not settings.queue.worker
    if settings.initial.policy is InitializationPolicy.NOT_ORDERABLE and not can:
        raise SettingsError(
            "initial.policy is NOT_ORDERABLE, which needs the host's catalogue: "
            "give one to build(settings, catalog=…)"
        )
    return can


def _store_of(second_level: SecondLevel | None) -> object:
    return None if second_level is None else second_level.store


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
    adapter: providers.Provider[InventoryPort] = providers.Selector(
        providers.Callable(_kind, settings),
        http=providers.Singleton(_http, settings, clock, secret),
        memory=providers.Singleton(InMemoryInventory, clock=clock),
        plugged=providers.Singleton(plugged_adapter, settings, clock),
    )
    catalog: providers.Provider[ProductCatalogPort | None] = providers.Object(None)
    notifier: providers.Provider[Notifier | None] = providers.Object(None)
    bus: "providers.Provider[Bus | None]" = providers.Singleton(_bus, settings)
    listener: providers.Provider[Listener] = providers.Object(log_signal)
    background: providers.Provider[Background] = providers.Singleton(Background)
    breaker: providers.Provider[Breaker] = providers.Singleton(
        Breaker, settings.provided.breaker, providers.Callable(unfailing, listener)
    )
    second_level: providers.Provider[SecondLevel | None] = providers.Singleton(
        _second_level, settings, clock, background, providers.Callable(unfailing, listener)
    )
    port: providers.Provider[Cached] = providers.Singleton(
        compose,
        adapter,
        settings,
        clock=clock,
        background=background,
        breaker=breaker,
        listener=providers.Callable(unfailing, listener),
        second_level=second_level,
    )
    change_feed: providers.Provider[ChangeFeed | None] = providers.Singleton(
        _change_feed,
        second_level,
        port,
        clock,
        background,
        providers.Callable(unfailing, listener),
    )
    queue: providers.Provider[InitializationQueue | None] = providers.Singleton(
        make_queue, settings
    )
    worker: providers.Provider[Worker | None] = providers.Singleton(
        _worker,
        settings,
        queue,
        port=port,
        catalog=catalog,
        breaker=breaker,
        clock=clock,
        new_correlation_id=providers.Object(_new_id),
        listener=providers.Callable(unfailing, listener),
    )
    """Works the queue off: by itself if `queue.worker` is set; else whoever enters it."""
    own_worker: providers.Provider[Worker | None] = providers.Callable(
        _own_worker, settings, worker
    )
    events: "providers.Provider[EmbeddedEvents | None]" = providers.Singleton(
        _events,
        bus,
        settings,
        clock=clock,
        port=port,
        second_level=second_level,
        catalog=catalog,
        notifier=notifier,
        listener=providers.Callable(unfailing, listener),
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
                providers.Callable(unfailing, listener),
            ),
            mapper=mapper,
            initial=settings.provided.initial,
            new_key=providers.Object(uuid4),
            can_mark=providers.Callable(_can_mark, settings, catalog),
        ),
        clock=clock,
        mapper=mapper,
        breaker=breaker,
        tls=providers.Callable(_tls_of, adapter),
        shared=second_level,
        queue=queue,
        worker=own_worker,
        events=providers.Callable(_snapshot_of, events),
        resources=providers.Callable(
            _resources,
            adapter,
            providers.Callable(_store_of, second_level),
            queue,
            background,
            second_level,
            change_feed,
            events,
            own_worker,
        ),
    )


@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    catalog: ProductCatalogPort | None = None,
    notifier: Notifier | None = None,
    bus: "Bus | None" = None,
    secret: HostSecret | None = None,
) -> InventoryIntegration[UUID | str]: ...
@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    catalog: ProductCatalogPort | None = None,
    notifier: Notifier | None = None,
    bus: "Bus | None" = None,
    mapper: VariantMapper[RefT],
    secret: HostSecret | None = None,
) -> InventoryIntegration[RefT]: ...
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    catalog: ProductCatalogPort | None = None,
    notifier: Notifier | None = None,
    bus: "Bus | None" = None,
    mapper: VariantMapper[Any] = variant_id,
    secret: HostSecret | None = None,
) -> InventoryIntegration[Any]:
    """Make an `InventoryIntegration`, to be entered with `async with`.

    Args:
        settings: how it behaves; without them, `load_settings()` reads the environment. Without a
            `base_url`, stock is kept in memory.
        adapter: an `InventoryPort` to use instead of the one that the settings name.
        catalog: the host's catalogue: keeps a product from being ordered until its record is there,
            which the policy NOT_ORDERABLE needs, and shows the status that events tell.
        notifier: tells teams of events, instead of the log and the settings' webhooks.
        bus: where events come from, instead of the settings' `events.url`.
        mapper: turns what the host calls a variant into its id; without it, `UUID` and `str` do.
        secret: gives the bearer token, or with the scheme `api_key` the key, to present now, in
            place of one in the settings; a plain function that does not block, or an async one.

    Raises:
        ValueError: the settings make no sense; the sentence says which and why.
    """
    container = Container(
        settings=providers.Object(load_settings() if settings is None else settings),
        mapper=providers.Object(mapper),
        catalog=providers.Object(catalog),
        notifier=providers.Object(notifier),
        secret=providers.Object(secret),
    )
    if adapter is not None:
        container.adapter.override(providers.Object(adapter))
    if bus is not None:
        container.bus.override(providers.Object(bus))
    return container.integration()
