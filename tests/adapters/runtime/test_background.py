import asyncio
from collections.abc import Callable, Iterator
from contextvars import Context, ContextVar, copy_context
from pathlib import Path

import pytest
from sqlalchemy import event

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.runtime.background import Background
from tests.support.queue_cases import an_entry

_PAGE: ContextVar[str] = ContextVar("page", default="none")


@pytest.fixture
def page() -> Iterator[ContextVar[str]]:
    """A context variable of a host, which is set."""
    token = _PAGE.set("page-17")
    yield _PAGE
    _PAGE.reset(token)


async def value_of(variable: ContextVar[str]) -> str:
    return variable.get()


async def test_tasks_run() -> None:
    """A started task runs by itself, and is counted while it runs."""
    async with Background() as background:
        task = background.start(asyncio.sleep(0, "done"), "work")
        assert 1 == len(background)

        assert "done" == await task
        await asyncio.sleep(0)
        assert 0 == len(background)


async def test_leaving_ends_all() -> None:
    """When the scope is left, every task has ended, clean-up included."""
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    async with Background() as background:
        for name in ("a", "b"):
            background.start(work(name), name)
        await asyncio.sleep(0)

    assert ["a", "b"] == sorted(ended)


async def test_a_failure_ends_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """A failed task is logged with its name, and the others continue."""

    async def failing() -> None:
        raise KeyError("bug")

    async with Background() as background:
        background.start(failing(), "the failing one")
        other = background.start(asyncio.sleep(0.01, "fine"), "other")

        assert "fine" == await other

    assert ["the failing one failed: this is a bug"] == [r.getMessage() for r in caplog.records]
    assert "KeyError: 'bug'" in caplog.text


async def test_never_entered() -> None:
    """A scope that was never entered starts tasks."""
    background = Background()

    assert "done" == await background.start(asyncio.sleep(0, "done"), "work")


async def test_closed() -> None:
    """After its scope was left no task starts, and the message names the task."""
    async with Background() as background:
        pass

    with pytest.raises(RuntimeError, match="work cannot start: its Background scope is not open"):
        background.start(asyncio.sleep(0), "work")


async def test_repr() -> None:
    """The `repr` shows how many tasks run."""
    async with Background() as background:
        background.start(asyncio.sleep(0.01), "work")

        assert "Background(1 tasks)" == repr(background)


async def test_a_task_has_an_empty_context(page: ContextVar[str]) -> None:
    """A task serves others as well: it does not see the context of its starter, nor keep it."""
    async with Background() as background:
        assert "none" == await background.start(value_of(page), "work")

    assert "page-17" == page.get()


async def test_a_task_of_the_caller_alone(page: ContextVar[str]) -> None:
    """Work of the caller alone runs in the context that it is given."""
    async with Background() as background:
        assert "page-17" == await background.start(value_of(page), "work", copy_context())


async def test_what_is_carried(page: ContextVar[str]) -> None:
    """A carrier takes a value of the starter's context into the task's own, and nothing else."""
    span: ContextVar[str] = ContextVar("span", default="none")
    span.set("read")

    def carry() -> Callable[[], object]:
        present = span.get()
        return lambda: span.set(present)

    async with Background([carry]) as background:
        assert "read" == await background.start(value_of(span), "work")
        assert "none" == await background.start(value_of(page), "work")
        assert "none" == await background.start(value_of(span), "work", Context())


async def test_a_statement_has_its_callers_context(page: ContextVar[str], tmp_path: Path) -> None:
    """A statement of the queue runs in its caller's context, for the host's instrumentation."""
    seen: list[str] = []
    async with SqlQueue(database(f"sqlite:///{tmp_path}/queue.db")) as queue:
        assert queue._engine is not None
        event.listen(
            queue._engine.sync_engine,
            "before_cursor_execute",
            lambda *_: seen.append(page.get()),
        )
        await queue.add(an_entry())

    assert {"page-17"} == set(seen)
