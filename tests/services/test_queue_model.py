"""The queue and its worker against the model: in PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.queue.sql.row import TABLE
from shelfport.outbox import InitializationQueue
from tests.properties.queue_model import QueueMachine
from tests.support.queues import own_database


class InPostgres(QueueMachine):
    """The queue on a server."""

    url: ClassVar[str]

    @asynccontextmanager
    async def open_queue(self) -> AsyncIterator[InitializationQueue]:
        async with SqlQueue(database(self.url)) as queue:
            connection = await asyncpg.connect(self.url)
            await connection.execute(f"TRUNCATE {TABLE}")
            await connection.close()
            yield queue


@pytest.fixture(autouse=True)
def machines(postgres_url: str) -> Iterator[None]:
    """A loop and a database for the machines, which hypothesis makes."""
    with asyncio.Runner() as runner:
        own = own_database(postgres_url)
        QueueMachine.runner, InPostgres.url = runner, runner.run(own.__aenter__())
        yield
        runner.run(own.__aexit__(None, None, None))
        asyncio.set_event_loop(None)


TestInPostgres = InPostgres.TestCase
TestInPostgres.settings = settings(
    max_examples=100 if os.environ.get("SHELFPORT_LONG") else 8,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
