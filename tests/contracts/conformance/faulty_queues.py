"""Queues that store or wake wrongly, one fault each."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import attrs

from shelfport.errors import QueueFailed
from shelfport.outbox import InMemoryQueue, QueuedInitialization, QueueStats
from tests.contracts.conformance.first_loop import FirstLoop


class HonestQueue(InMemoryQueue):
    """No fault: the base of the others. `down` makes it a queue without storage."""

    down = False

    async def add(self, entry: QueuedInitialization) -> bool:
        if self.down:
            raise QueueFailed("the disk is gone") from OSError()
        return await super().add(entry)

    def change(self, key: UUID, **changes: Any) -> None:
        self._rows[key].entry = attrs.evolve(self._rows[key].entry, **changes)


class ReadsAFile(HonestQueue):
    def __init__(self) -> None:
        super().__init__()
        with Path(os.devnull).open("rb"):
            pass


class DropsTheHostsId(HonestQueue):
    async def add(self, entry: QueuedInitialization) -> bool:
        return await super().add(
            attrs.evolve(entry, request=attrs.evolve(entry.request, host_id=None))
        )


class ReplacesAnEntry(HonestQueue):
    async def add(self, entry: QueuedInitialization) -> bool:
        known = await self.drop(entry.request.idempotency_key)
        return await super().add(entry) and not known


class ForgetsAtTheExit(HonestQueue):
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._rows.clear()


class LetsTheDriversErrorOut(HonestQueue):
    async def add(self, entry: QueuedInitialization) -> bool:
        try:
            return await super().add(entry)
        except QueueFailed as error:
            raise OSError("the disk is gone") from error


class CannotDropAClaimedEntry(HonestQueue):
    async def drop(self, key: UUID) -> bool:
        entry = await self.find(key)
        return entry is not None and entry.holder is None and await super().drop(key)


class DropsByVariant(HonestQueue):
    async def drop(self, key: UUID) -> bool:
        entry = await self.find(key)
        for each in await self.entries() if entry is not None else ():
            if entry is not None and each.request.variant_id == entry.request.variant_id:
                await super().drop(each.request.idempotency_key)
        return entry is not None


class CountsOnlyUnheldEntries(HonestQueue):
    async def stats(self) -> QueueStats:
        held = [entry for entry in await self.entries(dead=False) if entry.holder is not None]
        stats = await super().stats()
        return attrs.evolve(stats, waiting=stats.waiting - len(held))


class ListsInAnyOrder(HonestQueue):
    async def entries(
        self, *, dead: bool | None = None, limit: int = 100
    ) -> Sequence[QueuedInitialization]:
        return list(reversed(await super().entries(dead=dead, limit=limit)))


class WakesForNothing(HonestQueue):
    """A new entry waits for the next poll."""

    async def add(self, entry: QueuedInitialization) -> bool:
        wake, self.wake = self.wake, lambda: None  # type: ignore[method-assign]  # the fault
        try:
            return await super().add(entry)
        finally:
            self.wake = wake  # type: ignore[method-assign]  # the fault's end


class CannotBeWoken(HonestQueue):
    def wake(self) -> None:
        if self._wake._waiter is None:
            super().wake()


class LosesAnEarlyWake(HonestQueue):
    async def wait(self, seconds: float) -> None:
        self._wake._is_woken = False
        await super().wait(seconds)


class NeverWaits(HonestQueue):
    async def wait(self, seconds: float) -> None:
        if seconds > 1:
            await super().wait(seconds)


class BelongsToItsFirstLoop(HonestQueue):
    def __init__(self) -> None:
        super().__init__()
        self._first_loop = FirstLoop()

    async def wait(self, seconds: float) -> None:
        await self._first_loop.wait()
        await super().wait(seconds)


class MissesAMethod:
    """A queue that was written for another version of the port."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None
