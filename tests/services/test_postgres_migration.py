"""A PostgreSQL schema of a former edition, with entries in it, is upgraded."""

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
)
from tests.support.queues import own_database

VERSION = "SELECT version FROM shelfport_schema"
former_versions = pytest.mark.parametrize("version", [2, 3])


@pytest.fixture
async def url(postgres_url: str) -> AsyncIterator[str]:
    async with own_database(postgres_url) as own:
        yield own


async def written_by_a_former_edition(url: str, version: int) -> FormerQueue:
    former = former_queue(SystemClock().now(), host_ids=version > 2)
    await former.create_tables(database(url), POSTGRES_STEPS[:version])
    connection = await asyncpg.connect(url)
    marks = [f"${n}" for n, _ in enumerate(former.columns, 1)]
    await connection.executemany(former.insert_statement(marks), former.rows())
    assert version == await connection.fetchval(VERSION)
    await connection.close()
    return former


@former_versions
async def test_entries_of_a_former_edition_stay(url: str, version: int) -> None:
    """Opening upgrades a schema with waiting, held and dead entries, and leases go on."""
    former = await written_by_a_former_edition(url, version)

    await check_fields_and_leases(url, former)

    connection = await asyncpg.connect(url)
    assert len(POSTGRES_STEPS) == await connection.fetchval(VERSION)
    await connection.close()


@former_versions
async def test_entries_of_a_former_edition_are_done_once(url: str, version: int) -> None:
    """A worker works an upgraded schema off: nothing is lost, and nothing is done twice."""
    former = await written_by_a_former_edition(url, version)

    await check_worked_off(url, former)
