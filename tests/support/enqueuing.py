"""Hosts that create a product and enqueue its initialization in one transaction: one a driver.

Each inserts a row into its table `product`, enqueues, and commits or rolls back as the test says.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import django
import django.conf
import psycopg
from django.db import connections, transaction
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool

from shelfport.outbox import (
    QueuedInitialization,
    enqueue_asyncpg,
    enqueue_django,
    enqueue_psycopg,
    enqueue_psycopg_async,
    enqueue_sqlalchemy,
    enqueue_sqlalchemy_async,
    enqueue_sqlite3,
)
from tests.support.services import unique

Host = Callable[[str, QueuedInitialization, bool], Awaitable[bool]]
"""Takes the database's URL, an entry, and whether to commit; returns the result of `enqueue_…`."""

PRODUCT = "CREATE TABLE product (id TEXT PRIMARY KEY)"
_INSERT = "INSERT INTO product (id) VALUES ({})"


def _id(entry: QueuedInitialization) -> str:
    return str(entry.request.idempotency_key)


def file_of(url: str) -> str:
    """The file behind a SQLite URL."""
    return url.removeprefix("sqlite:///")


async def by_sqlite3(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    connection = sqlite3.connect(file_of(url))
    try:
        connection.execute(_INSERT.format("?"), (_id(entry),))
        stored = enqueue_sqlite3(connection, entry)
        (connection.commit if commit else connection.rollback)()
    finally:
        connection.close()
    return stored


async def by_asyncpg(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
    async with pool, pool.acquire() as connection:
        open_transaction = connection.transaction()
        await open_transaction.start()
        await connection.execute(_INSERT.format("$1"), _id(entry))
        stored = await enqueue_asyncpg(connection, entry)
        await (open_transaction.commit if commit else open_transaction.rollback)()
    return stored


async def by_psycopg(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    with psycopg.connect(url) as connection:
        connection.execute(_INSERT.format("%s").encode(), (_id(entry),))
        stored = enqueue_psycopg(connection, entry)
        (connection.commit if commit else connection.rollback)()
    return stored


async def by_psycopg_async(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    # In autocommit mode, as psycopg's guide advises where transactions are blocks.
    async with (
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
        connection.transaction(force_rollback=not commit),
    ):
        await connection.execute(_INSERT.format("%s").encode(), (_id(entry),))
        return await enqueue_psycopg_async(connection, entry)


def _with_driver(url: str, sqlite: str, postgres: str) -> str:
    return url.replace("sqlite://", f"sqlite+{sqlite}://").replace(
        "postgresql://", f"postgresql+{postgres}://"
    )


async def by_sqlalchemy_session(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    engine = create_engine(_with_driver(url, "pysqlite", "psycopg"), poolclass=NullPool)
    with Session(engine) as session:
        session.execute(text(_INSERT.format(":id")), {"id": _id(entry)})
        stored = enqueue_sqlalchemy(session, entry)
        (session.commit if commit else session.rollback)()
    return stored


async def by_sqlalchemy_scoped_session(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    engine = create_engine(_with_driver(url, "pysqlite", "psycopg"), poolclass=NullPool)
    session = scoped_session(sessionmaker(engine))
    session.execute(text(_INSERT.format(":id")), {"id": _id(entry)})
    stored = enqueue_sqlalchemy(session, entry)
    (session.commit if commit else session.rollback)()
    session.remove()
    return stored


async def by_sqlalchemy_connection(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    engine = create_engine(_with_driver(url, "pysqlite", "psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(_INSERT.format(":id")), {"id": _id(entry)})
        stored = enqueue_sqlalchemy(connection, entry)
        (connection.commit if commit else connection.rollback)()
    return stored


async def by_sqlalchemy_async_session(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    engine = create_async_engine(_with_driver(url, "aiosqlite", "asyncpg"), poolclass=NullPool)
    async with AsyncSession(engine) as session:
        await session.execute(text(_INSERT.format(":id")), {"id": _id(entry)})
        stored = await enqueue_sqlalchemy_async(session, entry)
        await (session.commit if commit else session.rollback)()
    return stored


async def by_sqlalchemy_async_connection(
    url: str, entry: QueuedInitialization, commit: bool
) -> bool:
    engine = create_async_engine(_with_driver(url, "aiosqlite", "asyncpg"), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(_INSERT.format(":id")), {"id": _id(entry)})
        stored = await enqueue_sqlalchemy_async(connection, entry)
        await (connection.commit if commit else connection.rollback)()
    return stored


async def by_sqlalchemy_async_scoped_session(
    url: str, entry: QueuedInitialization, commit: bool
) -> bool:
    engine = create_async_engine(_with_driver(url, "aiosqlite", "asyncpg"), poolclass=NullPool)
    session = async_scoped_session(async_sessionmaker(engine), asyncio.current_task)
    await session.execute(text(_INSERT.format(":id")), {"id": _id(entry)})
    stored = await enqueue_sqlalchemy_async(session, entry)
    await (session.commit if commit else session.rollback)()
    await session.remove()
    return stored


async def by_django(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    # In a thread, where Django's synchronous connections belong.
    return await asyncio.to_thread(_by_django, url, entry, commit)


def _by_django(url: str, entry: QueuedInitialization, commit: bool) -> bool:
    with django_alias(url) as alias, transaction.atomic(using=alias):
        connection = connections[alias]
        with connection.cursor() as cursor:
            cursor.execute(_INSERT.format("%s"), [_id(entry)])
        stored = enqueue_django(connection, entry)
        transaction.set_rollback(not commit, using=alias)
        return stored


@contextmanager
def django_alias(url: str) -> Iterator[str]:
    """The alias of a temporary Django database."""
    if not django.conf.settings.configured:
        django.conf.settings.configure(USE_TZ=True)
        django.setup()
    alias = unique()
    made = connections.configure_settings({"default": {}, alias: _django_database(url)})
    connections.databases[alias] = made[alias]
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.databases[alias]


def _django_database(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": file_of(url)}
    info = psycopg.conninfo.conninfo_to_dict(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": info["dbname"],
        "USER": info.get("user", ""),
        "PASSWORD": info.get("password", ""),
        "HOST": info.get("host", ""),
        "PORT": info.get("port", ""),
    }


OF_BOTH: tuple[Host, ...] = (
    by_sqlalchemy_session,
    by_sqlalchemy_scoped_session,
    by_sqlalchemy_connection,
    by_sqlalchemy_async_session,
    by_sqlalchemy_async_connection,
    by_sqlalchemy_async_scoped_session,
    by_django,
)
OF_SQLITE: tuple[Host, ...] = (by_sqlite3, *OF_BOTH)
OF_POSTGRES: tuple[Host, ...] = (by_asyncpg, by_psycopg, by_psycopg_async, *OF_BOTH)
