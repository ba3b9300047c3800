"""The port to a message bus: subscriptions and publishers, each open for one connection."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import attrs

REASON = "x-shelfport-reason"
"""The header of a dead letter with the reason."""

CHANNEL = "x-shelfport-channel"
"""The header of a dead letter with the message's channel."""

FETCH_WAIT = 0.25
"""Seconds that `Source.fetch` waits for a first message; closing a subscription takes as long."""


@attrs.frozen
class Message:
    """A message of a bus, not decoded yet."""

    body: bytes
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Keys are names in lower case; with `content-type`, if the bus has one."""
    channel: str = ""
    """The address of its channel in inventory-events.asyncapi.yaml, such as
    `inventory.low-stock`: routing key, subject, stream or topic, without a prefix."""
    key: str = ""
    """The variant's id: on a bus with partitions, messages with one key stay in order."""


@attrs.frozen(eq=False)
class Delivery:
    """A message with its acknowledgement: either `ack` or `dead_letter` is called, once."""

    message: Message
    ack: Callable[[], Awaitable[None]]
    """The message was handled: the bus removes it. Without it, the bus delivers it again."""
    dead_letter: Callable[[str], Awaitable[None]]
    """The message cannot be handled, for this reason: it becomes a dead letter."""
    delivery_count: int | None = None
    """How often it was delivered, this time included; None if the bus does not count."""


class Source(Protocol):
    """An open subscription."""

    async def fetch(self, most: int) -> Sequence[Delivery]:
        """Up to `most` messages in the order of the bus; none, if none came within `FETCH_WAIT`.

        Raises:
            Exception: the connection is broken; the source cannot be used any more.
        """
        ...


class Publisher(Protocol):
    """Sends messages to the subscribers of events."""

    async def publish(self, message: Message) -> None:
        """Send `message`, and return once the bus has stored it.

        Raises:
            Exception: the bus may not have stored it.
        """
        ...


class Bus(Protocol):
    """A message bus. Constructing one does no I/O; each context connects when it is entered.

    One bus is used in one event loop after another: it keeps nothing of a loop that ended.
    A broken connection is not repaired: `EventSubscriber` opens a new one. So the rule for
    reconnecting is in one place for all buses.
    """

    @property
    def name(self) -> str:
        """The kind of the bus and its address, without credentials."""
        ...

    def consumer_group(self) -> AbstractAsyncContextManager[Source]:
        """The consumer group: each message goes to one replica, until it is acknowledged.

        It declares the queues or streams that it needs. Once a replica has subscribed, the bus
        keeps the group's messages while no replica is connected.
        """
        ...

    def broadcast(self) -> AbstractAsyncContextManager[Source]:
        """Every message from now on, for this replica; those sent while disconnected are lost."""
        ...

    def dead_letters(self) -> AbstractAsyncContextManager[Source]:
        """The group's dead letters, each with its `REASON`.

        `ack` puts a dead letter back into the group's queue; `fetch` returns none at the end.
        """
        ...

    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        """Publishes events as the Inventory Service does: for the sandbox, and for tests."""
        ...


def dead_letter_headers(message: Message, reason: str) -> dict[str, str]:
    """The headers of a dead letter: its reason, and the message's channel."""
    return {REASON: reason, CHANNEL: message.channel}


async def no_ack() -> None:
    """An `ack` for a bus that needs none."""


async def discard(_reason: str) -> None:
    """A `dead_letter` for a subscription without dead letters: the message is dropped."""
