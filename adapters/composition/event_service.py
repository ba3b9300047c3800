"""Makes the bus and the event service. Without a bus, neither is imported."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from shelfport.adapters.composition.identity import HostMapper, own_in_host_ids
from shelfport.adapters.config.settings import Settings
from shelfport.ports import CacheInvalidator, Clock, Listener, Notifier, ProductCatalogPort

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
    invalidators: Sequence[CacheInvalidator],
    catalog: ProductCatalogPort | None,
    notifier: Notifier | None,
    mapper: HostMapper,
    listener: Listener,
) -> "EventService | None":
    """The event service, not started yet; None without a bus."""
    if bus is None:
        return None
    from shelfport.adapters.events.service import (  # noqa: PLC0415 - only with a bus
        EventService,
        notifier_of,
    )

    return EventService(
        bus,
        settings.events,
        settings.notifications,
        clock=clock,
        id_format=settings.id_format,
        targets=invalidators,
        catalog=catalog,
        notifier=notifier or own_in_host_ids(notifier_of(settings.notifications), mapper),
        listener=listener,
    )


def events_snapshot_of(events: "EventService | None") -> "Callable[[], EventsSnapshot] | None":
    """A function that returns the state of the subscriptions; None without a bus."""
    return None if events is None else events.snapshot
