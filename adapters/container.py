"""The composition root: the one place where everything meets.

Construction is synchronous and does no I/O; what needs opening is opened when the
`InventoryIntegration` is entered. Override a provider when making the container
(`Container(adapter=providers.Object(fake))`): one that has been built already does not notice.
"""

import logging
import random
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, overload
from uuid import UUID, uuid4

from dependency_injector import containers, providers

from shelfport.adapters.background import Background
from shelfport.adapters.clock import SystemClock
from shelfport.adapters.http import HttpInventory
from shelfport.adapters.http.exchange import Unwatched, Watch
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
    Tally,
)
from shelfport.adapters.listeners import Listeners
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.plugged import plugged_adapter
from shelfport.adapters.sampled_log import SampledLog
from shelfport.adapters.settings import Settings
from shelfport.adapters.settings_loader import load_settings
from shelfport.adapters.telemetry import Telemetry
from shelfport.adapters.telemetry.fan_out import FanOut
from shelfport.domain.model import RetryBudget, variant_id
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
    budget: RetryBudget | None = None,
    tally: Tally | None = None,
) -> Cached:
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
        tally or Tally(),
    )


def trusted(adapter: InventoryPort) -> InventoryPort:
    """Our own adapters as they are, since their tests hold them to the port; others checked."""
    ours = isinstance(adapter, HttpInventory | InMemoryInventory)
    return adapter if ours else Checked(adapter)


def _http(settings: Settings, clock: Clock, watch: Watch = Unwatched) -> HttpInventory:
    if settings.base_url is None:
        raise ValueError("base_url is not set: where is the service?")
    if settings.plain_http_to_others:
        logger.warning(
            "requests to %s are not encrypted: allow_plain_http is set",
            settings.base_url,
            extra={"event": "inventory.plain_http", "base_url": settings.base_url},
        )
    return HttpInventory(
        settings.base_url, clock=clock, options=settings.http, token=settings.token, watch=watch
    )


def _budget(settings: Settings) -> RetryBudget:
    return settings.retry.budget()


def _kind(settings: Settings) -> str:
    return settings.adapter_name if settings.adapter_name in {"http", "memory"} else "plugged"


def _heard_by(log: Listener, listener: Listener | None, telemetry: Sequence[Telemetry]) -> Listener:
    further = () if listener is None else (listener,)
    return Listeners((log, *further, *(one.signal for one in telemetry)))


def _watch(telemetry: Sequence[Telemetry]) -> Watch:
    return FanOut(tuple(telemetry)).exchange if telemetry else Unwatched


def _tally(telemetry: Sequence[Telemetry]) -> Tally:
    return Tally(FanOut(tuple(telemetry)).page_age) if telemetry else Tally()


def _resources(
    adapter: InventoryPort, background: Background, log: Listener
) -> tuple[AbstractAsyncContextManager[Any], ...]:
    """What is opened with the integration, in this order; closed the other way round.

    Tasks end before the session that they use is closed.
    """
    resources = (log, adapter, background)
    return tuple(r for r in resources if isinstance(r, AbstractAsyncContextManager))


class Container(containers.DeclarativeContainer):
    """Everything that one `InventoryIntegration` is made of; nest it in the host's own container.

    `wire()` and `@inject` are the host's: nothing in here uses them.
    """

    settings: providers.Provider[Settings] = providers.Dependency(
        instance_of=Settings, default=Settings()
    )
    clock: providers.Provider[Clock] = providers.Singleton(SystemClock)
    mapper: providers.Provider[VariantMapper[Any]] = providers.Object(variant_id)
    telemetry: providers.Provider[Sequence[Telemetry]] = providers.Object(())
    adapter: providers.Provider[InventoryPort] = providers.Selector(
        providers.Callable(_kind, settings),
        http=providers.Singleton(_http, settings, clock, providers.Callable(_watch, telemetry)),
        memory=providers.Singleton(InMemoryInventory, clock=clock),
        plugged=providers.Singleton(plugged_adapter, settings, clock),
    )
    log: providers.Provider[Listener] = providers.Singleton(
        SampledLog, settings.provided.logs, clock
    )
    own_listener: providers.Provider[Listener | None] = providers.Object(None)
    listener: providers.Provider[Listener] = providers.Singleton(
        _heard_by, log, own_listener, telemetry
    )
    """Everybody who hears the layers' signals: the log, the host's own listener, telemetry."""
    background: providers.Provider[Background] = providers.Singleton(Background)
    breaker: providers.Provider[Breaker] = providers.Singleton(
        Breaker, settings.provided.breaker, listener
    )
    budget: providers.Provider[RetryBudget] = providers.Singleton(_budget, settings)
    port: providers.Provider[Cached] = providers.Singleton(
        compose,
        adapter,
        settings,
        clock=clock,
        background=background,
        breaker=breaker,
        budget=budget,
        tally=providers.Callable(_tally, telemetry),
        listener=listener,
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
        cache=port.provided.snapshot,
        budget=budget,
        telemetry=telemetry,
        resources=providers.Callable(_resources, adapter, background, log),
    )


@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    listener: Listener | None = None,
    telemetry: Sequence[Telemetry] = (),
) -> InventoryIntegration[UUID | str]: ...
@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    listener: Listener | None = None,
    telemetry: Sequence[Telemetry] = (),
    mapper: VariantMapper[RefT],
) -> InventoryIntegration[RefT]: ...
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    listener: Listener | None = None,
    telemetry: Sequence[Telemetry] = (),
    mapper: VariantMapper[Any] = variant_id,
) -> InventoryIntegration[Any]:
    """Make an `InventoryIntegration`, to be entered with `async with`.

    Args:
        settings: how it behaves; without them, `load_settings()` reads the environment. Without a
            `base_url`, stock is kept in memory.
        adapter: an `InventoryPort` to use instead of the one that the settings name.
        listener: hears what the layers do, beside the log: a plain function will do.
        telemetry: where figures and traces go: `shelfport.otel.OpenTelemetry`,
            `shelfport.prometheus.Prometheus`; one object for one integration.
        mapper: turns what the host calls a variant into its id; without it, `UUID` and `str` do.

    Raises:
        ValueError: the settings make no sense; the sentence says which and why.
    """
    container = Container(
        settings=providers.Object(load_settings() if settings is None else settings),
        mapper=providers.Object(mapper),
        own_listener=providers.Object(listener),
        telemetry=providers.Object(tuple(telemetry)),
    )
    if adapter is not None:
        container.adapter.override(providers.Object(adapter))
    return container.integration()
