"""`InProcessBus`: a message bus inside one process, for demos and tests."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from shelfport.ports.message_bus import (
    FETCH_WAIT,
    REASON,
    Delivery,
    Message,
    Publisher,
    Source,
    discard,
    no_ack,
)


class BusUnavailable(ConnectionError):
    """`InProcessBus.available` is False."""


@attrs.define(eq=False)
class _Queue:
    """Messages in order; a new one ends a wait."""

    messages: deque[tuple[Message, int]] = attrs.field(factory=deque)
    """Each with the number of its deliveries."""
    waiters: set[asyncio.Event] = attrs.field(factory=set)
    """An event for each wait, of the loop that waits."""

    def put(self, message: Message, times: int = 0) -> None:
        self.messages.append((message, times))
        self._end_waits()

    def put_back(self, message: Message, times: int) -> None:
        self.messages.appendleft((message, times))
        self._end_waits()

    async def take(self, most: int) -> list[tuple[Message, int]]:
        if not self.messages:
            arrived = asyncio.Event()
            self.waiters.add(arrived)
            try:
                async with asyncio.timeout(FETCH_WAIT):
                    await arrived.wait()
            except TimeoutError:
                return []
            finally:
                self.waiters.discard(arrived)
        return [self.messages.popleft() for _ in range(min(most, len(self.messages)))]

    def _end_waits(self) -> None:
        for arrived in self.waiters:
            arrived.set()


class InProcessBus:
    """One consumer group's queue, the broadcast, and the dead letters, in memory.

    Pass it to `build(settings, bus=bus)` and publish with `bus.publish`. Messages that a subscriber
    fetched and did not acknowledge go back to the queue when it is closed. One event loop uses it
    at a time.
    """

    def __init__(self) -> None:
        self.available = True
        """Set it to False to make every connection fail, open ones included."""
        self.dead_lettered: list[tuple[Message, str]] = []
        """The dead letters, each with its reason."""
        self._group = _Queue()
        self._broadcasts: list[_Queue] = []

    @property
    def name(self) -> str:
        """See `Bus.name`."""
        return "in-process bus"

    async def publish(self, message: Message) -> None:
        """See `Publisher.publish`.

        Raises:
            BusUnavailable: the bus is not available.
        """
        self._ensure_available()
        self._group.put(message)
        for queue in self._broadcasts:
            queue.put(message)

    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        """See `Bus.consumer_group`."""
        self._ensure_available()
        source = _ConsumerGroup(self, self._group)
        try:
            yield source
        finally:
            source.give_back()

    @asynccontextmanager
    async def broadcast(self) -> AsyncIterator[Source]:
        """See `Bus.broadcast`."""
        self._ensure_available()
        queue = _Queue()
        self._broadcasts.append(queue)
        try:
            yield _Broadcast(self, queue)
        finally:
            self._broadcasts.remove(queue)

    @asynccontextmanager
    async def dead_letters(self) -> AsyncIterator[Source]:
        """See `Bus.dead_letters`."""
        self._ensure_available()
        yield _DeadLetters(self, deque(self.dead_lettered))

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """See `Bus.publisher`."""
        self._ensure_available()
        yield self

    def check(self) -> None:
        """Fail as an open connection does while the bus is unavailable.

        Raises:
            BusUnavailable: the bus is not available.
        """
        self._ensure_available()

    def replay(self, letter: tuple[Message, str]) -> None:
        """Put a dead letter back into the consumer group's queue."""
        self.dead_lettered.remove(letter)
        self._group.put(letter[0])

    def _ensure_available(self) -> None:
        if not self.available:
            raise BusUnavailable("the in-process bus is unavailable")


class _ConsumerGroup:
    def __init__(self, bus: InProcessBus, queue: _Queue) -> None:
        self._bus = bus
        self._queue = queue
        self._unacknowledged: dict[int, tuple[Message, int]] = {}
        self._number = 0

    async def fetch(self, most: int) -> list[Delivery]:
        self._bus.check()
        deliveries = [self._delivery(*taken) for taken in await self._queue.take(most)]
        self._bus.check()
        return deliveries

    def _delivery(self, message: Message, times: int) -> Delivery:
        self._number += 1
        number, times = self._number, times + 1
        self._unacknowledged[number] = (message, times)

        async def ack() -> None:
            self._bus.check()
            del self._unacknowledged[number]

        async def dead_letter(reason: str) -> None:
            await ack()
            self._bus.dead_lettered.append((message, reason))

        return Delivery(message, ack, dead_letter, times)

    def give_back(self) -> None:
        for message, times in reversed(self._unacknowledged.values()):
            self._queue.put_back(message, times)


@attrs.frozen
class _Broadcast:
    bus: InProcessBus
    queue: _Queue

    async def fetch(self, most: int) -> list[Delivery]:
        self.bus.check()
        return [Delivery(message, no_ack, discard) for message, _ in await self.queue.take(most)]


@attrs.frozen
class _DeadLetters:
    bus: InProcessBus
    left: deque[tuple[Message, str]]
    """Those of the start that were not fetched yet: later ones are not replayed."""

    async def fetch(self, most: int) -> list[Delivery]:
        self.bus.check()
        fetched = [self.left.popleft() for _ in range(min(most, len(self.left)))]
        return [self._delivery(letter) for letter in fetched]

    def _delivery(self, letter: tuple[Message, str]) -> Delivery:
        message, reason = letter

        async def ack() -> None:
            self.bus.replay(letter)

        letter_message = attrs.evolve(message, headers={**message.headers, REASON: reason})
        return Delivery(letter_message, ack, discard)
