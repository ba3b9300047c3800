"""`EventService`: everything between a bus and a host, put together (R7-R13)."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self

from shelfport.adapters.events.cooldown import Cooldown
from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.events.handler_retry import HandlerRetry
from shelfport.adapters.events.handling import EventHandling, unheard
from shelfport.adapters.events.invalidation import Invalidation
from shelfport.adapters.events.notification_options import NotificationOptions
from shelfport.adapters.events.notifiers import LogNotifier, Routed, WebhookNotifier
from shelfport.adapters.events.options import EventOptions
from shelfport.adapters.events.subscriber import EventSubscriber, Subscription
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import StockStatus
from shelfport.ports import CacheInvalidator, Clock, Listener, Notifier, ProductCatalogPort
from shelfport.ports.message_bus import Bus
from shelfport.ports.snapshot import EventsSnapshot


def notifier_of(options: NotificationOptions) -> Notifier:
    """The notifier that the settings name: the log for every kind, and the webhook of each."""
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
    return Routed(routes)


class EventService:
    """Both subscriptions to a bus, with all that they feed; open while the integration is.

    Args:
        bus: where the events come from.
        options: how they are handled.
        notifications: which teams are told, and how often.
        clock: the time.
        targets: the layers that learn from events, innermost first.
        catalog: the host's catalogue; None where it shows no status.
        notifier: tells the teams, at most once a quiet period; None takes the settings'.
        listener: is told what becomes of each event of the work subscription.
    """

    def __init__(
        self,
        bus: Bus,
        options: EventOptions,
        notifications: NotificationOptions,
        *,
        clock: Clock,
        targets: Sequence[CacheInvalidator],
        catalog: ProductCatalogPort | None,
        notifier: Notifier | None,
        listener: Listener = unheard,
    ) -> None:
        self._bus = bus
        # Its own: a last word is told before the webhook's session is closed, or not at all.
        self._background = Background()
        self._catalog, self._invalidation = SubscriptionCounts(), SubscriptionCounts()
        attempts = HandlerRetry(options)
        self._notifier = Cooldown(
            notifier_of(notifications) if notifier is None else notifier,
            cooldown=notifications.cooldown,
            clock=clock,
            background=self._background,
            attempts=attempts,
            remembered=options.dedup_entries,
        )
        handling = EventHandling(
            catalog,
            self._notifier,
            clock,
            self._catalog,
            options.dedup_entries,
            listener=listener,
        )
        invalidation = Invalidation(targets, clock, self._invalidation)
        self._subscriber = EventSubscriber(
            [
                Subscription(
                    "catalog", bus.consumer_group, handling.handle, self._catalog, listener=listener
                ),
                # Work puts the same messages away, and says so, once for all replicas.
                Subscription(
                    "invalidation",
                    bus.broadcast,
                    invalidation.handle,
                    self._invalidation,
                    buried="passed over",
                    level=logging.DEBUG,
                ),
            ],
            attempts,
            self._background,
            clock,
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
        """How both subscriptions stand: no I/O."""
        return EventsSnapshot(
            bus=self._bus.name,
            catalog=self._catalog.snapshot(),
            invalidation=self._invalidation.snapshot(),
        )
