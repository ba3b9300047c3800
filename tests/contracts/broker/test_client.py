"""The pipeline of both teams, by the official client, against the double or a real broker."""

from pathlib import Path

import pytest

from shelfport.contracts import tool
from shelfport.contracts.broker import (
    BrokerAccess,
    Pair,
    can_i_deploy,
    publish,
    record_deployment,
)
from shelfport.contracts.errors import ContractsError
from shelfport.contracts.pact_files import packaged_pacts
from shelfport.contracts.sandbox import Sandbox
from shelfport.contracts.verify import BrokerPacts, verify
from tests.contracts.broker.conftest import Parties
from tests.contracts.broker.double import BrokerDouble, running
from tests.contracts.broker.pipeline import (
    ONE,
    PROVIDED,
    TEST,
    deploy_provider,
    deployable,
    interactions,
    published,
    verified,
)
from tests.contracts.verify.verifying import provider_at
from tests.support.figures import Report

COMMANDS = ("publish", "can-i-deploy", "record-deployment", "verify")


async def test_unverified(parties: Parties) -> None:
    """A pact without a verification has no decision."""
    await published(parties)
    decision = await deployable(parties)

    assert decision.deployable is None
    assert f"There is no verified pact between version 1a2b of {parties.consumer}" in (
        decision.reason
    )
    assert [Pair(parties.consumer, "1a2b", parties.provider, None, None)] == list(decision.pairs)


async def test_verified(parties: Parties, report: Report) -> None:
    """After a verification by the deployed provider, consumer and provider may be deployed."""
    await published(parties)
    found = await verified(parties)
    first = await can_i_deploy(parties.access, parties.provider, PROVIDED.number, TEST)
    await deploy_provider(parties)
    decision = await deployable(parties)

    assert (True, True, 31) == (found.ok, found.published, len(found.interactions))
    assert (True, True) == (first.deployable, decision.deployable)
    assert [Pair(parties.consumer, "1a2b", parties.provider, "9f8e", True)] == list(decision.pairs)
    report(f"{len(found.interactions)} interactions of {parties.access.url} verified, published")


async def test_failed(parties: Parties) -> None:
    """A consumer may not be deployed to a provider that broke the pact."""
    await published(parties)
    found = await verified(parties, way=0)
    await deploy_provider(parties)
    decision = await deployable(parties)

    assert (False, True) == (found.ok, found.published)
    assert decision.deployable is False
    assert "failed" in decision.reason
    assert [False] == [pair.success for pair in decision.pairs]


async def test_published_again(parties: Parties) -> None:
    """The same pact may be published again, another one of that version may not."""
    await published(parties)
    await published(parties)
    with pytest.raises(ContractsError) as caught:
        await published(parties, interactions=interactions(parties)[:1])

    assert f"the broker has another pact of {parties.consumer} 1a2b already" in str(caught.value)


async def test_credentials_that_may_only_read() -> None:
    """Read-only credentials are reported, and the broker has no results from them."""
    broker = BrokerDouble(token="sesame", read_only=True)
    async with running(broker):
        access = BrokerAccess.from_environment(broker.url, {"PACT_BROKER_TOKEN": "sesame"})
        with packaged_pacts() as pacts, pytest.raises(ContractsError) as refused:
            await publish(access, pacts, ONE)
        broker.read_only = False
        with packaged_pacts() as pacts:
            await publish(access, pacts, ONE)
        broker.read_only = True
        verification = BrokerPacts(access=access, publish=PROVIDED)
        async with Sandbox() as sandbox:
            found = await verify(provider_at(sandbox.url, sandbox), verification)

    assert "answers 403, the credentials may read and not write" in str(refused.value)
    assert (True, False) == (found.ok, found.published)
    assert "403 Forbidden" in (found.not_published or "")
    assert [] == broker.state.verifications


async def test_a_part_is_not_published(parties: Parties) -> None:
    """The result of a part of the interactions cannot be published."""
    pacts = BrokerPacts(access=parties.access, publish=PROVIDED)
    async with Sandbox() as sandbox:
        with pytest.raises(ValueError, match="a partial result is not published"):
            await verify(provider_at(sandbox.url, sandbox), pacts, only="429")


async def test_secrets_are_in_no_command_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The client's command lines, which other users can read, contain no secret."""
    program, seen = tmp_path / "pact", tmp_path / "seen"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{seen}"\nexit 1\n')
    program.chmod(0o700)
    monkeypatch.setattr(tool, "find_tool", lambda: str(program))
    async with running(BrokerDouble(token="sesame")) as broker:
        access = BrokerAccess.from_environment(broker.url, {"PACT_BROKER_TOKEN": "sesame"})
        for command in COMMANDS:
            with pytest.raises(ContractsError):
                await _run(command, access)

    lines = seen.read_text().splitlines()
    assert len(COMMANDS) == len(lines)
    assert [] == [line for line in lines if "sesame" in line]


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_wrong_token(command: str) -> None:
    """A token that the broker does not accept ends every command in the same sentence."""
    async with running(BrokerDouble(token="sesame")) as broker:
        access = BrokerAccess.from_environment(broker.url, {"PACT_BROKER_TOKEN": "wrong"})
        with pytest.raises(ContractsError, match="answers 401: it does not accept"):
            await _run(command, access)

    assert [("GET", "/")] == broker.requests


async def _run(command: str, access: BrokerAccess) -> None:
    match command:
        case "publish":
            with packaged_pacts() as pacts:
                await publish(access, pacts, ONE)
        case "can-i-deploy":
            await can_i_deploy(access, "shelfport", "1a2b", TEST)
        case "record-deployment":
            await record_deployment(access, "shelfport", "1a2b", TEST)
        case _:
            async with Sandbox() as sandbox:
                await verify(provider_at(sandbox.url, sandbox), BrokerPacts(access=access))
