"""Rare steps of both teams' pipelines: run by `nox -s broker`, not by every test run."""

import pytest

from shelfport.contracts.broker import (
    BrokerAccess,
    Version,
    can_i_deploy,
    publish,
    record_deployment,
)
from shelfport.contracts.errors import ContractsError
from shelfport.contracts.pact_files import packaged_pacts
from tests.contracts.broker.conftest import Parties
from tests.contracts.broker.double import BrokerDouble, running
from tests.contracts.broker.pipeline import ONE, TEST, interactions, published, verified
from tests.contracts.verify.broken import WAYS

OTHER = Version(number="3c4d", branch="main")


async def test_a_consumer_that_is_there_keeps_its_provider(parties: Parties) -> None:
    """The pact of a deployed consumer is verified, although its main branch has changed."""
    await published(parties, ONE)
    await record_deployment(parties.access, parties.consumer, ONE.number, TEST)
    await published(parties, OTHER, interactions=interactions(parties)[:3])
    found = await verified(parties, publish=None)

    assert (31 + 3, False) == (len(found.interactions), found.published)


async def test_a_branch(parties: Parties) -> None:
    """The pacts of a feature branch are verified only with `consumer_branch`."""
    await published(parties, Version(number="5e6f", branch="feature"))
    with pytest.raises(ContractsError, match="nothing is verified: No pacts "):
        await verified(parties)
    found = await verified(parties, consumer_branch="feature")

    assert found.ok


async def test_pending(parties: Parties) -> None:
    """With `pending`, a pact that the provider never kept may fail without failing its build."""
    await published(parties)
    found = await verified(parties, way=0, pending=True)

    assert found.ok
    assert list(WAYS[0].breaks) == [one.description for one in found.interactions if one.mismatches]


async def test_what_the_broker_does_not_know(parties: Parties) -> None:
    """Errors name unknown versions and environments."""
    await published(parties)
    access, consumer = parties.access, parties.consumer

    with pytest.raises(ContractsError, match=f"knows no {consumer} 0000: "):
        await record_deployment(access, consumer, "0000", TEST)
    for call in (record_deployment, can_i_deploy):
        with pytest.raises(ContractsError, match="the broker has no environment 'moon'"):
            await call(access, consumer, ONE.number, "moon")
    unknown = await can_i_deploy(access, consumer, "0000", TEST)
    assert unknown.deployable is False


async def test_waiting_for_a_verification() -> None:
    """With `wait`, the client repeats the request until the verification is known."""
    broker = BrokerDouble()
    async with running(broker):
        access = BrokerAccess.from_environment(broker.url, {})
        with packaged_pacts() as pacts:
            await publish(access, pacts, ONE)
        broker.requests.clear()
        decision = await can_i_deploy(access, "shelfport", ONE.number, TEST, wait=2)

    assert decision.deployable is None
    assert 2 == broker.requests.count(("GET", "/matrix"))
