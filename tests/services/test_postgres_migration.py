"""A PostgreSQL schema of the former edition, with entries in it, is upgraded."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.schema import POSTGRES_STEPS
from shelfport.adapters.runtime.clock import SystemClock
from tests.support.former_queue import (
    FormerQueue,
    check_fields_and_leases,
    check_worked_off,
    former_queue,
    insert_statement,
)
from tests.support.queues import own_database

VERSION = "SELECT version FROM shelfport_schema"


@pytest.fixture
async def url(postgres_url: str) -> AsyncIterator[str]:
    async with own_database(postgres_url) as own:
        yield own


async def written_by_the_former_edition(url: str) -> FormerQueue:
    former = former_queue(SystemClock().now())
    await former.create_tables(database(url), POSTGRES_STEPS[:2])
    connection = await asyncpg.connect(url)
    marks = [f"${n}" for n in range(1, len(former.rows()[0]) + 1)]
    await connection.executemany(insert_statement(marks), former.rows())
    assert 2 == await connection.fetchval(VERSION)
    await connection.close()
    return former


async def test_entries_of_the_former_edition_stay_as_they_were(url: str) -> None:
    """Opening upgrades a schema with waiting, held and dead entries, and leases go on."""
    former = await written_by_the_former_edition(url)

    await check_fields_and_leases(url, former)

    connection = await asyncpg.connect(url)
    assert len(POSTGRES_STEPS) == await connection.fetchval(VERSION)
    await connection.close()


async def test_entries_of_the_former_edition_are_done_once(url: str) -> None:
    """A worker works an upgraded schema off: nothing is lost, and nothing is done twice."""
    former = await written_by_the_former_edition(url)

    await check_worked_off(url, former)
