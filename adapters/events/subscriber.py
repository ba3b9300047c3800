"""`EventSubscriber`: both subscriptions, kept up as long as the integration is open (R7-R13)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from math import inf
from types import TracebackType
from typing import Self

import attrs

from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.events.decode import MalformedEvent, decode_event
from shelfport.adapters.events.handler_retry import HandlerRetry, in_a_sentence
from shelfport.adapters.events.wire import CHANNELS
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.keyed_executor import KeyedExecutor
from shelfport.adapters.runtime.request_context import current_id, request_context
from shelfport.domain.model import InventoryEvent
from shelfport.domain.model.call import clean_id
from shelfport.ports import Clock, Listener
from shelfport.ports.message_bus import Delivery, Source
from shelfport.ports.signals import EventDeadLettered

logger = logging.getLogger("shelfport.events")

_TO_OPEN = 15.0
"""Seconds that a bus may take until a subscription stands."""
_GRACE = 5.0
"""Seconds that events under way get at the end."""


@attrs.frozen(eq=False)
class Subscription:
    """One of the two: where its messages come from, and what is done with each event."""

    name: str
    opened: Callable[[], AbstractAsyncContextManager[Source]]
    handle: Callable[[InventoryEvent], Awaitable[None]]
    counts: SubscriptionCounts
    buried: str = "dead-lettered"
    """What becomes of a message that cannot be handled, for the log."""
    level: int = logging.ERROR
    """How loud the log is about that."""
    listener: Listener | None = None
    """Is told of each such message; None where another subscription tells of the same ones."""


class EventSubscriber:
    """Takes events off the bus, has each handled, and only then acknowledges it.

    What is no event is dead-lettered at once; an event whose handling fails is tried again, and
    dead-lettered with the reason when its attempts are used up. While it is tried again, the
    later events of its variant wait behind it.

    A connection that fails, or cannot be made, is made anew after a pause, for ever. Entering
    waits for none: an integration opens as quickly with its bus away as with its bus there.

    Args:
        subscriptions: what to keep up.
        attempts: how handling is repeated, and the pauses between connections.
        background: owns the tasks; open before this is entered.
        clock: judges timestamps of the future.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        attempts: HandlerRetry,
        background: Background,
        clock: Clock,
    ) -> None:
        self._subscriptions = subscriptions
        self._attempts = attempts
        self._options = attempts.options
        self._background = background
        self._clock = clock
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._stopping = asyncio.Event()
        self._tasks = [
            self._background.start(self._keep_up(s), f"events: {s.name}")
            for s in self._subscriptions
        ]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        _, slow = await asyncio.wait(self._tasks, timeout=_GRACE)
        for task in slow:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_up(self, subscription: Subscription) -> None:
        failures = 0
        counts = subscription.counts
        while not self._stopping.is_set():
            opened_at = inf
            try:
                async with AsyncExitStack() as stack:
                    source = await _stood(stack.enter_async_context(subscription.opened()))
                    counts.connected, counts.trouble = True, None
                    opened_at = self._clock.monotonic()
                    logger.info(
                        "events: subscribed for %s",
                        subscription.name,
                        extra={"event": "inventory.bus", "subscription": subscription.name},
                    )
                    await self._consume(source, subscription)
            except Exception as error:
                held = self._clock.monotonic() - opened_at
                # One that stands and falls at once is no reason to hurry.
                failures = 1 if held > self._options.max_delay else failures + 1
                self._lost(subscription, error)
            finally:
                counts.connected = False
            if not self._stopping.is_set():
                await self._wait(self._attempts.pause(failures))

    def _lost(self, subscription: Subscription, error: Exception) -> None:
        counts, trouble = subscription.counts, in_a_sentence(error)
        # Once an outage, not once an attempt.
        level = logging.DEBUG if counts.trouble is not None else logging.WARNING
        counts.trouble = trouble
        logger.log(
            level,
            "events: no subscription for %s, and it is tried again: %s",
            subscription.name,
            trouble,
            extra={
                "event": "inventory.bus",
                "subscription": subscription.name,
                "detail": str(trouble),
            },
        )

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _consume(self, source: Source, subscription: Subscription) -> None:
        async with KeyedExecutor(self._options.max_concurrency) as lanes:
            while not self._stopping.is_set():
                for delivery in await source.fetch(await lanes.room()):
                    await self._take(delivery, subscription, lanes)

    async def _take(
        self, delivery: Delivery, subscription: Subscription, lanes: KeyedExecutor
    ) -> None:
        message = delivery.message
        try:
            received = decode_event(
                message.body,
                now=self._clock.now(),
                kind=CHANNELS.get(message.channel),
                headers=message.headers,
            )
        except MalformedEvent as error:
            reason = str(error)
            await lanes.put(delivery, lambda: self._bury(delivery, subscription, reason))
            return

        async def work() -> None:
            # One without an id goes by its own: every replica and every repetition has the same.
            correlation_id = clean_id(received.correlation_id) or str(received.event.event_id)
            with request_context(correlation_id=correlation_id, traceparent=received.traceparent):
                await self._handle(received.event, delivery, subscription)

        await lanes.put(received.event.variant_id, work)

    async def _handle(
        self, event: InventoryEvent, delivery: Delivery, subscription: Subscription
    ) -> None:
        if delivery.times is not None and delivery.times > self._options.max_deliveries:
            reason = f"delivered {delivery.times} times, and nobody lived to finish it"
            await self._bury(delivery, subscription, reason, event=event)
            return
        counts = subscription.counts

        def failed() -> None:
            counts.retried += 1

        try:
            await self._attempts.run(lambda: subscription.handle(event), failed)
        except Exception as error:
            reason = f"not handled in {self._options.max_attempts} attempts: {in_a_sentence(error)}"
            await self._bury(delivery, subscription, reason, error, event=event)
        else:
            await delivery.done()

    async def _bury(
        self,
        delivery: Delivery,
        subscription: Subscription,
        reason: str,
        error: Exception | None = None,
        *,
        event: InventoryEvent | None = None,
    ) -> None:
        await delivery.dead(reason)
        subscription.counts.dead_lettered += 1
        if subscription.listener is not None:
            subscription.listener(EventDeadLettered(reason, event, current_id()))
        logger.log(
            subscription.level,
            "events: %s (%s): %s",
            subscription.buried,
            subscription.name,
            reason,
            exc_info=error,
            extra={
                "event": "inventory.dead_letter",
                "subscription": subscription.name,
                "detail": reason,
                "correlation_id": current_id(),
            },
        )


async def _stood(opening: Awaitable[Source]) -> Source:
    try:
        async with asyncio.timeout(_TO_OPEN):
            return await opening
    except TimeoutError as error:
        raise ConnectionError("the bus did not answer in time") from error
