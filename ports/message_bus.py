"""What a message bus is to shelfport: four things, each open while one connection lasts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import attrs

REASON = "x-shelfport-reason"
"""The header of a dead letter that says why it is one."""

CHANNEL = "x-shelfport-channel"
"""The header of a dead letter that says which channel it came through."""

FETCH_WAIT = 0.25
"""Seconds that `Source.fetch` waits for a first message: how soon a subscription can be closed."""


@attrs.frozen
class Message:
    """What a bus carries; nobody has looked inside yet."""

    body: bytes
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """By their names in lower case; with `content-type`, if the bus knows one."""
    channel: str = ""
    """The address of its channel in inventory-events.asyncapi.yaml, such as
    `inventory.low-stock`: routing key, subject, stream or topic, without a prefix."""
    key: str = ""
    """Messages of one key stay in order on a bus with partitions: the variant's id."""


@attrs.frozen(eq=False)
class Delivery:
    """A message, and how the bus is told what became of it. One of the two is called, once."""

    message: Message
    done: Callable[[], Awaitable[None]]
    """It was handled: the bus forgets it. Until then it is delivered again after a crash."""
    dead: Callable[[str], Awaitable[None]]
    """It cannot be handled, for this reason: it is put away as a dead letter, then forgotten."""
    times: int | None = None
    """How often it was delivered, this time included; None where the bus does not count."""


class Source(Protocol):
    """An open subscription."""

    async def fetch(self, most: int) -> Sequence[Delivery]:
        """Up to `most` messages in the order of the bus; none, if none came within `FETCH_WAIT`.

        Raises:
            Exception: the connection is gone. The source is then of no more use.
        """
        ...


class Publisher(Protocol):
    """Sends messages to where the events' subscribers listen."""

    async def publish(self, message: Message) -> None:
        """Return once the bus has `message` for good.

        Raises:
            Exception: it may not have it.
        """
        ...


class Bus(Protocol):
    """A message bus. Constructing one does no I/O; each of these connects when it is entered.

    A connection is never mended: it fails, and whoever uses it opens another. So there is one rule
    about reconnecting for all buses, in `EventSubscriber`, and none inside them.
    """

    @property
    def name(self) -> str:
        """Which bus and where, for people, without credentials."""
        ...

    def consumer_group(self) -> AbstractAsyncContextManager[Source]:
        """The queue of the group: each message goes to one replica, and is there until it is done.

        Declares what it needs where it is missing. What the group has not handled yet waits for
        it while no replica is there, from the first time that one was.
        """
        ...

    def broadcast(self) -> AbstractAsyncContextManager[Source]:
        """Every message from now on, for this replica alone; lost while it is not connected."""
        ...

    def dead_letters(self) -> AbstractAsyncContextManager[Source]:
        """The group's dead letters, each with its `REASON`.

        `done` puts it back into the work queue; `fetch` gives nothing once they are through.
        """
        ...

    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        """What the Inventory Service does: for the sandbox, and for tests."""
        ...


def dead_letter_headers(message: Message, reason: str) -> dict[str, str]:
    """The headers by which a dead letter says why it is one, and where it came from."""
    return {REASON: reason, CHANNEL: message.channel}


async def nothing() -> None:
    """`done`, where the bus waits for no answer."""


async def discard(_reason: str) -> None:
    """`dead`, where there are no dead letters."""
