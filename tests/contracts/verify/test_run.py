from pathlib import Path

import msgspec
import pytest

from shelfport.contracts.errors import ContractsError
from shelfport.contracts.pact_files import PactFiles, packaged_pacts, read_pacts
from shelfport.contracts.sandbox import Sandbox
from shelfport.contracts.tool import ToolResult, run_tool
from shelfport.contracts.verify import run, verify
from tests.contracts.verify.verifying import provider_at, verified


async def test_only_some() -> None:
    """With `only`, exactly those interactions are tried whose description has it."""
    async with Sandbox() as sandbox:
        found = await verified(provider_at(sandbox.url, sandbox), only="too often")

    assert [
        f"{operation} too often"
        for operation in ("getStockLevel", "getStockLevels", "initializeInventory")
    ] == [one.description for one in found.interactions]


async def test_only_none() -> None:
    """`only` with a text of no description is refused, because nothing would be verified."""
    async with Sandbox() as sandbox:
        with pytest.raises(ValueError, match="no interaction has 'too seldom' in its desc"):
            await verified(provider_at(sandbox.url, sandbox), only="too seldom")


async def test_the_environment_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tool does not get its own variables, which would skip interactions silently."""
    monkeypatch.setenv("PACT_DESCRIPTION", "of nothing")
    monkeypatch.setenv("PACT_PROVIDER_STATE", "of nothing")
    async with Sandbox() as sandbox:
        found = await verified(provider_at(sandbox.url, sandbox), only="too often")

    assert 3 == len(found.interactions)


async def test_what_was_not_tried_did_not_hold() -> None:
    """A report with fewer interactions than the pacts is an error."""
    with packaged_pacts() as pacts:
        more = PactFiles(pacts.paths, [*pacts.descriptions, "once more too often"])
        async with Sandbox() as sandbox:
            with pytest.raises(ContractsError, match="tried 3 interactions of 4"):
                await verify(provider_at(sandbox.url, sandbox), more, only="too often")


async def test_a_pact_that_the_tool_cannot_load(tmp_path: Path) -> None:
    """A file that only looks like a pact is named in an error."""
    odd = {
        "consumer": {"name": "c"},
        "provider": {"name": "p"},
        "interactions": [{"description": "d"}],
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }
    (tmp_path / "odd.json").write_bytes(msgspec.json.encode(odd))
    async with Sandbox() as sandbox:
        with pytest.raises(ContractsError, match=r"nothing is verified: .*odd\.json"):
            await verify(provider_at(sandbox.url, sandbox), read_pacts([tmp_path]))


async def test_a_tool_that_writes_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error quotes a tool that fails without a report."""

    async def misused(*_: str, **__: object) -> ToolResult:
        return await run_tool("verifier", "--no-such-option")

    monkeypatch.setattr(run, "run_tool", misused)
    async with Sandbox() as sandbox:
        with pytest.raises(ContractsError, match=r"the verifier failed: .*--no-such-option"):
            await verified(provider_at(sandbox.url, sandbox))
