"""`InProcessBus`: a message bus inside one process, for demos and tests (a product, not a mock)."""

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
    nothing,
)


class BusAway(ConnectionError):
    """The bus was told to be away."""


@attrs.define(eq=False)
class _Queue:
    """Messages in order; whoever waits for one is woken."""

    messages: deque[tuple[Message, int]] = attrs.field(factory=deque)
    filled: asyncio.Event = attrs.field(factory=asyncio.Event)

    def put(self, message: Message, times: int = 0) -> None:
        self.messages.append((message, times))
        self.filled.set()

    def put_back(self, message: Message, times: int) -> None:
        self.messages.appendleft((message, times))
        self.filled.set()

    async def take(self, most: int) -> list[tuple[Message, int]]:
        if not self.messages:
            self.filled.clear()
            try:
                async with asyncio.timeout(FETCH_WAIT):
                    await self.filled.wait()
            except TimeoutError:
                return []
        return [self.messages.popleft() for _ in range(min(most, len(self.messages)))]


class InProcessBus:
    """One group's work queue, broadcast, and dead letters, in memory.

    Hand it to `build(settings, bus=bus)` and publish with `bus.publish`. What a subscriber took
    and did not finish goes back to the queue when it is closed. Used from one event loop.
    """

    def __init__(self) -> None:
        self.away = False
        """Whether every connection fails, and the open ones with it."""
        self.buried: list[tuple[Message, str]] = []
        """The dead letters, each with its reason."""
        self._work = _Queue()
        self._listening: list[_Queue] = []

    @property
    def name(self) -> str:
        """See `Bus.name`."""
        return "in-process bus"

    async def publish(self, message: Message) -> None:
        """See `Publisher.publish`.

        Raises:
            BusAway: it is.
        """
        self._must_be_there()
        self._work.put(message)
        for queue in self._listening:
            queue.put(message)

    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        """See `Bus.consumer_group`."""
        self._must_be_there()
        source = _WorkSource(self, self._work)
        try:
            yield source
        finally:
            source.give_back()

    @asynccontextmanager
    async def broadcast(self) -> AsyncIterator[Source]:
        """See `Bus.broadcast`."""
        self._must_be_there()
        queue = _Queue()
        self._listening.append(queue)
        try:
            yield _Broadcast(self, queue)
        finally:
            self._listening.remove(queue)

    @asynccontextmanager
    async def dead_letters(self) -> AsyncIterator[Source]:
        """See `Bus.dead_letters`."""
        self._must_be_there()
        yield _DeadLetters(self)

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """See `Bus.publisher`."""
        self._must_be_there()
        yield self

    def check(self) -> None:
        """Fail as an open connection does while the bus is away.

        Raises:
            BusAway: it is.
        """
        self._must_be_there()

    def replay(self, letter: tuple[Message, str]) -> None:
        """Put a dead letter back into the work queue."""
        self.buried.remove(letter)
        self._work.put(letter[0])

    def _must_be_there(self) -> None:
        if self.away:
            raise BusAway("the in-process bus is away")


class _WorkSource:
    def __init__(self, bus: InProcessBus, queue: _Queue) -> None:
        self._bus = bus
        self._queue = queue
        self._taken: dict[int, tuple[Message, int]] = {}
        self._number = 0

    async def fetch(self, most: int) -> list[Delivery]:
        self._bus.check()
        deliveries = [self._taking(*taken) for taken in await self._queue.take(most)]
        self._bus.check()
        return deliveries

    def _taking(self, message: Message, times: int) -> Delivery:
        self._number += 1
        number, times = self._number, times + 1
        self._taken[number] = (message, times)

        async def done() -> None:
            self._bus.check()
            del self._taken[number]

        async def dead(reason: str) -> None:
            await done()
            self._bus.buried.append((message, reason))

        return Delivery(message, done, dead, times)

    def give_back(self) -> None:
        for message, times in reversed(self._taken.values()):
            self._queue.put_back(message, times)


@attrs.frozen
class _Broadcast:
    bus: InProcessBus
    queue: _Queue

    async def fetch(self, most: int) -> list[Delivery]:
        self.bus.check()
        return [Delivery(message, nothing, discard) for message, _ in await self.queue.take(most)]


@attrs.frozen
class _DeadLetters:
    bus: InProcessBus

    async def fetch(self, most: int) -> list[Delivery]:
        return [self._delivery(letter) for letter in self.bus.buried[:most]]

    def _delivery(self, letter: tuple[Message, str]) -> Delivery:
        message, reason = letter

        async def done() -> None:
            self.bus.replay(letter)

        marked = attrs.evolve(message, headers={**message.headers, REASON: reason})
        return Delivery(marked, done, discard)
