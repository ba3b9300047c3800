import asyncio
import sys
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

import pytest

from shelfport.contracts import tool
from shelfport.contracts.tool import ToolMissing, ToolResult, find_tool, run_tool


async def test_the_tool_is_the_installed_package_s() -> None:
    """The binary is that of pact-python-cli, not another `pact` on the path."""
    result = await run_tool("broker", "--version")

    assert find_tool().endswith("pact")
    assert (0, True) == (result.code, "pact" in result.out)


def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, one sentence names the extra."""

    def nothing(name: str) -> Distribution:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(tool, "distribution", nothing)
    with pytest.raises(ToolMissing, match=r'pip install "shelfport\[contracts\]"'):
        find_tool()


async def test_the_environment_of_the_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The tool gets secrets in its environment, and no other variable of Pact."""
    program = tmp_path / "pact"
    program.write_text(f"#!{sys.executable}\nimport os\nprint(dict(os.environ))\n")
    program.chmod(0o700)
    monkeypatch.setattr(tool, "find_tool", lambda: str(program))
    monkeypatch.setenv("PACT_BROKER_CAN_I_DEPLOY_DRY_RUN", "true")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setenv("NO_PROXY", "localhost")
    result = await run_tool(secrets={"PACT_BROKER_TOKEN": "sesame"})

    seen = eval(result.out)
    assert {"PACT_DO_NOT_TRACK": "true", "PACT_BROKER_TOKEN": "sesame"} == {
        name: value for name, value in seen.items() if name.startswith(("PACT_", "OTEL_"))
    }
    assert "localhost,127.0.0.1" == seen["NO_PROXY"]


async def test_a_cancelled_run_ends_the_tool(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A cancelled run kills the child process."""
    program, alive = tmp_path / "pact", tmp_path / "alive"
    program.write_text(f'#!/bin/sh\necho $$ > "{alive}"\nexec sleep 60\n')
    program.chmod(0o700)
    monkeypatch.setattr(tool, "find_tool", lambda: str(program))
    task = asyncio.create_task(run_tool())
    async with asyncio.timeout(10):
        while not alive.exists() or not alive.read_text():  # noqa: ASYNC110 - a child sets it
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait((task,), timeout=10)

    assert task.cancelled()
    assert not Path("/proc", alive.read_text().strip()).exists()  # noqa: ASYNC240 - as above


@pytest.mark.parametrize(
    ("result", "error_text"),
    [
        (ToolResult(2, "", "error: no such option\n\nFor more, try '--help'.\n"), "no such option"),
        (
            ToolResult(1, "trying\n❌ ❌ Environment x does not exist\n\n", ""),
            "Environment x does not exist",
        ),
        (ToolResult(1, "", "first\nlast\n ---\n"), "last"),
        (ToolResult(3, "", ""), "exit code 3 and no output"),
    ],
    ids=["usage", "marked", "last line", "nothing"],
)
def test_the_error_text(result: ToolResult, error_text: str) -> None:
    """The error text is the line of the output that names the cause."""
    assert error_text == result.error_text
