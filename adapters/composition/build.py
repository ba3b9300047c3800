"""`build`: makes an `InventoryIntegration` from settings and the host's own parts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload
from uuid import UUID

from dependency_injector import providers

from shelfport.adapters.composition.container import Container
from shelfport.adapters.composition.identity import HostMapper
from shelfport.adapters.composition.stack import Layer
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.http import HostSecret
from shelfport.ports import (
    Clock,
    InitializationQueue,
    InventoryPort,
    Listener,
    Notifier,
    ProductCatalogPort,
    ToVariant,
    VariantMapper,
)
from shelfport.ports.message_bus import Bus
from shelfport.ports.shared_store import SharedStore
from shelfport.ports.telemetry import Telemetry

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # For a lambda, whose parameter has no annotation: pyright gives it the bound, and mypy takes
    # the default for what it cannot infer.
    RefT = TypeVar("RefT", bound=Any, default=Any)
else:
    # The default is for type checkers alone: the package does not require typing_extensions.
    from typing import TypeVar

    RefT = TypeVar("RefT")


@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    layers: Sequence[Layer] = (),
    adapter_layers: Sequence[Layer] = (),
    catalog: ProductCatalogPort | None = None,
    notifier: Notifier | None = None,
    queue: InitializationQueue | None = None,
    bus: Bus | None = None,
    shared_store: SharedStore | None = None,
    clock: Clock | None = None,
    secret: HostSecret | None = None,
    listener: Listener | None = None,
    telemetry: Sequence[Telemetry] = (),
) -> InventoryIntegration[UUID | str]: ...
@overload
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    layers: Sequence[Layer] = (),
    adapter_layers: Sequence[Layer] = (),
    catalog: ProductCatalogPort[RefT] | None = None,
    notifier: Notifier | None = None,
    queue: InitializationQueue | None = None,
    bus: Bus | None = None,
    shared_store: SharedStore | None = None,
    clock: Clock | None = None,
    secret: HostSecret | None = None,
    listener: Listener | None = None,
    telemetry: Sequence[Telemetry] = (),
    mapper: VariantMapper[RefT] | ToVariant[RefT],
) -> InventoryIntegration[RefT]: ...
def build(
    settings: Settings | None = None,
    *,
    adapter: InventoryPort | None = None,
    layers: Sequence[Layer] = (),
    adapter_layers: Sequence[Layer] = (),
    catalog: ProductCatalogPort[Any] | None = None,
    notifier: Notifier | None = None,
    queue: InitializationQueue | None = None,
    bus: Bus | None = None,
    shared_store: SharedStore | None = None,
    clock: Clock | None = None,
    secret: HostSecret | None = None,
    listener: Listener | None = None,
    telemetry: Sequence[Telemetry] = (),
    mapper: HostMapper = None,
) -> InventoryIntegration[Any]:
    """Make an `InventoryIntegration`, to be entered with `async with`.

    Args:
        settings: the settings; without them, `load_settings()` reads the environment. They name a
            service (`base_url`) or another adapter (`adapter="memory"`).
        adapter: an `InventoryPort` to use instead of the one that the settings name.
        layers: the host's own layers around all others, the outermost first. They see every call,
            also those that the cache answers; that costs a hit some microseconds.
        adapter_layers: the host's own layers just above the adapter, the outermost first. They see
            every attempt: each request, and nothing that a cache answers.
        catalog: the host's catalog: marks a product as not orderable until its record exists,
            which the policy NOT_ORDERABLE needs, and shows the status that events bring. A process
            without one joins no consumer group, and processes no entry that is NOT_ORDERABLE.
        notifier: sends notifications of events, instead of the log and the settings' webhooks,
            which need a catalog. Without a catalog, it has the consumer group
            `CONSUMER_GROUP-notifications`.
        queue: the queue of initializations, instead of the one at `queue.url`.
        bus: the bus to receive events from, instead of the one at `events.url`.
        shared_store: the store of the shared cache, instead of the one at `shared_cache.url`.
        clock: the time; without it, the system's.
        secret: returns the current bearer token, or with the scheme `api_key` the key, in place of
            one in the settings; a plain function that does not block, or an async one.
        listener: receives the layers' signals, beside the log; may be a plain function.
        telemetry: receives metrics and traces: `shelfport.otel.OpenTelemetry`,
            `shelfport.prometheus.Prometheus`; each object serves one integration.
        mapper: turns the host's own references to variants into ids, and back. A function, which
            leads to ids only, is enough for a host without a catalog and a notifier of its own.
            Without a mapper, the host passes ids, as `UUID` or `str`.

    Raises:
        ValueError: settings are invalid or contradict each other, or name neither a service nor an
            adapter; the message names them.
    """
    given = {
        "settings": settings,
        "adapter": adapter,
        "bus": bus,
        "queue": queue,
        "shared_store": shared_store,
        "clock": clock,
    }
    container = Container(
        **{name: providers.Object(part) for name, part in given.items() if part is not None},
        layers=providers.Object(tuple(layers)),
        adapter_layers=providers.Object(tuple(adapter_layers)),
        mapper=providers.Object(mapper),
        catalog=providers.Object(catalog),
        notifier=providers.Object(notifier),
        secret=providers.Object(secret),
        host_listener=providers.Object(listener),
        telemetry=providers.Object(tuple(telemetry)),
    )
    return container.integration()
