"""`build`: makes an `InventoryIntegration` from settings and the host's own parts."""

from collections.abc import Sequence
from typing import Any, TypeVar, overload
from uuid import UUID

from dependency_injector import providers

from shelfport.adapters.composition.container import Container
from shelfport.adapters.config.loader import load_settings
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.http import HostSecret
from shelfport.domain.model import variant_id
from shelfport.ports import (
    InventoryPort,
    Listener,
    Notifier,
    ProductCatalogPort,
    VariantMapper,
)
from shelfport.ports.message_bus import Bus
from shelfport.ports.telemetry import Telemetry

RefT = TypeVar("RefT")


@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    catalog: ProductCatalogPort | None = None,
    notifier: Notifier | None = None,
    bus: Bus | None = None,
    secret: HostSecret | None = None,
    listener: Listener | None = None,
    telemetry: Sequence[Telemetry] = (),
) -> InventoryIntegration[UUID | str]: ...
@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    catalog: ProductCatalogPort | None = None,
    notifier: Notifier | None = None,
    bus: Bus | None = None,
    secret: HostSecret | None = None,
    listener: Listener | None = None,
    telemetry: Sequence[Telemetry] = (),
    mapper: VariantMapper[RefT],
) -> InventoryIntegration[RefT]: ...
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    catalog: ProductCatalogPort | None = None,
    notifier: Notifier | None = None,
    bus: Bus | None = None,
    secret: HostSecret | None = None,
    listener: Listener | None = None,
    telemetry: Sequence[Telemetry] = (),
    mapper: VariantMapper[Any] = variant_id,
) -> InventoryIntegration[Any]:
    """Make an `InventoryIntegration`, to be entered with `async with`.

    Args:
        settings: the settings; without them, `load_settings()` reads the environment. Without a
            `base_url`, stock is kept in memory.
        adapter: an `InventoryPort` to use instead of the one that the settings name.
        catalog: the host's catalog: marks a product as not orderable until its record exists,
            which the policy NOT_ORDERABLE needs, and shows the status that events bring.
        notifier: sends notifications of events, instead of the log and the settings' webhooks.
        bus: the bus to receive events from, instead of the one at `events.url`.
        secret: returns the current bearer token, or with the scheme `api_key` the key, in place of
            one in the settings; a plain function that does not block, or an async one.
        listener: receives the layers' signals, beside the log; may be a plain function.
        telemetry: receives metrics and traces: `shelfport.otel.OpenTelemetry`,
            `shelfport.prometheus.Prometheus`; each object serves one integration.
        mapper: turns the host's own reference to a variant into its id; without it, the host passes
            `UUID` or `str`.

    Raises:
        ValueError: settings are invalid or contradict each other; the message names them.
    """
    container = Container(
        settings=providers.Object(load_settings() if settings is None else settings),
        mapper=providers.Object(mapper),
        catalog=providers.Object(catalog),
        notifier=providers.Object(notifier),
        secret=providers.Object(secret),
        host_listener=providers.Object(listener),
        telemetry=providers.Object(tuple(telemetry)),
    )
    if adapter is not None:
        container.adapter.override(providers.Object(adapter))
    if bus is not None:
        container.bus.override(providers.Object(bus))
    return container.integration()
