"""Transactional enqueue on SQLite, the statement for any driver, and the refusals."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from django.db import connections
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from shelfport.adapters.queue.sql.row import COLUMNS
from shelfport.outbox import (
    enqueue_django,
    enqueue_sqlalchemy,
    enqueue_sqlalchemy_async,
    enqueue_sqlite3,
    enqueue_statement,
)
from tests.support.enqueuing import OF_SQLITE, Host, django_alias, file_of
from tests.support.queues import an_entry, found, products, sqlite_url, with_tables

hosts = pytest.mark.parametrize("host", OF_SQLITE, ids=lambda host: host.__name__)
ALONE = "no transaction is open on this connection"


@pytest.fixture
async def url(tmp_path: Path) -> str:
    return await with_tables(sqlite_url(tmp_path))


@hosts
async def test_a_host_that_commits(url: str, host: Host) -> None:
    """Product and entry are committed together, and a worker finds the entry as it was made."""
    entry = an_entry()

    assert await host(url, entry, True)

    assert [str(entry.request.idempotency_key)] == await products(url)
    assert [entry] == await found(url)


@hosts
async def test_a_host_that_rolls_back(url: str, host: Host) -> None:
    """Product and entry are rolled back together."""
    assert await host(url, an_entry(), False)

    assert ([], []) == (await products(url), await found(url))


@hosts
async def test_a_key_that_is_stored_already(url: str, host: Host) -> None:
    """An entry with the same key stays as it is; the function returns False, the host commits."""
    first = an_entry()
    with closing(sqlite3.connect(file_of(url))) as connection:
        assert enqueue_sqlite3(connection, first)
        connection.commit()

    assert not await host(url, attrs.evolve(an_entry(), request=first.request), True)

    assert [str(first.request.idempotency_key)] == await products(url)
    assert [first] == await found(url)


async def test_the_statement_by_position(url: str) -> None:
    """Parameters by position, as `sqlite3` and others take them."""
    entry = an_entry()
    with closing(sqlite3.connect(file_of(url))) as connection:
        connection.execute(*enqueue_statement(entry, "qmark"))
        connection.commit()

    assert [entry] == await found(url)


async def test_the_statement_by_name(url: str) -> None:
    """Parameters by name."""
    entry = an_entry()
    with closing(sqlite3.connect(file_of(url))) as connection:
        connection.execute(*enqueue_statement(entry, "named"))
        connection.commit()

    assert [entry] == await found(url)


@pytest.mark.parametrize(
    ("style", "first", "last"),
    [
        ("qmark", "?", "?"),
        ("numeric", ":1", ":13"),
        ("numeric_dollar", "$1", "$13"),
        ("format", "%s", "%s"),
        ("named", ":idempotency_key", ":host_id"),
        ("pyformat", "%(idempotency_key)s", "%(host_id)s"),
    ],
)
def test_every_style(style: Any, first: str, last: str) -> None:
    """Each parameter has one placeholder, in the given style."""
    statement, parameters = enqueue_statement(an_entry(), style)
    marks = statement.partition("VALUES (")[2].partition(") ON")[0].split(", ")

    assert (first, last) == (marks[0], marks[-1])
    assert len(COLUMNS) == len(marks) == len(parameters)


def test_an_unknown_style() -> None:
    """An unknown style is refused; the message lists the known ones."""
    style: Any = "question"

    with pytest.raises(ValueError, match="'question': it must be one of qmark, numeric, "):
        enqueue_statement(an_entry(), style)


async def test_sqlite3_without_a_transaction(url: str) -> None:
    """In autocommit mode, the entry is refused until a transaction is open."""
    entry = an_entry()
    with closing(sqlite3.connect(file_of(url), isolation_level=None)) as connection:
        with pytest.raises(RuntimeError, match=ALONE):
            enqueue_sqlite3(connection, entry)
        connection.execute("BEGIN")
        assert enqueue_sqlite3(connection, entry)
        connection.execute("COMMIT")

    assert [entry] == await found(url)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3 has `autocommit` since Python 3.12")
async def test_sqlite3_in_autocommit(url: str) -> None:
    """As above, by the attribute that Python 3.12 added."""
    options: dict[str, Any] = {"autocommit": True}
    with (
        closing(sqlite3.connect(file_of(url), **options)) as connection,
        pytest.raises(RuntimeError, match=ALONE),
    ):
        enqueue_sqlite3(connection, an_entry())


def test_sqlalchemy_in_autocommit(tmp_path: Path) -> None:
    """An engine in autocommit mode is refused."""
    engine = create_engine(sqlite_url(tmp_path), poolclass=NullPool)
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as connection, pytest.raises(RuntimeError, match=ALONE):
        enqueue_sqlalchemy(connection, an_entry())


async def test_an_async_session_for_the_other_function(url: str) -> None:
    """An asynchronous session or connection is refused with the name of the function for it."""
    engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
    scoped = async_scoped_session(async_sessionmaker(engine), asyncio.current_task)
    async with AsyncSession(engine) as session, engine.connect() as connection:
        for given in (session, connection, scoped):
            wrong: Any = given
            with pytest.raises(ValueError, match="use `await enqueue_sqlalchemy_async"):
                enqueue_sqlalchemy(wrong, an_entry())
    await engine.dispose()

    assert [] == await found(url)


async def test_a_session_for_the_other_function(url: str) -> None:
    """A synchronous session is refused with the name of the function for it."""
    wrong: Any = Session(create_engine(url, poolclass=NullPool))
    with pytest.raises(ValueError, match=r"session is a Session, .* use `enqueue_sqlalchemy\("):
        await enqueue_sqlalchemy_async(wrong, an_entry())


def test_django_outside_atomic(tmp_path: Path) -> None:
    """Outside `atomic`, where Django commits each statement, the entry is refused."""
    with django_alias(sqlite_url(tmp_path)) as alias, pytest.raises(RuntimeError, match=ALONE):
        enqueue_django(connections[alias], an_entry())


def test_no_tables(tmp_path: Path) -> None:
    """Without the queue's tables the driver's own error is raised, with a note on what to do."""
    with (
        closing(sqlite3.connect(tmp_path / "shop.db")) as connection,
        pytest.raises(sqlite3.OperationalError, match="no such table") as caught,
    ):
        enqueue_sqlite3(connection, an_entry())

    assert ["shelfport queue migrate" in note for note in caught.value.__notes__] == [True]


def test_no_driver_is_imported() -> None:
    """Importing shelfport imports no driver, and no SQLAlchemy."""
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; before = set(sys.modules); import shelfport;"
            "heavy = {'sqlite3', 'sqlalchemy', 'asyncpg', 'aiosqlite', 'psycopg', 'django'};"
            "print(heavy & set(sys.modules) - before)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "set()" == found.stdout.strip()
