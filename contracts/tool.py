"""The official Pact command line (`pact`, of pact-python-cli) as a child process.

A child process, not the library of pact-python: it can be ended at any moment, it takes secrets
from its environment, and only it supports a broker (docs/decisions/0003).
"""

import asyncio
import os
import re
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution

import attrs

from shelfport.contracts.errors import ContractsError

PACKAGE = "pact-python-cli"
"""The package whose binary runs; another `pact` on the path may be another program."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Only the arguments decide what the tool does: PACT_DESCRIPTION would silently skip interactions,
# PACT_BROKER_CAN_I_DEPLOY_DRY_RUN would turn a no into a yes.
_IGNORED_PREFIXES = ("PACT_", "OTEL_")
_ERROR_MARKS = ("error:", "❌")


class ToolMissing(ContractsError):
    """The extra `contracts` is not installed."""


@attrs.frozen
class ToolResult:
    """The exit code and the output of one run of the tool, without colours."""

    code: int
    out: str
    err: str

    @property
    def error_text(self) -> str:
        """The last line that the tool marks as an error, or its last line."""
        lines = [line.strip() for text in (self.err, self.out) for line in text.splitlines()]
        sentences = [line for line in lines if any(c.isalnum() for c in line)]
        errors = [line for line in sentences if line.startswith(_ERROR_MARKS)]
        if not sentences:
            return f"exit code {self.code} and no output"
        return (errors or sentences)[-1].removeprefix("error:").lstrip("❌ ")


def find_tool() -> str:
    """The path of the binary.

    Raises:
        ToolMissing: the package is not installed.
    """
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError as error:
        raise ToolMissing(
            f'this needs {PACKAGE}, which is not installed: pip install "shelfport[contracts]"'
        ) from error
    binary = next((file for file in files if file.stem == "pact"), None)
    if binary is None:
        raise ToolMissing(f"{PACKAGE} is installed without its binary: reinstall it")
    return str(binary.locate())


async def run_tool(*arguments: str, secrets: Mapping[str, str] | None = None) -> ToolResult:
    """Run `pact` to its end; cancellation kills it.

    Args:
        arguments: the command line, which other users of the machine can read.
        secrets: variables for its environment, which other users cannot read.

    Raises:
        ToolMissing: the package is not installed.
    """
    process = await asyncio.create_subprocess_exec(
        find_tool(),
        *arguments,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=_environment() | dict(secrets or {}),
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None  # noqa: S101 - communicate waits for the end
    return ToolResult(process.returncode, _plain(out), _plain(err))


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(_IGNORED_PREFIXES)
    }
    # Turns off the tool's usage reports.
    kept |= {"PACT_DO_NOT_TRACK": "true", "NO_COLOR": "1"}
    # Requests to loopback bypass a proxy.
    bypassed = [kept.get("NO_PROXY") or kept.get("no_proxy") or "", "127.0.0.1"]
    kept["NO_PROXY"] = kept["no_proxy"] = ",".join(filter(None, bypassed))
    return kept


def _plain(output: bytes) -> str:
    return _ANSI.sub("", output.decode(errors="replace"))
