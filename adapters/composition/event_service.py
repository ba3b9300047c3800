"""Makes the bus and the event service. Without a bus, neither is imported."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from shelfport.adapters.config.settings import Settings
from shelfport.adapters.layers import SharedCacheClient
from shelfport.ports import Clock, InventoryPort, Listener, Notifier, ProductCatalogPort

if TYPE_CHECKING:
    from shelfport.adapters.events.service import EventService
    from shelfport.ports.message_bus import Bus
    from shelfport.ports.snapshot import EventsSnapshot


def make_bus(settings: Settings) -> "Bus | None":
    """The bus at `events.url`, not connected yet; None without a URL."""
    if settings.events.url is None:
        return None
    from shelfport.adapters.bus.opening import open_bus  # noqa: PLC0415 - only with a bus

    return open_bus(settings.events)


def make_events(
    bus: "Bus | None",
    settings: Settings,
    *,
    clock: Clock,
    port: InventoryPort,
    shared_cache: SharedCacheClient | None,
    catalog: ProductCatalogPort | None,
    notifier: Notifier | None,
    listener: Listener,
) -> "EventService | None":
    """The event service, not started yet; None without a bus."""
    if bus is None:
        return None
    from shelfport.adapters.events.invalidation import invalidators_of  # noqa: PLC0415 - as above
    from shelfport.adapters.events.service import EventService  # noqa: PLC0415 - only with a bus

    return EventService(
        bus,
        settings.events,
        settings.notifications,
        clock=clock,
        # The shared cache first: else it would serve a reading that memory has just invalidated.
        targets=(*(() if shared_cache is None else (shared_cache,)), *invalidators_of(port)),
        catalog=catalog,
        notifier=notifier,
        listener=listener,
    )


def events_snapshot_of(events: "EventService | None") -> "Callable[[], EventsSnapshot] | None":
    """A function that returns the state of the subscriptions; None without a bus."""
    return None if events is None else events.snapshot
