"""Buses inside one process with one fault each, and the honest one."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import attrs

from shelfport.adapters.bus.in_process import BusUnavailable, InProcessBus
from shelfport.contracts.conformance import BusHarness
from shelfport.ports import Bus, Delivery, Message, Source
from shelfport.ports.message_bus import REASON, discard, no_ack
from tests.contracts.conformance.first_loop import FirstLoop

PASSWORD = "hunter2"


class HonestBus(InProcessBus):
    """No fault: the base of the others. They change what a group's source does with a fetch."""

    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        return await source.fetch(most)

    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        async with super().consumer_group() as source:
            yield _Fetches(self, source)


@attrs.frozen
class _Fetches:
    bus: HonestBus
    source: Source

    async def fetch(self, most: int) -> Sequence[Delivery]:
        return await self.bus.fetched(self.source, most)


class FaultyBusHarness(BusHarness):
    secret = PASSWORD

    def __init__(self, kind: type[HonestBus]) -> None:
        self._kind = kind
        self._made: HonestBus | None = None

    def bus(self) -> Bus:
        self._made = self._made or self._kind()
        return self._made

    async def cut(self) -> None:
        assert self._made is not None
        self._made.available = False


class ReadsAFile(FaultyBusHarness):
    """A harness, as the fault is in the constructor, which the other harness calls once."""

    def bus(self) -> Bus:
        with Path(os.devnull).open("rb"):
            return HonestBus()


class SaysItsPassword(HonestBus):
    @property
    def name(self) -> str:
        return f"bus at user:{PASSWORD}@127.0.0.1"


class OpensOnce(HonestBus):
    opened = False

    @asynccontextmanager
    async def broadcast(self) -> AsyncIterator[Source]:
        if self.opened:
            raise BusUnavailable("the connection was closed")
        self.opened = True
        async with super().broadcast() as source:
            yield source


class BelongsToItsFirstLoop(HonestBus):
    def __init__(self) -> None:
        super().__init__()
        self._first_loop = FirstLoop()

    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        await self._first_loop.wait()
        return await super().fetched(source, most)


class HidesABrokenConnection(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        with suppress(BusUnavailable):
            return await super().fetched(source, most)
        return []


class LeavesATaskBehind(HonestBus):
    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        self.task = asyncio.create_task(asyncio.sleep(3600))
        async with super().consumer_group() as source:
            yield source


class DecodesBodies(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        return [
            attrs.evolve(d, message=attrs.evolve(d.message, body=_as_text(d.message.body)))
            for d in await super().fetched(source, most)
        ]


def _as_text(body: bytes) -> bytes:
    return body.decode("utf-8", "replace").encode()


class AddsAPrefix(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        return [
            attrs.evolve(d, message=attrs.evolve(d.message, channel=f"t.{d.message.channel}"))
            for d in await super().fetched(source, most)
        ]


class ReversesTheOrder(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        return list(reversed(await super().fetched(source, most)))


class IgnoresTheLimit(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        return await super().fetched(source, 100)


class WaitsForAMessage(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        while True:
            if found := await super().fetched(source, most):
                return found


class FetchesWhatWasThere(HonestBus):
    """A message that comes later needs a new connection."""

    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        group, self._group = self._group, type(self._group)()
        async with super().consumer_group() as source:
            self._group = group
            yield source


class ForgetsAcknowledgements(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        return [attrs.evolve(d, ack=no_ack) for d in await super().fetched(source, most)]


class AcknowledgesAtOnce(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        deliveries = await super().fetched(source, most)
        for delivery in deliveries:
            await delivery.ack()
        return [attrs.evolve(delivery, ack=no_ack) for delivery in deliveries]


class CountsFromOneAgain(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        return [attrs.evolve(d, delivery_count=1) for d in await super().fetched(source, most)]


class DeliversToEveryReplica(HonestBus):
    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        async with super().broadcast() as source:
            yield source


class LosesWhatNobodyWaitsFor(HonestBus):
    replicas = 0

    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        self.replicas += 1
        async with super().consumer_group() as source:
            yield source
        self.replicas -= 1

    async def publish(self, message: Message) -> None:
        if self.replicas:
            await super().publish(message)


class SharesTheBroadcast(HonestBus):
    """Each message of the broadcast goes to one replica."""

    async def publish(self, message: Message) -> None:
        broadcasts = self._broadcasts
        self._broadcasts = broadcasts[:1]
        await super().publish(message)
        self._broadcasts = broadcasts


class LosesTheHeaders(HonestBus):
    async def publish(self, message: Message) -> None:
        broadcasts, self._broadcasts = self._broadcasts, []
        await super().publish(message)
        self._broadcasts = broadcasts
        for queue in broadcasts:
            queue.put(attrs.evolve(message, headers={}))


class BroadcastsOldMessages(HonestBus):
    def __init__(self) -> None:
        super().__init__()
        self.published: list[Message] = []

    async def publish(self, message: Message) -> None:
        self.published.append(message)
        await super().publish(message)

    @asynccontextmanager
    async def broadcast(self) -> AsyncIterator[Source]:
        async with super().broadcast() as source:
            for message in self.published:
                self._broadcasts[-1].put(message)
            yield source


class BroadcastsFromTheGroup(HonestBus):
    async def publish(self, message: Message) -> None:
        group = self._group
        if self._broadcasts:
            self._group = type(group)()
        await super().publish(message)
        self._group = group


class LosesTheReason(HonestBus):
    @asynccontextmanager
    async def dead_letters(self) -> AsyncIterator[Source]:
        self.dead_lettered = [(message, "") for message, _ in self.dead_lettered]
        async with super().dead_letters() as source:
            yield source


class LeavesDeadLettersInTheGroup(HonestBus):
    async def fetched(self, source: Source, most: int) -> Sequence[Delivery]:
        return [self._kept(d) for d in await super().fetched(source, most)]

    def _kept(self, delivery: Delivery) -> Delivery:
        async def dead_letter(reason: str) -> None:
            self.dead_lettered.append((delivery.message, reason))

        return attrs.evolve(delivery, dead_letter=dead_letter)


class NeverEnds(HonestBus):
    """Dead letters that were only looked at come again and again."""

    @asynccontextmanager
    async def dead_letters(self) -> AsyncIterator[Source]:
        yield _Endless(self)


@attrs.frozen
class _Endless:
    bus: HonestBus

    async def fetch(self, most: int) -> Sequence[Delivery]:
        return [
            Delivery(attrs.evolve(message, headers={REASON: reason}), no_ack, discard)
            for message, reason in self.bus.dead_lettered[:most]
        ]


class DropsWhatIsLookedAt(HonestBus):
    @asynccontextmanager
    async def dead_letters(self) -> AsyncIterator[Source]:
        async with super().dead_letters() as source:
            yield source
        self.dead_lettered.clear()


class ReplaysWithoutTheChannel(HonestBus):
    def replay(self, letter: tuple[Message, str]) -> None:
        self.dead_lettered.remove(letter)
        self._group.put(attrs.evolve(letter[0], channel=""))


class KeepsWhatIsReplayed(HonestBus):
    def replay(self, letter: tuple[Message, str]) -> None:
        self._group.put(letter[0])
