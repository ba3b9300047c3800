"""With processes killed at random, every product gets exactly one record."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.durability.runs import LONG, driven, summary
from tests.support.figures import Report
from tests.support.queues import own_database, sqlite_url

TERMS = (
    {"operations": 2000, "kills": 100, "patience": 240.0}
    if LONG
    else {"operations": 40, "kills": 6, "lease": 1.0, "patience": 60.0}
)


@pytest.fixture
async def own_postgres(postgres_url: str) -> AsyncIterator[str]:
    async with own_database(postgres_url) as url:
        yield url


async def test_sqlite(tmp_path: Path, report: Report) -> None:
    """On SQLite: no record lost or doubled, every flag right, one key an operation."""
    outcome = await driven(sqlite_url(tmp_path), tmp_path, seed=1, **TERMS)

    report(summary(outcome))
    assert [] == outcome.violations
    assert TERMS["kills"] <= outcome.kills


async def test_postgres(own_postgres: str, tmp_path: Path, report: Report) -> None:
    """On PostgreSQL: the same."""
    outcome = await driven(own_postgres, tmp_path, seed=2, **TERMS)

    report(summary(outcome))
    assert [] == outcome.violations
    assert TERMS["kills"] <= outcome.kills
