"""Queues for tests: entries, databases for their tables, and the entries that a worker finds."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from shelfport import InitializationPolicy
from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.outbox import QueuedInitialization
from tests.support.clocks import EPOCH
from tests.support.enqueuing import PRODUCT, file_of
from tests.support.services import unique
from tests.support.values import an_initial_stock


def an_entry(
    policy: InitializationPolicy = InitializationPolicy.RETRY_LATER,
    queued_at: datetime = EPOCH,
) -> QueuedInitialization:
    """An entry with a value in every field that a host may fill."""
    return QueuedInitialization(
        request=an_initial_stock(quantity=3),
        policy=policy,
        queued_at=queued_at,
        due_at=queued_at + timedelta(microseconds=1),
        correlation_id=uuid4().hex,
        traceparent=f"00-{uuid4().hex}-00f067aa0ba902b7-01",
    )


async def found(url: str) -> list[QueuedInitialization]:
    """The entries of the queue at `url`, as they were stored; they are deleted."""
    entries = []
    async with SqlQueue(database(url), create_schema=False) as queue:
        stored = {entry.request.idempotency_key: entry for entry in await queue.entries()}
        soon = EPOCH + timedelta(seconds=1)
        for claim in await queue.claim(holder="test", limit=100, now=soon, lease=60):
            entries.append(stored[claim.entry.request.idempotency_key])
            assert await queue.complete(claim)
    return entries


def sqlite_url(folder: Path) -> str:
    """The address of a file in `folder`."""
    return f"sqlite:///{folder / 'shop.db'}"


async def with_tables(url: str) -> str:
    """Create the queue's tables and the host's at `url`."""
    async with SqlQueue(database(url)):
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(file_of(url))) as connection:
                connection.execute(PRODUCT)
        else:
            postgres = await asyncpg.connect(url)
            await postgres.execute(PRODUCT)
            await postgres.close()
    return url


async def products(url: str) -> list[str]:
    """The ids of the host's products."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(file_of(url))) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM product")]
    postgres = await asyncpg.connect(url)
    rows = await postgres.fetch("SELECT id FROM product")
    await postgres.close()
    return [row["id"] for row in rows]


@asynccontextmanager
async def own_database(postgres_url: str) -> AsyncIterator[str]:
    """The URL of a new database on the server, which is dropped at the end."""
    name = unique()
    server = await asyncpg.connect(postgres_url)
    await server.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()
