"""The durable queue in an SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.queue.sql.row import ENTRY_VERSION
from shelfport.contracts.conformance import InitializationQueueConformance, QueueHarness
from shelfport.outbox import InitializationQueue
from tests.support.queue_cases import an_entry, at, claimed, queued


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/queue.db"


class SqliteHarness(QueueHarness):
    """Several clients of one file; without its folder, a file cannot be opened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def queue(self) -> InitializationQueue:
        return SqlQueue(database(f"sqlite:///{self._folder}/queue.db"))

    def broken(self) -> InitializationQueue:
        return SqlQueue(database(f"sqlite:///{self._folder}/missing/queue.db"))


class TestSqlite(InitializationQueueConformance):
    """A queue in an SQLite file keeps every rule."""

    breaks = True

    @pytest.fixture
    def harness(self, tmp_path: Path) -> SqliteHarness:
        return SqliteHarness(tmp_path)


async def test_it_is_on_the_disk(url: str, tmp_path: Path) -> None:
    """An added entry is in the file: another queue finds it, and plain sqlite3 too."""
    entry = an_entry()
    async with SqlQueue(database(url)) as queue:
        await queued(queue, entry)

    async with SqlQueue(database(url)) as queue:
        assert entry == await queue.find(entry.request.idempotency_key)
    with closing(sqlite3.connect(tmp_path / "queue.db")) as connection:
        assert [(str(entry.request.variant_id), "wal")] == connection.execute(
            "SELECT variant_id, (SELECT * FROM pragma_journal_mode) FROM shelfport_initializations"
        ).fetchall()


async def test_what_is_committed_is_synced(url: str) -> None:
    """A commit is on the disk before it is answered: synchronous is FULL (2)."""
    async with SqlQueue(database(url)) as queue:
        engine = queue._engine
        assert engine is not None
        async with engine.connect() as connection:
            mode = await connection.exec_driver_sql("PRAGMA synchronous")
            assert 2 == mode.scalar()


async def test_an_entry_of_a_later_edition_is_left_alone(url: str, tmp_path: Path) -> None:
    """An entry of a later, unknown version waits for a worker that knows it."""
    async with SqlQueue(database(url)) as queue:
        newer, _known = await queued(queue, an_entry(0), an_entry(1))
        with closing(sqlite3.connect(tmp_path / "queue.db")) as connection, connection:
            connection.execute(
                "UPDATE shelfport_initializations SET entry_version = ? WHERE idempotency_key = ?",
                (ENTRY_VERSION + 1, str(newer)),
            )

        assert [at(1)] == [c.entry.queued_at for c in await claimed(queue, 5, limit=9)]


async def test_closed_it_says_so(url: str) -> None:
    """Used outside `async with`, or entered twice, it raises; it opens nothing before."""
    queue = SqlQueue(database(url))
    with pytest.raises(RuntimeError, match="this queue is not open"):
        await queue.stats()
    async with queue:
        with pytest.raises(RuntimeError, match="is open already"):
            await queue.__aenter__()
    assert f"SqlQueue({url})" == repr(queue)
