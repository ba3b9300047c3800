import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shelfport.adapters.queue.sql import schema, statements
from shelfport.adapters.queue.sql.database import Database, database
from shelfport.adapters.queue.sql.migration import Migrated, migrate, version_of
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.queue.sql.row import COLUMNS, TABLE, to_row
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.domain.services.queue_policy import must_read_first
from shelfport.errors import QueueFailed
from tests.support.former_queue import (
    FormerQueue,
    check_fields_and_leases,
    check_worked_off,
    former_queue,
)
from tests.support.queue_cases import (
    Counts,
    an_entry,
    at,
    claimed,
    counts_of,
    key_of,
    queued,
)

NEXT = (*schema.SQLITE_STEPS, (f"ALTER TABLE {TABLE} ADD COLUMN tenant TEXT DEFAULT 'shop'",))
"""The steps of a later edition, which does not exist yet."""
NOW = len(schema.SQLITE_STEPS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
def base(file: Path) -> Database:
    return database(f"sqlite:///{file}")


def rows(file: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(statement).fetchall()


async def migrated(base: Database, **options: Any) -> Migrated:
    engine = base.engine()
    try:
        async with engine.connect() as connection:
            return await migrate(connection, base, **options)
    finally:
        await engine.dispose()


async def test_an_empty_database(base: Database, file: Path) -> None:
    """The tables are created once; a second migration changes nothing."""
    assert [Migrated(0, NOW), Migrated(NOW, NOW)] == [await migrated(base), await migrated(base)]
    assert [(NOW,)] == rows(file, "SELECT version FROM shelfport_schema")


async def test_an_older_schema_is_upgraded(base: Database, file: Path) -> None:
    """The entries of a file are there after the upgrade to a later version."""
    async with SqlQueue(base) as queue:
        [key] = await queued(queue, an_entry())

    assert Migrated(NOW, NOW + 1) == await migrated(base, steps=NEXT)
    assert [(str(key), "shop")] == rows(file, f"SELECT idempotency_key, tenant FROM {TABLE}")


def restore(file: Path, version: int) -> None:
    """Make the file that an edition with this version of the schema left."""
    sample = Path(__file__).with_name(f"version_{version}.sql").read_text()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(sample)


async def test_a_sample_of_version_1(base: Database, file: Path) -> None:
    """A file that version 1 created can be opened, and its entries are found."""
    restore(file, 1)

    async with SqlQueue(base) as queue:
        assert Migrated(1, NOW) == queue.migrated
        waiting, dead = await queue.entries()
        assert ("the-host's", True) == (waiting.correlation_id, waiting.marked)
        assert Counts(tries=2) == counts_of(waiting)
        assert dead.dead_letter is not None
        assert ("KEY_REUSED", "the key is another's") == (
            dead.dead_letter.reason.value,
            dead.last_error,
        )
        assert Counts(tries=1, attempts=1) == counts_of(dead)


async def test_a_sample_of_version_2(base: Database, file: Path) -> None:
    """A file that version 2 created keeps its entries: dead, postponed, claimed and new ones."""
    restore(file, 2)

    async with SqlQueue(base) as queue:
        assert Migrated(2, NOW) == queue.migrated
        dead, postponed, held, new = await queue.entries()
        assert dead.dead_letter is not None
        assert ("EXHAUSTED", "busy") == (dead.dead_letter.reason.value, dead.last_error)
        assert ("the-host's", "SKU-2", True, at(60)) == (
            postponed.correlation_id,
            postponed.request.host_id,
            postponed.marked,
            postponed.due_at,
        )
        assert ("host/1", at(68)) == (held.holder, held.due_at)
        assert [
            Counts(tries=2, attempts=2),
            Counts(tries=2),
            Counts(tries=1, claims=1),
            Counts(),
        ] == [counts_of(entry) for entry in (dead, postponed, held, new)]


async def test_a_former_edition_that_still_runs(base: Database, file: Path) -> None:
    """What a former edition stores and claims after the upgrade is read before it is sent.

    Its process has opened the file before, and counts attempts only.
    """
    restore(file, 2)
    async with SqlQueue(base) as queue:
        *_, new = await queue.entries()
        rows(
            file,
            f"UPDATE {TABLE} SET attempts = attempts + 1, holder = 'old', token = 5, due_at = 0 "
            f"WHERE idempotency_key = '{key_of(new)}'",
        )
        stored = former_queue(at(0), host_ids=True)
        with closing(sqlite3.connect(file)) as connection, connection:
            _, postponed, *_ = stored.rows()
            connection.execute(stored.insert_statement("?" * len(postponed)), postponed)

        claims = await claimed(queue, 10, limit=2)

    assert {key_of(new), key_of(stored.postponed)} == {key_of(claim.entry) for claim in claims}
    assert all(must_read_first(claim.entry) for claim in claims)


async def test_a_newer_schema_is_refused(base: Database) -> None:
    """A file of a later edition is not changed, and the sentence says what to do."""
    await migrated(base, steps=NEXT)

    with pytest.raises(
        QueueFailed, match=rf"has schema version {NOW + 1}, .* upgrade shelfport"
    ) as caught:
        await SqlQueue(base).__aenter__()
    assert base.place in str(caught.value)


async def test_nothing_is_made_where_it_is_not_allowed(base: Database, file: Path) -> None:
    """Without create_schema, opening fails, and names the command that migrates."""
    with pytest.raises(QueueFailed, match=r"has no tables yet, .* `shelfport queue migrate`"):
        await SqlQueue(base, create_schema=False).__aenter__()
    assert [] == rows(file, "SELECT name FROM sqlite_master")

    await migrated(base)
    async with SqlQueue(base, create_schema=False) as queue:
        assert 0 == (await queue.stats()).waiting
    with pytest.raises(QueueFailed, match=rf"has schema version {NOW}, .* version {NOW + 1}: run"):
        await migrated(base, steps=NEXT, allowed=False)


async def test_a_step_that_fails_changes_nothing(base: Database, file: Path) -> None:
    """An upgrade is done whole or not at all."""
    await migrated(base)
    broken = (*NEXT, ("THIS IS NO SQL",))

    with pytest.raises(Exception, match="syntax error"):
        await migrated(base, steps=broken)
    assert [(NOW,)] == rows(file, "SELECT version FROM shelfport_schema")
    assert Migrated(NOW, NOW + 1) == await migrated(base, steps=NEXT)


async def test_many_at_once(base: Database) -> None:
    """Processes that start together create the tables once."""
    done = await asyncio.gather(*(migrated(base) for _ in range(5)))

    assert 1 == sum(one.before == 0 for one in done)
    assert {NOW} == {one.after for one in done}


async def test_the_tables_are_as_the_statements_believe(base: Database, file: Path) -> None:
    """The columns in the file are those that statements name, and a new entry fills its own."""
    await migrated(base)

    there = {name for (name,) in rows(file, f"SELECT name FROM pragma_table_info('{TABLE}')")}
    assert {column.name for column in statements.entries.columns} == there
    assert COLUMNS == tuple(to_row(an_entry()))


async def test_a_claim_reads_an_index(base: Database, file: Path) -> None:
    """A claim reads the index of due entries in its order, without sorting."""
    await migrated(base)
    plan = " ".join(
        row[3]
        for row in rows(
            file,
            f"EXPLAIN QUERY PLAN SELECT idempotency_key FROM {TABLE} WHERE dead_at IS NULL AND "
            "due_at <= 5 AND entry_version <= 3 ORDER BY due_at, queued_at LIMIT 4",
        )
    )

    assert f"SEARCH {TABLE} USING INDEX {TABLE}_due" in plan
    assert "TEMP B-TREE" not in plan


async def test_version_of_what_is_not_ours(base: Database, file: Path) -> None:
    """A host's database without our tables has version 0."""
    rows(file, "CREATE TABLE products (id TEXT)")
    engine = base.engine()
    async with engine.connect() as connection:
        assert 0 == await version_of(connection, base)
    await engine.dispose()


former_versions = pytest.mark.parametrize("version", [1, 2])


async def written_by_a_former_edition(base: Database, file: Path, version: int) -> FormerQueue:
    former = former_queue(SystemClock().now(), host_ids=version > 1)
    await former.create_tables(base, schema.SQLITE_STEPS[:version])
    with closing(sqlite3.connect(file)) as connection, connection:
        statement = former.insert_statement("?" * len(former.columns))
        connection.executemany(statement, former.rows())
    assert [(version,)] == rows(file, "SELECT version FROM shelfport_schema")
    return former


@former_versions
async def test_entries_of_a_former_edition_stay(base: Database, file: Path, version: int) -> None:
    """Opening upgrades a file with waiting, held and dead entries, and leases go on."""
    former = await written_by_a_former_edition(base, file, version)

    await check_fields_and_leases(f"sqlite:///{file}", former)
    assert [(NOW,)] == rows(file, "SELECT version FROM shelfport_schema")


@former_versions
async def test_entries_of_a_former_edition_are_done_once(
    base: Database, file: Path, version: int
) -> None:
    """A worker works an upgraded file off: nothing is lost, and nothing is done twice."""
    former = await written_by_a_former_edition(base, file, version)

    await check_worked_off(f"sqlite:///{file}", former)
