"""The steps of both teams' pipelines, as the tests take them."""

from typing import Any

import msgspec

from shelfport.contracts.broker import Decision, Version, can_i_deploy, publish, record_deployment
from shelfport.contracts.sandbox import Sandbox
from shelfport.contracts.verify import BrokerPacts, Verification, verify
from tests.contracts.broker.conftest import Parties
from tests.contracts.verify.broken import WAYS, broken
from tests.contracts.verify.verifying import provider_at

TEST = "test"
ONE = Version(number="1a2b", branch="main")
PROVIDED = Version(number="9f8e", branch="main")


async def published(parties: Parties, version: Version = ONE, **change: Any) -> None:
    await publish(parties.access, parties.pacts(change), version, consumer=parties.consumer)


async def verified(parties: Parties, way: int | None = None, **terms: Any) -> Verification:
    """Verify the broker's pacts on a sandbox, or on a broken one, and publish the results."""
    pacts = BrokerPacts(
        access=parties.access, provider=parties.provider, **{"publish": PROVIDED} | terms
    )
    async with Sandbox() as sandbox:
        if way is None:
            return await verify(provider_at(sandbox.url, sandbox), pacts)
        async with broken(sandbox, WAYS[way]) as url:
            return await verify(provider_at(url, sandbox), pacts)


async def deployable(parties: Parties, version: Version = ONE) -> Decision:
    return await can_i_deploy(parties.access, parties.consumer, version.number, TEST)


async def deploy_provider(parties: Parties) -> None:
    await record_deployment(parties.access, parties.provider, PROVIDED.number, TEST)


def interactions(parties: Parties) -> list[Any]:
    """Those of the packaged pact, as they stand in it."""
    pact = msgspec.json.decode(parties.pacts().paths[0].read_bytes())
    return list(pact["interactions"])
