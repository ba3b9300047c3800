"""The durable queue in PostgreSQL."""

from collections.abc import Iterator
from types import TracebackType

import pytest

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.contracts.conformance import InitializationQueueConformance, QueueHarness
from shelfport.outbox import InitializationQueue
from tests.faults.servers import closed_port
from tests.support.databases import temporary_database


@pytest.fixture(scope="module")
def url(postgres_url: str) -> Iterator[str]:
    with temporary_database(postgres_url) as url:
        yield url


class PostgresHarness(QueueHarness):
    """Several clients of one database; the entries of a case are deleted after it."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        async with self.queue() as queue:
            for entry in await queue.entries():
                await queue.drop(entry.request.idempotency_key)

    def queue(self) -> InitializationQueue:
        return SqlQueue(database(self._url))

    def broken(self) -> InitializationQueue:
        return SqlQueue(database(f"postgresql://postgres@127.0.0.1:{closed_port()}/test"))


class TestPostgres(InitializationQueueConformance):
    """A queue in PostgreSQL keeps every rule."""

    breaks = True

    @pytest.fixture
    def harness(self, url: str) -> PostgresHarness:
        return PostgresHarness(url)
