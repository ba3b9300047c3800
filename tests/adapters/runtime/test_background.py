import asyncio

import pytest

from shelfport.adapters.runtime.background import Background


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
