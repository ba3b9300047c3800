"""The sandbox's events: announced when the stock of a variant crosses a threshold (R7-R9)."""

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

Publish = Callable[[InventoryEvent], Awaitable[None]]

_AGAIN_AFTER = 0.5
"""Seconds after which an event that could not be published is tried again."""
_GRACE = 1.0
"""Seconds that the last events get at the end."""
_TICK = timedelta(microseconds=1)

logger = logging.getLogger("shelfport.sandbox")


def kind_of(before: StockStatus, after: StockStatus) -> type[InventoryEvent] | None:
    """Which event tells of a change; None for one that nobody announces.

    From out of stock to low is "back in stock": it can be sold again, and it did not fall. From low
    to in stock tells nothing that would change a sale.
    """
    if after is StockStatus.OUT_OF_STOCK:
        return InventoryOutOfStock
    if before is StockStatus.OUT_OF_STOCK:
        return InventoryBackInStock
    return InventoryLowStock if after is StockStatus.LOW_STOCK else None


class Announcements:
    """Publishes events in their order, however long the bus is away; kept in memory.

    Args:
        publish: takes one event to the bus, or raises; None announces nothing.
    """

    def __init__(self, publish: Publish | None) -> None:
        self._publish = publish
        self._queue: asyncio.Queue[InventoryEvent] = asyncio.Queue()
        self._last: dict[ProductVariantId, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to publish."""
        if self._publish is not None:
            self._task = asyncio.create_task(self._run(self._publish), name="sandbox events")

    async def close(self) -> None:
        """Publish what is left, if that takes no longer than a moment."""
        task, self._task = self._task, None
        if task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self._queue.join()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def announce(self, change: StatusChange) -> None:
        """Have the event of `change` published, if one tells of it."""
        kind = kind_of(change.before, change.after)
        if self._task is None or kind is None:
            return
        # Two changes within a tick of the clock are still two, one after the other.
        last = self._last.get(change.variant_id)
        at = change.at if last is None else max(change.at, last + _TICK)
        self._last[change.variant_id] = at
        self._queue.put_nowait(kind(event_id=uuid4(), occurred_at=at, variant_id=change.variant_id))

    async def _run(self, publish: Publish) -> None:
        while True:
            event = await self._queue.get()
            while not await _published(event, publish):  # noqa: ASYNC110 - it asks the bus
                await asyncio.sleep(_AGAIN_AFTER)
            self._queue.task_done()


async def _published(event: InventoryEvent, publish: Publish) -> bool:
    try:
        await publish(event)
    except Exception as error:
        logger.warning(
            "event %s is not published yet: %s: %s", event.event_id, type(error).__name__, error
        )
        return False
    return True
