"""Faults of disks and locks: a wait or one clear error, and no entry is lost."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest
from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from shelfport.adapters.queue.sql.database import Sqlite
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.errors import QueueFailed, SchemaDiffers
from tests.support.queue_cases import an_entry, at, claimed, key_of, queued


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


def on(file: Path, options: str = "") -> Sqlite:
    return Sqlite(make_url(f"sqlite:///{file}{options}"), busy_timeout=0.3)


@attrs.frozen
class Limited(Sqlite):
    """An SQLite file on a disk of so many pages of 4 kB."""

    pages: int = 20

    def engine(self) -> AsyncEngine:
        engine = Sqlite.engine(self)

        @event.listens_for(engine.sync_engine, "connect")
        def limit(connection: Any, _: object) -> None:
            connection.execute(f"PRAGMA max_page_count = {self.pages}").close()

        return engine


async def test_a_full_disk(file: Path) -> None:
    """An entry that does not fit is refused with a sentence; stored entries are processed."""
    stored: list[UUID] = []
    url = make_url(f"sqlite:///{file}")
    async with SqlQueue(Limited(url)) as queue:
        failure = None
        while failure is None:
            entry = attrs.evolve(an_entry(len(stored)), last_error="x" * 2000)
            try:
                await queue.add(entry)
                stored.append(key_of(entry))
            except QueueFailed as error:
                failure = error
        assert "cannot grow: the disk is full" in str(failure)
        assert isinstance(failure.__cause__, Exception)
        assert [] != stored

        [claim] = await claimed(queue, 100)
        assert await queue.complete(claim)
        assert stored[1:] == [key_of(e) for e in await queue.entries(limit=1000)]

    async with SqlQueue(Limited(url, pages=1000)) as queue:
        assert await queue.add(entry)
        assert len(stored) == (await queue.stats()).waiting


async def test_a_read_only_file(file: Path) -> None:
    """A read-only file can be read; changes are refused with a sentence."""
    async with SqlQueue(on(file)) as queue:
        [key] = await queued(queue, an_entry())

    read_only = Sqlite(make_url(f"sqlite:///file:{file}?mode=ro&uri=true"))
    async with SqlQueue(read_only) as queue:
        assert await queue.find(key) is not None
        for change in (
            queue.add(an_entry()),
            queue.claim(holder="w", limit=1, now=at(1), lease=1),
            queue.drop(key),
        ):
            with pytest.raises(QueueFailed, match="cannot be written: the file, or its folder, is"):
                await change

    async with SqlQueue(on(file)) as queue:
        assert [key] == [key_of(claim.entry) for claim in await claimed(queue, 1)]


async def test_a_lock_is_waited_for(file: Path) -> None:
    """While another process writes, a change waits for its commit."""
    async with SqlQueue(on(file)) as queue:
        with closing(sqlite3.connect(file, isolation_level=None)) as host:
            host.execute("BEGIN IMMEDIATE")
            adding = asyncio.create_task(queue.add(an_entry()))
            await asyncio.sleep(0.05)
            assert not adding.done()
            host.execute("COMMIT")
            assert await adding


async def test_a_lock_that_lasts(file: Path) -> None:
    """A lock that outlasts the wait is one error, and the next change works."""
    entry = an_entry()
    async with SqlQueue(on(file)) as queue:
        with closing(sqlite3.connect(file, isolation_level=None)) as host:
            host.execute("BEGIN IMMEDIATE")
            with pytest.raises(QueueFailed, match=r"stayed locked by another process for 0\.3 sec"):
                await queue.add(entry)
            assert 0 == (await queue.stats()).waiting
        assert await queue.add(entry)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda file: file.mkdir(), "cannot be opened: the folder must exist"),
        (lambda file: file.write_bytes(b"no database" * 999), "is no SQLite database"),
    ],
)
async def test_what_cannot_be_opened(file: Path, make: Any, words: str) -> None:
    """A folder, or a file of something else, is refused with a sentence, and left as it is."""
    make(file)
    with pytest.raises(QueueFailed, match=words):
        await SqlQueue(on(file)).__aenter__()


async def test_a_lock_at_the_opening(file: Path) -> None:
    """A queue in a file that stays locked opens, and works as soon as the lock is released."""
    with closing(sqlite3.connect(file, isolation_level=None)) as host:
        host.execute("CREATE TABLE product (id)")
        host.execute("BEGIN EXCLUSIVE")
        async with SqlQueue(on(file)) as queue:
            assert queue.migrated is None
            with pytest.raises(QueueFailed, match="stayed locked by another process"):
                await queue.add(an_entry())
            host.execute("ROLLBACK")
            assert await queue.add(an_entry())
            assert queue.migrated is not None


async def test_a_schema_that_is_found_later(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """If the file was locked at the opening, its schema is checked by the first operation."""
    with closing(sqlite3.connect(file, isolation_level=None)) as host:
        host.execute("BEGIN EXCLUSIVE")
        async with SqlQueue(on(file), create_schema=False) as queue:
            host.execute("ROLLBACK")
            with pytest.raises(SchemaDiffers, match="has no tables yet"):
                await queue.stats()
    [record] = caplog.records
    assert ("inventory.queue_away", logging.WARNING) == (vars(record)["event"], record.levelno)
    assert "nothing is queued until it is back" in record.getMessage()


async def test_tables_that_are_gone(file: Path) -> None:
    """If the tables were dropped meanwhile, the error says what to do."""
    async with SqlQueue(on(file)) as queue:
        with closing(sqlite3.connect(file)) as host:
            host.execute("DROP TABLE shelfport_initializations")
        with pytest.raises(QueueFailed, match="has no tables: run `shelfport queue migrate`"):
            await queue.stats()


async def test_a_caller_that_leaves(file: Path) -> None:
    """Cancelled callers leave no connection open: their statements end, and others continue."""
    async with SqlQueue(on(file)) as queue:
        for n in range(20):
            adding = asyncio.create_task(queue.add(an_entry(n)))
            await asyncio.sleep(0)
            adding.cancel()
        assert await queue.add(an_entry(99))
        assert 21 == (await queue.stats()).waiting
