"""Without one of its protections a run has violations: the check can fail."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.durability.check import ENTRY, KEY, LOST, TWICE
from tests.durability.plan import Sabotage
from tests.durability.runs import LONG, driven, summary
from tests.support.figures import Report
from tests.support.queues import own_database, sqlite_url


@attrs.frozen
class Bite:
    """A run without a protection, and the violations that it must have."""

    shows: set[str]
    """One of these kinds of violations is found at least."""
    terms: dict[str, Any]


BITES = {
    # The service forgets the key of a third of all writes: each is made again.
    Sabotage.READ: Bite({TWICE}, {"operations": 150, "crashes": 0.3}),
    # It carries a third of them out late: a read finds nothing, and another key opens another.
    Sabotage.KEY: Bite({TWICE}, {"operations": 150, "late": 0.3}),
    # Many hands for few entries, and a service slow enough for two workers to meet: they open two
    # records, and burn each other's attempts until the entry is dead.
    Sabotage.LEASE: Bite(
        {TWICE, ENTRY, LOST},
        {
            "operations": 60,
            "workers": 6,
            "at_once": 6,
            "crashes": 0.3,
            "late": 0.0,
            "lost_answers": 0.0,
            "latency": 0.1,
        },
    ),
}
KINDS = {Sabotage.KEY: {KEY}}
"""Kinds that must be found as well."""

pytestmark = pytest.mark.skipif(not LONG, reason="takes a minute: run by nox -s durability")
sabotaged = pytest.mark.parametrize("sabotage", BITES)


async def bites(url: str, folder: Path, sabotage: Sabotage, report: Report) -> None:
    bite = BITES[sabotage]

    outcome = await driven(
        url, folder, seed=3, kills=0, lease=1.0, patience=60.0, sabotage=sabotage, **bite.terms
    )

    report(f"without the {sabotage}: {summary(outcome)}")
    found = {kind for kind, _ in outcome.violations}
    assert bite.shows & found
    assert KINDS.get(sabotage, set()) <= found


@sabotaged
async def test_sqlite(tmp_path: Path, sabotage: Sabotage, report: Report) -> None:
    """On SQLite, a missing protection shows in the ledger or in the queue."""
    await bites(sqlite_url(tmp_path), tmp_path, sabotage, report)


@sabotaged
async def test_postgres(
    postgres_url: str, tmp_path: Path, sabotage: Sabotage, report: Report
) -> None:
    """On PostgreSQL, as on SQLite."""
    async with own_database(postgres_url) as url:
        await bites(url, tmp_path, sabotage, report)


async def test_nothing_is_found_where_nothing_is_missed(tmp_path: Path, report: Report) -> None:
    """With the harshest of these services, workers with all protections have no violation."""
    for number, bite in enumerate(BITES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = await driven(
            sqlite_url(folder), folder, seed=3, kills=0, lease=3.0, patience=90.0, **bite.terms
        )
        report(summary(outcome))
        assert [] == outcome.violations
