"""A claim costs the same, however many entries wait."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from statistics import median

import attrs
import pytest
from sqlalchemy import text

from shelfport import QueuedInitialization
from shelfport.adapters.sql.database import database
from shelfport.adapters.sql.queue import SqlQueue
from shelfport.adapters.sql.row import insert_sql, to_row
from tests.durability.runs import LONG
from tests.support.clocks import EPOCH
from tests.support.figures import Report
from tests.support.queues import an_entry, own_database, sqlite_url
from tests.support.values import an_initial_stock

FEW, MANY = 100, 100_000
CLAIMS = 60

pytestmark = pytest.mark.skipif(not LONG, reason="measures: run alone, by nox -s durability")


@pytest.fixture
async def own_postgres(postgres_url: str) -> AsyncIterator[str]:
    async with own_database(postgres_url) as url:
        yield url


def entry(number: int) -> QueuedInitialization:
    queued_at = EPOCH + timedelta(milliseconds=number)
    return attrs.evolve(
        an_entry(), request=an_initial_stock(), queued_at=queued_at, due_at=queued_at
    )


async def filled(queue: SqlQueue, first: int, last: int, url: str) -> None:
    engine = database(url).engine()
    async with engine.connect() as connection:
        await connection.execute(text("BEGIN"))
        for start in range(first, last, 5_000):
            rows = [to_row(entry(number)) for number in range(start, min(last, start + 5_000))]
            await connection.execute(text(insert_sql()), rows)
        await connection.execute(text("COMMIT"))
    await engine.dispose()


async def claim_cost(queue: SqlQueue) -> float:
    """Seconds that claiming four entries takes, in the median; they are given back each time."""
    now = EPOCH + timedelta(days=1)
    costs = []
    for number in range(CLAIMS):
        moment = now + timedelta(seconds=number)
        began = time.perf_counter()
        claims = await queue.claim(holder="scale", limit=4, now=moment, lease=60)
        costs.append(time.perf_counter() - began)
        assert 4 == len(claims)
        for claim in claims:
            assert await queue.give_back(claim, now=moment)
    return median(costs)


async def measured(url: str, report: Report) -> None:
    async with SqlQueue(database(url)) as queue:
        await filled(queue, 0, FEW, url)
        few = await claim_cost(queue)
        await filled(queue, FEW, MANY, url)
        many = await claim_cost(queue)
        assert MANY == (await queue.stats()).waiting

    report(
        f"a claim of 4 takes {few * 1000:.2f} ms of {FEW} entries, {many * 1000:.2f} ms of "
        f"{MANY}: {many / few:.2f}x"
    )
    assert many <= 2 * few


async def test_sqlite(tmp_path: Path, report: Report) -> None:
    """On SQLite: at most twice as much of 100,000 entries as of 100."""
    await measured(sqlite_url(tmp_path), report)


async def test_postgres(own_postgres: str, report: Report) -> None:
    """On PostgreSQL: the same, before the server's statistics know of the entries."""
    await measured(own_postgres, report)
