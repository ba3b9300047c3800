"""The sandbox's stock events: published when the stock of a variant crosses a threshold."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import uuid4

from shelfport.contracts.sandbox.store import StatusChange
from shelfport.domain.model import (
    InventoryBackInStock,
    InventoryEvent,
    InventoryLowStock,
    InventoryOutOfStock,
    ProductVariantId,
    StockStatus,
)

PublishEvent = Callable[[InventoryEvent], Awaitable[None]]

_RETRY_DELAY = 0.5
"""Seconds between two attempts to publish an event."""
_CLOSE_TIMEOUT = 1.0
"""Seconds that `close` waits for the remaining events."""
_TICK = timedelta(microseconds=1)

logger = logging.getLogger("shelfport.sandbox")


def event_type_of(before: StockStatus, after: StockStatus) -> type[InventoryEvent] | None:
    """The type of the event for a change of status; None if the change has no event.

    From out of stock to low is "back in stock", because the variant can be sold again. From low to
    in stock has no event.
    """
    if after is StockStatus.OUT_OF_STOCK:
        return InventoryOutOfStock
    if before is StockStatus.OUT_OF_STOCK:
        return InventoryBackInStock
    return InventoryLowStock if after is StockStatus.LOW_STOCK else None


class StockEvents:
    """Publishes events in order. Events stay in memory while the bus is unavailable.

    Args:
        publish: publishes one event to the bus, or raises; None publishes no events.
    """

    def __init__(self, publish: PublishEvent | None) -> None:
        self._publish = publish
        self._queue: asyncio.Queue[InventoryEvent] = asyncio.Queue()
        self._last: dict[ProductVariantId, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start publishing."""
        if self._publish is not None:
            self._task = asyncio.create_task(self._run(self._publish), name="sandbox events")

    async def close(self) -> None:
        """Publish the remaining events, for at most `_CLOSE_TIMEOUT` seconds, and stop."""
        task, self._task = self._task, None
        if task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._queue.join()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def publish(self, change: StatusChange) -> None:
        """Queue the event of `change`, if it has one."""
        event_type = event_type_of(change.before, change.after)
        if self._task is None or event_type is None:
            return
        # Two changes within one tick of the clock get different, ascending times.
        last = self._last.get(change.variant_id)
        at = change.at if last is None else max(change.at, last + _TICK)
        self._last[change.variant_id] = at
        event = event_type(event_id=uuid4(), occurred_at=at, variant_id=change.variant_id)
        self._queue.put_nowait(event)

    async def _run(self, publish: PublishEvent) -> None:
        while True:
            event = await self._queue.get()
            while not await _try_publish(event, publish):  # noqa: ASYNC110 - it retries
                await asyncio.sleep(_RETRY_DELAY)
            self._queue.task_done()


async def _try_publish(event: InventoryEvent, publish: PublishEvent) -> bool:
    try:
        await publish(event)
    except Exception as error:
        logger.warning(
            "event %s is not published yet: %s: %s", event.event_id, type(error).__name__, error
        )
        return False
    return True
