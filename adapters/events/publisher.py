"""`EventPublisher`: an event of the domain, sent as the Inventory Service sends it."""

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
    """`event` as bare JSON with its type, in its channel."""
    payload = wire.StockEventBody(event.event_id, event.occurred_at, event.variant_id)
    return Message(
        body=msgspec.json.encode(payload),
        headers={wire.TYPE: _TYPES[type(event)], "content-type": wire.JSON},
        channel=_ADDRESSES[type(event)],
        key=str(event.variant_id),
    )


class EventPublisher:
    """Publishes events, and connects anew when a connection was lost.

    Args:
        bus: where to.
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
        await self._hang_up()

    async def announce(self, event: InventoryEvent) -> None:
        """Return once the bus has `event` for good.

        Raises:
            Exception: it may not have it; the next call connects anew.
        """
        try:
            if self._publisher is None:
                self._publisher = await self._open.enter_async_context(self._bus.publisher())
            await self._publisher.publish(message_of(event))
        except BaseException:
            await self._hang_up()
            raise

    async def _hang_up(self) -> None:
        self._publisher = None
        await self._open.aclose()
