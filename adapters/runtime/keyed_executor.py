"""`KeyedExecutor`: runs work concurrently, and the work of one key in order."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Self


class KeyedExecutor:
    """A scope for tasks: in order for one key, and at most `max_concurrency` in all.

    Like the `TaskGroup` that it holds: a failed task ends all others, and leaving waits for the
    tasks that still run.

    Args:
        max_concurrency: how many tasks there may be, those that wait for their key included.
    """

    def __init__(self, max_concurrency: int) -> None:
        self._max_concurrency = max_concurrency
        self._slots = asyncio.Semaphore(max_concurrency)
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

    async def capacity(self) -> int:
        """Wait for a free slot; how many are free: at least 1."""
        await self._slots.acquire()
        self._slots.release()
        return self._max_concurrency - self._running

    async def submit(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for a free slot; then `work` runs after all earlier work of `key`."""
        await self._slots.acquire()
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
        self._slots.release()
        if self._last.get(key) is task:
            del self._last[key]
