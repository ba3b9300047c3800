"""`EventService`: the subscriptions of one host, with all their parts."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self

from shelfport.adapters.events.cooldown import Cooldown
from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.events.handler import EventHandler, no_listener
from shelfport.adapters.events.handler_retry import HandlerRetry
from shelfport.adapters.events.invalidation import Invalidation
from shelfport.adapters.events.notification_options import NotificationOptions
from shelfport.adapters.events.notifiers import LogNotifier, RoutingNotifier, WebhookNotifier
from shelfport.adapters.events.options import EventOptions
from shelfport.adapters.events.subscriber import EventSubscriber, Subscription
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import IdFormat, StockStatus
from shelfport.ports import CacheInvalidator, Clock, Listener, Notifier, ProductCatalogPort
from shelfport.ports.message_bus import Bus
from shelfport.ports.snapshot import EventsSnapshot


def notifier_of(options: NotificationOptions) -> Notifier:
    """The notifier of the settings: every event to the log, and to the webhook of its kind."""
    log = LogNotifier()
    webhooks = {
        StockStatus.OUT_OF_STOCK: options.out_of_stock_webhook,
        StockStatus.LOW_STOCK: options.low_stock_webhook,
        StockStatus.IN_STOCK: options.back_in_stock_webhook,
    }
    routes: Mapping[StockStatus, Sequence[Notifier]] = {
        status: [log] if url is None else [log, WebhookNotifier(url, options.webhook_timeout)]
        for status, url in webhooks.items()
    }
    return RoutingNotifier(routes)


class EventService:
    """The subscriptions to a bus and their handlers; open as long as the integration is.

    Every process subscribes for cache invalidation. It joins the consumer group only with a catalog
    or a notifier of its own, and if `options.consume` is set: so a script or a report takes no
    event of the group from the processes that handle it.

    Args:
        bus: where the events come from.
        options: how they are handled.
        notifications: which teams are notified, and how often.
        clock: the time.
        targets: the caches that events invalidate, innermost first.
        id_format: what the ids in events look like.
        catalog: the host's catalog; None where it shows no status.
        notifier: notifies the teams, within the cooldown; None takes the settings', which need a
            catalog.
        listener: gets the outcome of each event of the consumer group.
    """

    def __init__(
        self,
        bus: Bus,
        options: EventOptions,
        notifications: NotificationOptions,
        *,
        clock: Clock,
        targets: Sequence[CacheInvalidator],
        id_format: IdFormat = IdFormat.UUID,
        catalog: ProductCatalogPort | None,
        notifier: Notifier | None,
        listener: Listener = no_listener,
    ) -> None:
        self._bus = bus
        # A scope of its own: it ends its tasks before the notifier is closed.
        self._background = Background()
        joins = options.consume and not (catalog is None and notifier is None)
        self._catalog, self._invalidation = SubscriptionCounts(wanted=joins), SubscriptionCounts()
        retry = HandlerRetry(options)
        self._notifier = Cooldown(
            notifier_of(notifications) if notifier is None else notifier,
            cooldown=notifications.cooldown,
            clock=clock,
            background=self._background,
            retry=retry,
            max_variants=options.dedup_entries,
        )
        handler = EventHandler(
            catalog,
            self._notifier,
            clock,
            self._catalog,
            options.dedup_entries,
            listener=listener,
        )
        invalidation = Invalidation(targets, clock, self._invalidation)
        group = Subscription(
            "catalog", bus.consumer_group, handler.handle, self._catalog, listener=listener
        )
        # The consumer group dead-letters the same messages, once for all replicas.
        broadcast = Subscription(
            "invalidation",
            bus.broadcast,
            invalidation.handle,
            self._invalidation,
            disposal="discarded",
            level=logging.DEBUG,
        )
        self._subscriber = EventSubscriber(
            [group, broadcast] if joins else [broadcast],
            retry,
            self._background,
            clock,
            id_format,
        )
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            parts: Sequence[AbstractAsyncContextManager[Any]] = (
                self._notifier,
                self._background,
                self._subscriber,
            )
            for part in parts:
                await stack.enter_async_context(part)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.__aexit__(exc_type, exc, traceback)

    def snapshot(self) -> EventsSnapshot:
        """The state of both subscriptions, without I/O."""
        return EventsSnapshot(
            bus=self._bus.name,
            catalog=self._catalog.snapshot(),
            invalidation=self._invalidation.snapshot(),
        )
