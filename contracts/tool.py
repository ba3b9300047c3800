"""The official Pact command line (`pact`, of pact-python-cli) as a child process.

A child rather than the library of pact-python: it can be ended at any moment, it takes secrets
from its environment, and it alone speaks to a broker (docs/decisions/0003).
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
"""The package whose binary is run; any other `pact` on the path may be another program."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# PACT_DESCRIPTION would leave interactions out without a word, PACT_BROKER_CAN_I_DEPLOY_DRY_RUN
# would turn a no into a yes: what the tool is to do, its arguments say.
_KEPT_OUT = ("PACT_", "OTEL_")
_MARKS = ("error:", "❌")


class ToolMissing(ContractsError):
    """The extra `contracts` is not installed."""


@attrs.frozen
class Ran:
    """How a run of the tool ended, and what it wrote, free of colours."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """Why it failed, in its own words: what it marks as an error, or its last line."""
        lines = [line.strip() for text in (self.err, self.out) for line in text.splitlines()]
        said = [line for line in lines if any(c.isalnum() for c in line)]
        marked = [line for line in said if line.startswith(_MARKS)]
        if not said:
            return f"exit code {self.code}, without a word"
        return (marked or said)[-1].removeprefix("error:").lstrip("❌ ")


def find_tool() -> str:
    """Where the binary is.

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


async def run_tool(*arguments: str, secrets: Mapping[str, str] | None = None) -> Ran:
    """Run `pact` to its end; a cancelled run ends it.

    Args:
        arguments: the command line, which other users of the machine can read.
        secrets: variables for its environment, which they cannot.

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
    return Ran(process.returncode, _plain(out), _plain(err))


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_OUT)}
    # The tool reports to the makers of Pact unless it is told not to.
    kept |= {"PACT_DO_NOT_TRACK": "true", "NO_COLOR": "1"}
    # What listens on loopback is asked directly, whatever proxy leads out of the house.
    around = [kept.get("NO_PROXY") or kept.get("no_proxy") or "", "127.0.0.1"]
    kept["NO_PROXY"] = kept["no_proxy"] = ",".join(filter(None, around))
    return kept


def _plain(output: bytes) -> str:
    return _ANSI.sub("", output.decode(errors="replace"))
