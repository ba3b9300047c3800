"""`Cooldown`: a notifier that notifies at most once a period for each variant."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

import attrs

from shelfport.adapters.events.handler_retry import HandlerRetry
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.bounded_dict import BoundedDict
from shelfport.adapters.runtime.request_context import ambient, request_context
from shelfport.domain.model import InventoryEvent, ProductVariantId
from shelfport.domain.model.call import clean_id
from shelfport.ports import Clock, Notifier

logger = logging.getLogger("shelfport.events")


@attrs.define(eq=False)
class _Period:
    """The cooldown of one variant."""

    notified: InventoryEvent
    """The event of the last notification."""
    ends_at: float
    """On the monotonic clock."""
    latest: InventoryEvent | None = None
    """The latest event since then, which waits for the end of the cooldown."""
    latest_ids: tuple[str | None, str | None] = (None, None)
    """The correlation id and traceparent of `latest`."""


class Cooldown:
    """A notifier around a notifier, which limits the notifications of flapping stock.

    The first event of a variant is notified at once, and begins its cooldown. Later events wait for
    its end; then the latest one is notified, if its status differs from the last notification, and
    another cooldown begins. An event that waits is acknowledged at the bus already: this process
    retries its notification as often as an event's, and logs an ERROR if all attempts fail. It is
    lost if the process ends first.

    Args:
        inner: sends the notifications.
        cooldown: the period, in seconds; with 0 every event is notified.
        clock: measures the period.
        background: owns the tasks that wait for the end of a cooldown.
        retry: retries a notification at the end of a cooldown.
        max_variants: how many variants to remember.
    """

    def __init__(
        self,
        inner: Notifier,
        *,
        cooldown: float,
        clock: Clock,
        background: Background,
        retry: HandlerRetry,
        max_variants: int,
    ) -> None:
        self._inner = inner
        self._cooldown = cooldown
        self._clock = clock
        self._background = background
        self._retry = retry
        self._periods: BoundedDict[ProductVariantId, _Period] = BoundedDict(max_variants)

    def __repr__(self) -> str:
        return f"Cooldown({self._inner!r})"

    async def __aenter__(self) -> Self:
        if isinstance(self._inner, AbstractAsyncContextManager):
            await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(self._inner, AbstractAsyncContextManager):
            await self._inner.__aexit__(exc_type, exc, traceback)

    async def notify(self, event: InventoryEvent) -> None:
        """See `Notifier.notify`."""
        period = self._periods.get(event.variant_id)
        now = self._clock.monotonic()
        if period is None or now >= period.ends_at:
            await self._inner.notify(event)
            self._periods.put(event.variant_id, _Period(event, now + self._cooldown))
        elif event.rank > period.notified.rank:
            if period.latest is None:
                self._background.start(self._notify_at_end(period), "notification after cooldown")
            period.latest, period.latest_ids = event, ambient()

    async def _notify_at_end(self, period: _Period) -> None:
        """Notify the latest event when the cooldown is over; another cooldown begins."""
        await asyncio.sleep(max(0.0, period.ends_at - self._clock.monotonic()))
        latest, period.latest = period.latest, None
        if latest is None or latest.status is period.notified.status:
            return
        period.notified, period.ends_at = latest, self._clock.monotonic() + self._cooldown
        self._periods.put(latest.variant_id, period)
        correlation_id, traceparent = period.latest_ids
        try:
            # This task runs in the context of the first event that waited.
            with request_context(correlation_id=correlation_id, traceparent=traceparent):
                await self._retry.run(lambda: self._inner.notify(latest), lambda: None)
        except Exception:
            logger.exception(
                "the notification of event %s is lost: the latest status of variant %s after the "
                "cooldown",
                latest.event_id,
                latest.variant_id,
                extra={
                    "event": "inventory.notification_lost",
                    "event_id": str(latest.event_id),
                    "variant_id": str(latest.variant_id),
                    "correlation_id": clean_id(correlation_id),
                },
            )
