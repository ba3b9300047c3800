"""`EventPublisher`: publishes events as the Inventory Service does."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import msgspec

from shelfport.adapters.events import wire
from shelfport.domain.model import InventoryEvent
from shelfport.ports.message_bus import Bus, Message, Publisher

_ADDRESSES = {kind: address for address, kind in wire.CHANNELS.items()}
_TYPES = {kind: name for name, kind in wire.EVENTS.items()}


def message_of(event: InventoryEvent) -> Message:
    """The message of `event`: bare JSON, its type in a header, for its channel."""
    payload = wire.StockEventBody(event.event_id, event.occurred_at, event.variant_id)
    return Message(
        body=msgspec.json.encode(payload),
        headers={wire.TYPE: _TYPES[type(event)], "content-type": wire.JSON},
        channel=_ADDRESSES[type(event)],
        key=str(event.variant_id),
    )


class EventPublisher:
    """Publishes events, and reconnects after a lost connection.

    Args:
        bus: the bus to publish to.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._open = AsyncExitStack()
        self._publisher: Publisher | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._disconnect()

    async def publish(self, event: InventoryEvent) -> None:
        """Publish `event`; return when the bus has stored it.

        Raises:
            Exception: the bus may not have stored it; the next call reconnects.
        """
        try:
            if self._publisher is None:
                self._publisher = await self._open.enter_async_context(self._bus.publisher())
            await self._publisher.publish(message_of(event))
        except BaseException:
            await self._disconnect()
            raise

    async def _disconnect(self) -> None:
        self._publisher = None
        await self._open.aclose()
