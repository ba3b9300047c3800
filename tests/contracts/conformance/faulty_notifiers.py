"""Notifiers with one fault each, and the honest one, over a receiver in memory."""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import attrs

from shelfport import InventoryEvent, StockStatus
from shelfport.contracts.conformance import NotifierHarness
from shelfport.ports import Notifier
from tests.contracts.conformance.first_loop import FirstLoop


@attrs.define
class Receiver:
    taken: list[UUID] = attrs.field(factory=list)
    seen: set[UUID] = attrs.field(factory=set)
    failing: bool = False
    hanging: bool = False

    async def take(self, event: InventoryEvent) -> None:
        await asyncio.sleep(0)
        if self.hanging:
            await asyncio.sleep(60)
        if self.failing:
            raise ConnectionError("the receiver refuses")
        self.taken.append(event.event_id)


class HonestNotifier:
    """No fault: the base of the others."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver

    async def notify(self, event: InventoryEvent) -> None:
        await self.receiver.take(event)


class FaultyNotifierHarness(NotifierHarness):
    def __init__(self, kind: type[HonestNotifier]) -> None:
        self._kind = kind
        self._receiver = Receiver()

    def notifier(self) -> Notifier:
        return self._kind(self._receiver)

    def received(self) -> Sequence[object]:
        return self._receiver.taken

    async def fail(self, failing: bool) -> None:
        self._receiver.failing = failing

    async def hang(self) -> None:
        self._receiver.hanging = True


class ReadsAFile(HonestNotifier):
    def __init__(self, receiver: Receiver) -> None:
        super().__init__(receiver)
        with Path(os.devnull).open("rb"):
            pass


class MissesAMethod:
    """A notifier that was written for another version of the port."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver


class KnowsTwoKinds(HonestNotifier):
    async def notify(self, event: InventoryEvent) -> None:
        if event.status is not StockStatus.IN_STOCK:
            await super().notify(event)


class RefusesARepetition(HonestNotifier):
    def __init__(self, receiver: Receiver) -> None:
        super().__init__(receiver)
        self.seen: set[UUID] = set()

    async def notify(self, event: InventoryEvent) -> None:
        if event.event_id in self.seen:
            raise ValueError("this event was sent before")
        self.seen.add(event.event_id)
        await super().notify(event)


class RefusesARepetitionEverywhere(HonestNotifier):
    """The table of events that were sent has a unique constraint."""

    async def notify(self, event: InventoryEvent) -> None:
        if event.event_id in self.receiver.seen:
            raise ValueError("UNIQUE constraint failed")
        self.receiver.seen.add(event.event_id)
        await super().notify(event)


class TakesTextOnly(HonestNotifier):
    async def notify(self, event: InventoryEvent) -> None:
        if event.host_id is not None and not isinstance(event.host_id, str):
            raise TypeError(f"{event.host_id!r} is not text")
        await super().notify(event)


class SharesOneVariable(HonestNotifier):
    """Keeps the event in itself, so that a second task replaces it."""

    event: InventoryEvent | None = None

    async def notify(self, event: InventoryEvent) -> None:
        self.event = event
        await asyncio.sleep(0)
        if self.event is not None:
            event, self.event = self.event, None
            await super().notify(event)


class BlocksTheLoop(HonestNotifier):
    async def notify(self, event: InventoryEvent) -> None:
        time.sleep(0.6)  # noqa: ASYNC251 - the fault
        await super().notify(event)


class SwallowsFailures(HonestNotifier):
    async def notify(self, event: InventoryEvent) -> None:
        with suppress(ConnectionError):
            await super().notify(event)


class NotesItAsSentBeforeItIs(HonestNotifier):
    def __init__(self, receiver: Receiver) -> None:
        super().__init__(receiver)
        self.sent: set[UUID] = set()

    async def notify(self, event: InventoryEvent) -> None:
        if event.event_id not in self.sent:
            self.sent.add(event.event_id)
            await super().notify(event)


class SwallowsCancellation(HonestNotifier):
    async def notify(self, event: InventoryEvent) -> None:
        with suppress(asyncio.CancelledError):
            await super().notify(event)


class BelongsToItsFirstLoop(HonestNotifier):
    def __init__(self, receiver: Receiver) -> None:
        super().__init__(receiver)
        self._first_loop = FirstLoop()

    async def notify(self, event: InventoryEvent) -> None:
        await self._first_loop.wait()
        await super().notify(event)


class LeavesATaskBehind(HonestNotifier):
    async def notify(self, event: InventoryEvent) -> None:
        self.task = asyncio.create_task(asyncio.sleep(3600))
        await super().notify(event)
