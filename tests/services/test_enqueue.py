"""Transactional enqueue on PostgreSQL, and the refusals."""

from collections.abc import AsyncIterator

import asyncpg
import attrs
import psycopg
import pytest

from shelfport.outbox import enqueue_asyncpg, enqueue_psycopg, enqueue_psycopg_async
from tests.support.enqueuing import OF_POSTGRES, Host, by_asyncpg
from tests.support.queues import an_entry, found, own_database, products, with_tables

hosts = pytest.mark.parametrize("host", OF_POSTGRES, ids=lambda host: host.__name__)
ALONE = "no transaction is open on this connection"


@pytest.fixture
async def url(postgres_url: str) -> AsyncIterator[str]:
    async with own_database(postgres_url) as own:
        yield await with_tables(own)


@hosts
async def test_hosts(url: str, host: Host) -> None:
    """Product and entry are rolled back together, or committed, and a worker finds the entry.

    An entry under a key that is stored already is left alone, and the host can still commit.
    """
    entry = an_entry()
    key = str(entry.request.idempotency_key)

    assert await host(url, entry, False)
    assert ([], []) == (await products(url), await found(url))

    assert await host(url, entry, True)
    assert [key] == await products(url)
    connection = await asyncpg.connect(url)
    await connection.execute("DELETE FROM product")
    await connection.close()

    assert not await host(url, attrs.evolve(an_entry(), request=entry.request), True)
    assert [key] == await products(url)
    assert [entry] == await found(url)


async def test_asyncpg_outside_a_transaction(url: str) -> None:
    """Outside `transaction()`, where asyncpg commits each statement, the entry is refused."""
    connection = await asyncpg.connect(url)
    with pytest.raises(RuntimeError, match=ALONE):
        await enqueue_asyncpg(connection, an_entry())
    await connection.close()


async def test_psycopg_in_autocommit(url: str) -> None:
    """In autocommit mode the entry is refused until a transaction is open."""
    entry = an_entry()
    with psycopg.connect(url, autocommit=True) as connection:
        with pytest.raises(RuntimeError, match=ALONE):
            enqueue_psycopg(connection, entry)
        with connection.transaction():
            assert enqueue_psycopg(connection, entry)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as alone:
        with pytest.raises(RuntimeError, match=ALONE):
            await enqueue_psycopg_async(alone, an_entry())

    assert [entry] == await found(url)


async def test_no_tables(postgres_url: str) -> None:
    """Without the queue's tables the driver's own error is raised, with a note on what to do."""
    async with own_database(postgres_url) as url:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE product (id TEXT PRIMARY KEY)")
        await connection.close()
        with pytest.raises(asyncpg.UndefinedTableError) as caught:
            await by_asyncpg(url, an_entry(), True)

    assert ["shelfport queue migrate" in note for note in caught.value.__notes__] == [True]
