import os

import pytest

from shelfport.contracts.sandbox import Sandbox
from tests.contracts.verify.broken import WAYS, Way, broken
from tests.contracts.verify.verifying import failed, provider_at, verified
from tests.support.figures import Report

TRIED = WAYS if os.environ.get("SHELFPORT_LONG") else WAYS[:1]
"""The short edition: one of them."""


@pytest.mark.parametrize("way", TRIED, ids=lambda way: way.name)
async def test_a_broken_provider_fails_where_it_is_broken(way: Way, report: Report) -> None:
    """Each way to break the contract fails its own interactions, says where, and no other."""
    async with Sandbox() as sandbox, broken(sandbox, way) as url:
        found = await verified(provider_at(url, sandbox))

    broke = failed(found)
    assert set(way.breaks) == set(broke)
    assert [] == [name for name, mismatches in broke.items() if not mismatches]
    assert not found.ok
    report(f"{len(broke)} of {len(found.interactions)} interactions fail, as they must")


def test_there_are_at_least_ten_ways() -> None:
    """The ways have unique names."""
    assert len(WAYS) == len({way.name for way in WAYS})
    assert len(WAYS) >= 10
