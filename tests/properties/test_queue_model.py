"""The queue and its worker against the model: in memory, and in SQLite."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.outbox import InitializationQueue, InMemoryQueue
from tests.properties.queue_model import QueueMachine
from tests.support.queues import sqlite_url


@pytest.fixture(autouse=True)
def loop_for_the_machines(runner: asyncio.Runner) -> Iterator[None]:
    """Hypothesis makes the machines, without fixtures."""
    QueueMachine.runner = runner
    yield
    del QueueMachine.runner


class InMemory(QueueMachine):
    """The queue in memory."""

    @asynccontextmanager
    async def open_queue(self) -> AsyncIterator[InitializationQueue]:
        async with InMemoryQueue() as queue:
            yield queue


class InSqlite(QueueMachine):
    """The queue in a file."""

    @asynccontextmanager
    async def open_queue(self) -> AsyncIterator[InitializationQueue]:
        with tempfile.TemporaryDirectory() as folder:
            async with SqlQueue(database(sqlite_url(Path(folder)))) as queue:
                yield queue


TestInMemory = InMemory.TestCase
TestInMemory.settings = settings(stateful_step_count=30, max_examples=settings().max_examples * 4)
TestInSqlite = InSqlite.TestCase
TestInSqlite.settings = settings(stateful_step_count=20, max_examples=settings().max_examples // 2)
