"""Events, where there is a bus. Without one, nothing of it is imported."""

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
    """The bus at `events.url`, not open yet; None without one."""
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
    second_level: SharedCacheClient | None,
    catalog: ProductCatalogPort | None,
    notifier: Notifier | None,
    listener: Listener,
) -> "EventService | None":
    """Both subscriptions, not begun yet; None without a bus."""
    if bus is None:
        return None
    from shelfport.adapters.events.invalidation import invalidators_of  # noqa: PLC0415 - as above
    from shelfport.adapters.events.service import EventService  # noqa: PLC0415 - only with a bus

    return EventService(
        bus,
        settings.events,
        settings.notifications,
        clock=clock,
        # What replicas share first: else it hands out what memory has just fenced.
        targets=(*(() if second_level is None else (second_level,)), *invalidators_of(port)),
        catalog=catalog,
        notifier=notifier,
        listener=listener,
    )


def snapshot_of(events: "EventService | None") -> "Callable[[], EventsSnapshot] | None":
    """Reads how the subscriptions stand; None without them."""
    return None if events is None else events.snapshot
