"""`Cooldown`: flapping stock floods no team, and the last word is told all the same."""

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
class _Told:
    """What the team was told of a variant last."""

    event: InventoryEvent
    until: float
    """The end of its quiet period, on the monotonic clock."""
    last: InventoryEvent | None = None
    """The last event of the period, which waits for its end."""
    last_ids: tuple[str | None, str | None] = (None, None)
    """What tied that one to its cause: correlation id and traceparent."""


class Cooldown:
    """A notifier around a notifier, which is told at most once of a variant in a quiet period.

    The first event of a variant is told at once. What comes within the period after it waits, and
    only the last of it is told at the end, if it says something else than what was told last. That
    last word is this process's own promise: it is acknowledged at the bus, tried again like any
    event, and lost, with an ERROR record, if nobody takes it; and lost if the process ends first.

    Args:
        inner: who is told.
        cooldown: the period, in seconds; 0 tells everything.
        clock: measures it.
        background: owns what waits for its end.
        attempts: how a last word is tried again.
        remembered: how many variants to remember.
    """

    def __init__(
        self,
        inner: Notifier,
        *,
        cooldown: float,
        clock: Clock,
        background: Background,
        attempts: HandlerRetry,
        remembered: int,
    ) -> None:
        self._inner = inner
        self._cooldown = cooldown
        self._clock = clock
        self._background = background
        self._attempts = attempts
        self._told: BoundedDict[ProductVariantId, _Told] = BoundedDict(remembered)

    def __repr__(self) -> str:
        return f"Quiet({self._inner!r})"

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
        told = self._told.get(event.variant_id)
        now = self._clock.monotonic()
        if told is None or now >= told.until:
            await self._inner.notify(event)
            self._told.put(event.variant_id, _Told(event, now + self._cooldown))
        elif event.rank > told.event.rank:
            if told.last is None:
                self._background.start(self._at_the_end(told), "last word on a variant")
            told.last, told.last_ids = event, ambient()

    async def _at_the_end(self, told: _Told) -> None:
        """Tell the last word when the quiet period is over; another period begins with it."""
        await asyncio.sleep(max(0.0, told.until - self._clock.monotonic()))
        last, told.last = told.last, None
        if last is None or last.status is told.event.status:
            return
        told.event, told.until = last, self._clock.monotonic() + self._cooldown
        self._told.put(last.variant_id, told)
        correlation_id, traceparent = told.last_ids
        try:
            # This task began with the first event of the period, and in its context.
            with request_context(correlation_id=correlation_id, traceparent=traceparent):
                await self._attempts.run(lambda: self._inner.notify(last), lambda: None)
        except Exception:
            logger.exception(
                "nobody could be told of event %s, the last word on variant %s",
                last.event_id,
                last.variant_id,
                extra={
                    "event": "inventory.notification_lost",
                    "event_id": str(last.event_id),
                    "variant_id": str(last.variant_id),
                    "correlation_id": clean_id(correlation_id),
                },
            )
