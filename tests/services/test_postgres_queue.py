"""The durable queue in PostgreSQL."""

from collections.abc import AsyncIterator, Iterator

import pytest

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.outbox import InitializationQueue
from tests.support.databases import temporary_database
from tests.support.queue_cases import QueueCases


@pytest.fixture(scope="module")
def url(postgres_url: str) -> Iterator[str]:
    with temporary_database(postgres_url) as url:
        yield url


class TestPostgres(QueueCases):
    """A queue in PostgreSQL keeps every rule."""

    @pytest.fixture
    async def queue(self, url: str) -> AsyncIterator[InitializationQueue]:
        async with SqlQueue(database(url)) as queue:
            yield queue
            for entry in await queue.entries():
                await queue.drop(entry.request.idempotency_key)

    @pytest.fixture
    async def other(self, url: str, queue: SqlQueue) -> AsyncIterator[InitializationQueue]:
        async with SqlQueue(database(url)) as other:
            yield other
