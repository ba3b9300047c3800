"""Makes the bus and the event service. Without a bus, neither is imported."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from shelfport.adapters.composition.identity import HostMapper, own_in_host_ids
from shelfport.adapters.config.settings import Settings
from shelfport.ports import CacheInvalidator, Clock, Listener, Notifier, ProductCatalogPort

if TYPE_CHECKING:
    from shelfport.adapters.events.service import EventService
    from shelfport.ports.message_bus import Bus
    from shelfport.ports.snapshot import EventsSnapshot


def make_bus(settings: Settings, catalog: object | None, notifier: object | None) -> "Bus | None":
    """The bus at `events.url`, not connected yet; None without a URL.

    A process that notifies and has no catalog gets a consumer group of its own: in the catalog's
    group it would take events whose status the catalog then never shows.
    """
    options = settings.events
    if options.url is None:
        return None
    if catalog is None and notifier is not None:
        group = f"{options.consumer_group}-notifications"
        options = attrs.evolve(options, consumer_group=group)
    from shelfport.adapters.bus.opening import open_bus  # noqa: PLC0415 - only with a bus

    return open_bus(options)


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

    if notifier is None and catalog is not None:
        notifier = own_in_host_ids(notifier_of(settings.notifications), mapper)
    return EventService(
        bus,
        settings.events,
        settings.notifications,
        clock=clock,
        id_format=settings.id_format,
        targets=invalidators,
        catalog=catalog,
        notifier=notifier,
        listener=listener,
    )


def events_snapshot_of(events: "EventService | None") -> "Callable[[], EventsSnapshot] | None":
    """A function that returns the state of the subscriptions; None without a bus."""
    return None if events is None else events.snapshot
