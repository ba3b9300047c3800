"""A claim costs the same, however many entries wait."""

import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import attrs
import pytest
from sqlalchemy import text

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.queue.sql.row import insert_sql, to_row
from shelfport.outbox import QueuedInitialization
from tests.durability.runs import LONG
from tests.support.clocks import EPOCH
from tests.support.figures import Report
from tests.support.queues import an_entry, own_database, sqlite_url
from tests.support.values import an_initial_stock

FEW, MANY = 100, 100_000
CLAIMS = 60

pytestmark = pytest.mark.skipif(not LONG, reason="measures: run alone, by nox -s durability")


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


async def claim_cost(queue: SqlQueue, number: int) -> float:
    """Seconds that claiming four entries takes, the `number`th time; they are given back."""
    moment = EPOCH + timedelta(days=1, seconds=number)
    began = time.perf_counter()
    claims = await queue.claim(holder="scale", limit=4, now=moment, lease=60)
    took = time.perf_counter() - began
    assert 4 == len(claims)
    for claim in claims:
        assert await queue.give_back(claim, now=moment)
    return took


async def measured(short: str, long: str, report: Report) -> None:
    """Claim from a short queue and a long one in turns, so that load affects both alike."""
    async with SqlQueue(database(short)) as few_there, SqlQueue(database(long)) as many_there:
        await filled(few_there, 0, FEW, short)
        await filled(many_there, 0, MANY, long)
        costs = [
            (await claim_cost(few_there, number), await claim_cost(many_there, number))
            for number in range(CLAIMS)
        ]
        assert MANY == (await many_there.stats()).waiting
    few, many = (median(column) for column in zip(*costs, strict=True))

    report(
        f"a claim of 4 takes {few * 1000:.2f} ms of {FEW} entries, {many * 1000:.2f} ms of "
        f"{MANY}: {many / few:.2f}x"
    )
    assert many <= 2 * few


async def test_sqlite(tmp_path: Path, report: Report) -> None:
    """On SQLite: at most twice as much of 100,000 entries as of 100."""
    short, long = tmp_path / "short", tmp_path / "long"
    for folder in (short, long):
        folder.mkdir()
    await measured(sqlite_url(short), sqlite_url(long), report)


async def test_postgres(postgres_url: str, report: Report) -> None:
    """On PostgreSQL: the same, before the server has statistics of the entries."""
    async with own_database(postgres_url) as short, own_database(postgres_url) as long:
        await measured(short, long, report)
