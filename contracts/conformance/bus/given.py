"""What the cases of a bus share: messages, and fetching until there are enough."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

from shelfport.contracts.conformance.bus.harness import BusHarness
from shelfport.ports import Bus, Delivery, Message, Source

CHANNELS = ("inventory.out-of-stock", "inventory.low-stock", "inventory.back-in-stock")
"""The addresses of the channels in inventory-events.asyncapi.yaml."""
LOW = CHANNELS[1]
PATIENCE = 20.0
"""Seconds until a message must have come; a bus may take a few to give one out again."""
HEADERS = {"content-type": "application/json", "x-correlation-id": "conformance-7f3a"}


def a_message(body: bytes | None = None, channel: str = LOW, key: str = "one") -> Message:
    """A message with a body of its own, unless one is given."""
    return Message(body or uuid4().hex.encode(), HEADERS, channel, key)


def bodies(deliveries: Sequence[Delivery]) -> list[bytes]:
    """The bodies of the messages, in order."""
    return [delivery.message.body for delivery in deliveries]


async def publish(bus: Bus, *messages: Message) -> list[bytes]:
    """The bodies of the messages, which the bus has stored now."""
    async with bus.publisher() as publisher:
        for message in messages:
            await publisher.publish(message)
    return [message.body for message in messages]


async def fetched(source: Source, count: int, *, most: int = 10) -> list[Delivery]:
    """Deliveries, fetched until there are `count` of them; fails after `PATIENCE`."""
    found: list[Delivery] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                found.extend(await source.fetch(most))
    except TimeoutError:
        raise AssertionError(
            f"{len(found)} of {count} messages came within {PATIENCE:g} s"
        ) from None
    return found


async def acknowledged(source: Source, count: int) -> list[Delivery]:
    """`count` deliveries, acknowledged one after the other."""
    found = await fetched(source, count)
    for delivery in found:
        await delivery.ack()
    return found


async def taken(source: Source, times: int = 3) -> list[Delivery]:
    """The deliveries of a few fetches, acknowledged: to show that nothing more comes."""
    found: list[Delivery] = []
    for _ in range(times):
        for delivery in await source.fetch(10):
            await delivery.ack()
            found.append(delivery)
    return found


async def with_group(bus: Bus) -> None:
    """Let the consumer group subscribe once, so that the bus keeps its messages."""
    async with bus.consumer_group():
        pass


async def a_dead_letter(harness: BusHarness, message: Message, reason: str) -> None:
    """Publish `message` and make it a dead letter for `reason`."""
    bus = harness.bus()
    async with bus.consumer_group() as source:
        await publish(bus, message)
        [delivery] = await fetched(source, 1)
        await delivery.dead_letter(reason)


async def letters(source: Source) -> list[Delivery]:
    """The dead letters, up to the end; fails if there is no end."""
    found: list[Delivery] = []
    for _ in range(20):
        deliveries = await source.fetch(2)
        if not deliveries:
            return found
        found.extend(deliveries)
    raise AssertionError("fetch of the dead letters does not come to an end")
