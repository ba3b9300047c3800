"""`Background`: owns the tasks that outlive the call that started them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

Carrier = Callable[[], Callable[[], object]]
"""Takes something from the present context, and returns a function that puts it into another."""

logger = logging.getLogger("shelfport.background")


class Background:
    """A scope for tasks: leaving it cancels the tasks that run and waits for them.

    Unlike in a `TaskGroup`, a failed task ends neither other tasks nor the scope: its exception is
    logged.

    Args:
        carriers: each is called when a task starts, and what it returns is called in the task's
            context: so that a trace goes on in it.
    """

    def __init__(self, carriers: Sequence[Carrier] = ()) -> None:
        self._carriers = carriers
        self._tasks: set[asyncio.Task[Any]] = set()
        self._open: bool | None = None

    def __repr__(self) -> str:
        return f"Background({len(self._tasks)} tasks)"

    def __len__(self) -> int:
        """How many tasks run."""
        return len(self._tasks)

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open = False
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(
        self, work: Coroutine[Any, Any, T], name: str, context: Context | None = None
    ) -> asyncio.Task[T]:
        """Run `work` in a new task with this name.

        It runs in a context of its own, not in its starter's: it outlives the caller that happened
        to start it, and often serves others. `context` is for work of the caller alone.

        A scope that was never entered starts tasks, too: a host may use the layers of one container
        in another one. They end with the event loop.

        Raises:
            RuntimeError: the scope was left.
        """
        if self._open is False:
            work.close()
            raise RuntimeError(f"{name} cannot start: its Background scope is not open")
        task = asyncio.get_running_loop().create_task(
            work, name=name, context=self._own_context() if context is None else context
        )
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _own_context(self) -> Context:
        """Empty but for what the carriers carry."""
        context = Context()
        for carrier in self._carriers:
            context.run(carrier())
        return context

    async def drain(self) -> None:
        """Wait until the tasks that run now have ended by themselves."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            name = task.get_name()
            logger.error(
                "%s failed: this is a bug",
                name,
                exc_info=error,
                extra={"event": "inventory.task_fault", "task": name},
            )
