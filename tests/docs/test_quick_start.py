"""The quick start, done as its reader does it: its own commands, its own file, a real sandbox."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from shelfport.adapters.cli import main
from shelfport.contracts.sandbox import Sandbox, seed_records
from tests.support.pages import ROOT, blocks_of
from tests.support.waiting import eventually

PAGE = ROOT / "docs" / "quick-start.md"
BLOCKS = list(blocks_of(PAGE))
COMMANDS = [
    line.replace(".venv/bin/", "")
    for block in BLOCKS
    if block.language == "sh"
    for line in block.text.splitlines()
]
ADDRESS = "http://127.0.0.1:8080"
"""The page's; the test's sandbox takes a free port."""


@asynccontextmanager
async def running(*command: str, cwd: Path) -> AsyncIterator[Process]:
    """A process that is ended with the block."""
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, cwd=cwd)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def output_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command of the page prints; it must end with 0."""
    assert 0 == await asyncio.to_thread(main, command.split()[1:])
    return capsys.readouterr().out


async def carried_out(curl: str) -> None:
    """A line of curl, sent by aiohttp: the machine may have no curl."""
    found = re.search(r"-X (\w+) (\S+) -H 'Content-Type: (\S+)' -d '(.*)'", curl)
    assert found is not None
    method, url, kind, body = found.groups()
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, data=body, headers={"Content-Type": kind}) as response,
    ):
        assert 200 == response.status


async def test_the_quick_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sandbox, `check`, `get`, a page that goes from LIVE over CACHED to STALE and back."""
    [shop] = [block.text for block in BLOCKS if block.language == "python"]
    lines: list[str] = []

    async with Sandbox(seed=seed_records()) as sandbox:
        url = sandbox.url
        commands = [command.replace(ADDRESS, url) for command in COMMANDS]
        [check] = [c for c in commands if " check " in f" {c} "]
        [get] = [c for c in commands if c.startswith("shelfport get")]
        [init] = [c for c in commands if c.startswith("shelfport init")]
        down, up = (c for c in commands if c.startswith("curl"))

        await output_of(check, capsys)
        assert " 34 " in await output_of(get, capsys)

        # The page takes five seconds for what a test can see in a tenth of it.
        script = shop.replace(ADDRESS, url).replace("sleep(1)", "sleep(0.05)")
        (tmp_path / "shop.py").write_text(
            script.replace(
                "Settings(base_url",
                "Settings(cache=CacheOptions(ttl=0.3, negative_ttl=0.3), base_url",
            ).replace(
                "from shelfport", "from shelfport.options import CacheOptions\nfrom shelfport", 1
            ),
            "utf-8",
        )
        async with running(sys.executable, "shop.py", cwd=tmp_path) as page:

            async def read() -> None:
                assert page.stdout is not None
                async for line in page.stdout:
                    lines.append(line.decode())  # noqa: PERF401 - it is watched while it grows

            reading = asyncio.create_task(read())
            try:
                await shown(lines, r"34 left \(LIVE.*1 left \(LIVE.*\(UNKNOWN_VARIANT\)")
                await shown(lines, r"34 left \(CACHED")
                await output_of(init, capsys)
                await shown(lines, r"20 left")
                await carried_out(down)
                await shown(lines, r"34 left \(STALE.*20 left \(STALE")
                await shown(lines, r"answered 503")
                await carried_out(up)
                lines.clear()
                await shown(lines, r"34 left \((LIVE|CACHED).*20 left \((LIVE|CACHED)")
            finally:
                page.terminate()
                await reading


async def shown(lines: list[str], pattern: str) -> None:
    """Wait until a line is printed that matches, and drop what came before."""
    await eventually(lambda: any(re.search(pattern, line) for line in lines))
