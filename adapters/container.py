"""The composition root: the one place where everything meets.

Construction is synchronous and does no I/O; what needs opening is opened when the
`InventoryIntegration` is entered. Override a provider when making the container
(`Container(adapter=providers.Object(fake))`): one that has been built already does not notice.
"""

import logging
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, overload
from uuid import UUID, uuid4

from dependency_injector import containers, providers

from shelfport.adapters.background import Background
from shelfport.adapters.clock import SystemClock
from shelfport.adapters.http import HostSecret, HttpInventory, TlsSnapshot
from shelfport.adapters.integration import InventoryIntegration
from shelfport.adapters.layers import (
    Breaker,
    Cached,
    Checked,
    Coalesced,
    Deadlined,
    Guarded,
    Limited,
    Observed,
    Retried,
    Shelf,
    Split,
)
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.plugged import plugged_adapter
from shelfport.adapters.settings import Settings
from shelfport.adapters.settings_loader import load_settings
from shelfport.adapters.signal_log import log_signal, unfailing
from shelfport.domain.model import variant_id
from shelfport.domain.services import InventoryInitialization, StockLookup
from shelfport.ports import Clock, InventoryPort, Listener, VariantMapper

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
) -> InventoryPort:
    """Put the layers around `adapter`: read it from the outside in.

    Each stands where it stands for a reason, which its own docstring gives. Below `Split`, one
    call is one attempt at one request: there the budget, the limit, the breaker and the records
    count what really goes out.
    """
    return Cached(
        Deadlined(
            Coalesced(
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
                clock,
                background,
            ),
            clock,
            lambda: uuid4().hex,
            settings.deadline,
        ),
        clock,
        Shelf(settings.cache, random.uniform),
        background,
        listener,
    )


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


def _tls_of(adapter: InventoryPort) -> Callable[[], TlsSnapshot | None]:
    return adapter.tls_snapshot if isinstance(adapter, HttpInventory) else lambda: None


def _kind(settings: Settings) -> str:
    return settings.adapter_name if settings.adapter_name in {"http", "memory"} else "plugged"


def _resources(
    adapter: InventoryPort, background: Background
) -> tuple[AbstractAsyncContextManager[Any], ...]:
    """What is opened with the integration, in this order; closed the other way round.

    Tasks end before the session that they use is closed.
    """
    if isinstance(adapter, AbstractAsyncContextManager):
        return adapter, background
    return (background,)


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
    listener: providers.Provider[Listener] = providers.Object(log_signal)
    background: providers.Provider[Background] = providers.Singleton(Background)
    breaker: providers.Provider[Breaker] = providers.Singleton(
        Breaker, settings.provided.breaker, providers.Callable(unfailing, listener)
    )
    port: providers.Provider[InventoryPort] = providers.Singleton(
        compose,
        adapter,
        settings,
        clock=clock,
        background=background,
        breaker=breaker,
        listener=providers.Callable(unfailing, listener),
    )
    integration: providers.Provider[InventoryIntegration[Any]] = providers.Singleton(
        InventoryIntegration,
        lookup=providers.Singleton(StockLookup, port),
        initialization=providers.Singleton(InventoryInitialization, port),
        clock=clock,
        mapper=mapper,
        initial=settings.provided.initial,
        new_key=providers.Object(uuid4),
        breaker=breaker,
        tls=providers.Callable(_tls_of, adapter),
        resources=providers.Callable(_resources, adapter, background),
    )


@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    secret: HostSecret | None = None,
) -> InventoryIntegration[UUID | str]: ...
@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    mapper: VariantMapper[RefT],
    secret: HostSecret | None = None,
) -> InventoryIntegration[RefT]: ...
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    mapper: VariantMapper[Any] = variant_id,
    secret: HostSecret | None = None,
) -> InventoryIntegration[Any]:
    """Make an `InventoryIntegration`, to be entered with `async with`.

    Args:
        settings: how it behaves; without them, `load_settings()` reads the environment. Without a
            `base_url`, stock is kept in memory.
        adapter: an `InventoryPort` to use instead of the one that the settings name.
        mapper: turns what the host calls a variant into its id; without it, `UUID` and `str` do.
        secret: gives the bearer token, or with the scheme `api_key` the key, to present now, in
            place of one in the settings; a plain function that does not block, or an async one.

    Raises:
        ValueError: the settings make no sense; the sentence says which and why.
    """
    container = Container(
        settings=providers.Object(load_settings() if settings is None else settings),
        mapper=providers.Object(mapper),
        secret=providers.Object(secret),
    )
    if adapter is not None:
        container.adapter.override(providers.Object(adapter))
    return container.integration()
