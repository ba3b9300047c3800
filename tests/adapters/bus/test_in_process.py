"""`InProcessBus`: what the conformance suite of buses does not say."""

import asyncio

from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.ports.message_bus import Message


def test_one_loop_after_another() -> None:
    """A bus delivers to a consumer that waits, in one event loop after another."""
    bus = InProcessBus()

    async def deliver() -> int:
        async with bus.consumer_group() as source:
            fetching = asyncio.create_task(source.fetch(1))
            await asyncio.sleep(0.01)
            await bus.publish(Message(channel="inventory.low_stock", body=b"{}", headers={}))
            [delivery] = await fetching
            await delivery.ack()
            return 1

    assert (1, 1) == (asyncio.run(deliver()), asyncio.run(deliver()))
