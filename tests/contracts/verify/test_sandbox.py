import msgspec
from typed_settings import Secret

from shelfport.contracts.pact_files import packaged_pacts
from shelfport.contracts.sandbox import Sandbox, seed_records
from shelfport.contracts.verify import InteractionVerdict
from tests.contracts.verify.verifying import provider_at, verified
from tests.support.figures import Report


async def test_the_sandbox_keeps_every_interaction(report: Report) -> None:
    """Every interaction of the packaged pact is tried on the sandbox, and holds."""
    with packaged_pacts() as pacts:
        documents = [msgspec.json.decode(path.read_bytes()) for path in pacts.paths]
    described = [one["description"] for document in documents for one in document["interactions"]]
    async with Sandbox(seed=seed_records()) as sandbox:
        found = await verified(provider_at(sandbox.url, sandbox))

    assert [(name, InteractionVerdict.HOLDS) for name in described] == [
        (one.description, one.verdict) for one in found.interactions
    ]
    assert found.ok
    report(f"{len(described)} interactions hold")


async def test_a_verification_leaves_the_sandbox_unchanged() -> None:
    """After a verification the sandbox has its own records, and no faults."""
    async with Sandbox(seed=seed_records()) as sandbox, Sandbox(seed=seed_records()) as fresh:
        await verified(provider_at(sandbox.url, sandbox), only="getStockLevel ")
        left, new = (
            {v.variant_id: s.set_stock(v.variant_id, 7) for v in seed_records()}
            for s in (sandbox, fresh)
        )

        assert new.keys() == left.keys()
        assert fresh.faults == sandbox.faults


async def test_a_provider_with_real_credentials() -> None:
    """A token replaces the pact's made-up one, and is not shown."""
    async with Sandbox(token="sesame") as sandbox:
        without = await verified(provider_at(sandbox.url, sandbox), only="with stock")
        provider = provider_at(sandbox.url, sandbox, token=Secret("sesame"))
        with_it = await verified(provider, only="with stock")

    assert (False, True) == (without.ok, with_it.ok)
    assert "sesame" not in repr(provider)
