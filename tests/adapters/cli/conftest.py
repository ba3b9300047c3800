"""The command, in a process or in a thread, and a sandbox to send requests to."""

import asyncio
import io
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from pathlib import Path
from typing import Protocol

import attrs
import pytest

import shelfport
from shelfport.adapters.cli import main
from shelfport.contracts.sandbox import Sandbox, seed_records

SOURCES = str(Path(shelfport.__file__).parents[1])
# A shell ignores Ctrl-C for background jobs, and a process inherits that.
MAIN = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from shelfport.adapters.cli import main; sys.exit(main())"
)
_PATIENCE = 60.0


@attrs.frozen
class Ended:
    """How a command ended, and what it wrote."""

    code: int | None
    out: str
    err: str


class Shelfport(Protocol):
    """Runs `shelfport` to its end, with `stdin` to read."""

    async def __call__(self, *arguments: str, stdin: bytes = b"", **variables: str) -> Ended: ...


Started = Callable[..., AbstractAsyncContextManager[Process]]
WaitForEnd = Callable[[Process], Awaitable[Ended]]


@asynccontextmanager
async def _started(*arguments: str, **variables: str) -> AsyncIterator[Process]:
    ours = ("SHELFPORT_", "FORCE_COLOR", "NO_COLOR", "TTY_", "PYTHON")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-c", MAIN),
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=inherited | {"PYTHONPATH": SOURCES, "PYTHONUTF8": "1"} | variables,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def ended(process: Process, stdin: bytes = b"") -> Ended:
    """Wait for the end of a command that reads `stdin`."""
    out, err = await process.communicate(stdin)
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
def started() -> Started:
    """Starts `shelfport`; the context kills it in the end."""
    return _started


@pytest.fixture
def wait_for_end() -> WaitForEnd:
    return ended


@pytest.fixture
def run_shelfport() -> Shelfport:
    async def run(*arguments: str, stdin: bytes = b"", **variables: str) -> Ended:
        async with _started(*arguments, **variables) as process:
            return await ended(process, stdin)

    return run


@pytest.fixture
def call_shelfport(monkeypatch: pytest.MonkeyPatch) -> Shelfport:
    """Runs `shelfport` in a thread of this process: fast, but without signals and real streams."""

    async def call(*arguments: str, stdin: bytes = b"", **variables: str) -> Ended:
        for name in [name for name in os.environ if name.startswith("SHELFPORT_")]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = await asyncio.to_thread(main, arguments)
        return Ended(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=seed_records()) as running:
        yield running
