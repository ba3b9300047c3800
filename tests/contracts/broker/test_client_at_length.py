"""What is rarer in the pipeline of both teams: tried by `nox -s broker`, not in every run."""

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
    """What a deployed consumer asks is verified although its main branch has gone on."""
    await published(parties, ONE)
    await record_deployment(parties.access, parties.consumer, ONE.number, TEST)
    await published(parties, OTHER, interactions=interactions(parties)[:3])
    found = await verified(parties, publish=None)

    assert (31 + 3, False) == (len(found.interactions), found.published)


async def test_a_branch(parties: Parties) -> None:
    """The pacts of a feature's branch are verified where they are asked for, and only there."""
    await published(parties, Version(number="5e6f", branch="feature"))
    with pytest.raises(ContractsError, match="nothing is verified: No pacts "):
        await verified(parties)
    found = await verified(parties, consumer_branch="feature")

    assert found.ok


async def test_pending(parties: Parties) -> None:
    """A pact that the provider never kept may fail without failing its build, if that is asked."""
    await published(parties)
    found = await verified(parties, way=0, pending=True)

    assert found.ok
    assert list(WAYS[0].breaks) == [one.description for one in found.interactions if one.mismatches]


async def test_what_the_broker_does_not_know(parties: Parties) -> None:
    """Unknown versions and environments are told by name."""
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
    """With `wait`, an answer that is not known yet is asked for again."""
    broker = BrokerDouble()
    async with running(broker):
        access = BrokerAccess.from_environment(broker.url, {})
        with packaged_pacts() as pacts:
            await publish(access, pacts, ONE)
        broker.requests.clear()
        decision = await can_i_deploy(access, "shelfport", ONE.number, TEST, wait=2)

    assert decision.deployable is None
    assert 2 == broker.requests.count(("GET", "/matrix"))
