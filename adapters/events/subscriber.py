"""`EventSubscriber`: keeps the subscriptions connected, and handles their messages."""

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
from shelfport.domain.model import IdFormat, InventoryEvent
from shelfport.domain.model.call import clean_id
from shelfport.ports import Clock, Listener
from shelfport.ports.message_bus import Delivery, Source
from shelfport.ports.signals import EventDeadLettered

logger = logging.getLogger("shelfport.events")

_OPEN_TIMEOUT = 15.0
"""Seconds that a bus may take to open a subscription."""
_GRACE = 5.0
"""Seconds that the handlers get to finish when the subscriber is closed."""


@attrs.frozen(eq=False)
class Subscription:
    """One subscription: where its messages come from, and the handler of its events."""

    name: str
    open: Callable[[], AbstractAsyncContextManager[Source]]
    handle: Callable[[InventoryEvent], Awaitable[None]]
    counts: SubscriptionCounts
    disposal: str = "dead-lettered"
    """What happens to a message that cannot be handled, for the log."""
    level: int = logging.ERROR
    """The level of that log record."""
    listener: Listener | None = None
    """Gets a signal for each such message; None where another subscription reports the same."""


class EventSubscriber:
    """Fetches events from the bus, handles each, and then acknowledges it.

    A malformed message is dead-lettered at once. An event whose handler fails is tried again, and
    is dead-lettered with the reason after its last attempt. Meanwhile the later events of its
    variant wait, so that the events of a variant are handled in order.

    A lost connection is opened again, with exponential back-off, as long as the subscriber is open.
    Entering does not wait for a connection: an integration opens as quickly without its bus.

    Args:
        subscriptions: the subscriptions to keep connected.
        retry: repeats a failed handler; its delays also apply between connections.
        background: owns the tasks; open before this is entered.
        clock: compared with the events' timestamps.
        id_format: what the ids in events look like.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        retry: HandlerRetry,
        background: Background,
        clock: Clock,
        id_format: IdFormat = IdFormat.UUID,
    ) -> None:
        self._id_format = id_format
        self._subscriptions = subscriptions
        self._retry = retry
        self._options = retry.options
        self._background = background
        self._clock = clock
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._stopping = asyncio.Event()
        self._tasks = [
            self._background.start(self._keep_connected(s), f"events: {s.name}")
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
        _, unfinished = await asyncio.wait(self._tasks, timeout=_GRACE)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_connected(self, subscription: Subscription) -> None:
        failures = 0
        counts = subscription.counts
        while not self._stopping.is_set():
            opened_at = inf
            try:
                async with AsyncExitStack() as stack:
                    source = await _opened(stack.enter_async_context(subscription.open()))
                    counts.connected, counts.trouble = True, None
                    opened_at = self._clock.monotonic()
                    logger.info(
                        "events: subscribed for %s",
                        subscription.name,
                        extra={"event": "inventory.bus", "subscription": subscription.name},
                    )
                    await self._consume(source, subscription)
            except Exception as error:
                lasted = self._clock.monotonic() - opened_at
                # A connection that is lost at once does not reset the back-off.
                failures = 1 if lasted > self._options.max_delay else failures + 1
                self._disconnected(subscription, error)
            finally:
                counts.connected = False
            if not self._stopping.is_set():
                await self._wait(self._retry.delay(failures))

    def _disconnected(self, subscription: Subscription, error: Exception) -> None:
        counts, trouble = subscription.counts, in_a_sentence(error)
        # One WARNING an outage, not one an attempt.
        level = logging.DEBUG if counts.trouble is not None else logging.WARNING
        counts.trouble = trouble
        logger.log(
            level,
            "events: not receiving stock events for %s, reconnecting: %s",
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
        async with KeyedExecutor(self._options.max_concurrency) as executor:
            while not self._stopping.is_set():
                for delivery in await source.fetch(await executor.capacity()):
                    await self._submit(delivery, subscription, executor)

    async def _submit(
        self, delivery: Delivery, subscription: Subscription, executor: KeyedExecutor
    ) -> None:
        message = delivery.message
        try:
            received = decode_event(
                message.body,
                now=self._clock.now(),
                kind=CHANNELS.get(message.channel),
                headers=message.headers,
                id_format=self._id_format,
            )
        except MalformedEvent as error:
            reason = str(error)
            await executor.submit(
                delivery, lambda: self._dead_letter(delivery, subscription, reason)
            )
            return

        async def handle() -> None:
            # An event without a correlation id gets its own id: the same in every replica and
            # delivery.
            correlation_id = clean_id(received.correlation_id) or str(received.event.event_id)
            with request_context(correlation_id=correlation_id, traceparent=received.traceparent):
                await self._handle(received.event, delivery, subscription)

        await executor.submit(received.event.variant_id, handle)

    async def _handle(
        self, event: InventoryEvent, delivery: Delivery, subscription: Subscription
    ) -> None:
        if (count := delivery.delivery_count) is not None and count > self._options.max_deliveries:
            reason = (
                f"delivered {count - 1} times without being acknowledged; its handler may crash "
                "the process"
            )
            await self._dead_letter(delivery, subscription, reason, event=event)
            return
        counts = subscription.counts

        def failed() -> None:
            counts.retried += 1

        try:
            await self._retry.run(lambda: subscription.handle(event), failed)
        except Exception as error:
            reason = f"not handled in {self._options.max_attempts} attempts: {in_a_sentence(error)}"
            await self._dead_letter(delivery, subscription, reason, error, event=event)
        else:
            await delivery.ack()

    async def _dead_letter(
        self,
        delivery: Delivery,
        subscription: Subscription,
        reason: str,
        error: Exception | None = None,
        *,
        event: InventoryEvent | None = None,
    ) -> None:
        await delivery.dead_letter(reason)
        subscription.counts.dead_lettered += 1
        if subscription.listener is not None:
            subscription.listener(EventDeadLettered(reason, event, current_id()))
        logger.log(
            subscription.level,
            "events: %s (%s): %s",
            subscription.disposal,
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


async def _opened(opening: Awaitable[Source]) -> Source:
    try:
        async with asyncio.timeout(_OPEN_TIMEOUT):
            return await opening
    except TimeoutError as error:
        raise ConnectionError("the bus did not answer in time") from error
