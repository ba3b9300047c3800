"""`KeyedExecutor`: several things at once, and those with the same key one after the other."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Self


class KeyedExecutor:
    """A scope for work in tasks: in order for one key, and at most `max_concurrency` in all.

    Like the `TaskGroup` that it holds: whatever fails ends all of it, and leaving waits for what
    still runs.

    Args:
        max_concurrency: how much work may be under way, what waits for its lane included.
    """

    def __init__(self, max_concurrency: int) -> None:
        self._max_concurrency = max_concurrency
        self._room = asyncio.Semaphore(max_concurrency)
        self._last: dict[Hashable, asyncio.Task[None]] = {}
        self._tasks = asyncio.TaskGroup()
        self._running = 0

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(exc_type, exc, traceback)

    async def room(self) -> int:
        """How much may be put now: at least 1, after waiting for it."""
        await self._room.acquire()
        self._room.release()
        return self._max_concurrency - self._running

    async def put(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Begin `work` once there is room, and all that was put under `key` before is done."""
        await self._room.acquire()
        self._running += 1
        task = self._tasks.create_task(self._run(self._last.get(key), work))
        self._last[key] = task
        task.add_done_callback(lambda task: self._leave(key, task))

    async def _run(
        self, before: "asyncio.Task[None] | None", work: Callable[[], Awaitable[None]]
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        await work()

    def _leave(self, key: Hashable, task: "asyncio.Task[None]") -> None:
        self._running -= 1
        self._room.release()
        if self._last.get(key) is task:
            del self._last[key]
