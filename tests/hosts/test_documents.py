"""The documents show code that runs."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import aiohttp

from shelfport.contracts.sandbox import CATALOGUE, Sandbox, seed_records
from tests.hosts.shops import HOSTS
from tests.support.pages import ROOT, links_of
from tests.support.services import free_port

FOLDER = ROOT / "examples" / "hosts"
PROGRAMS = {path for path in FOLDER.glob("*.py") if path.name != "manage.py"} | {
    FOLDER / "django_shop" / f"{name}.py" for name in ("wsgi", "asgi")
}
"""The example hosts: every file that a server or Python is started with."""


def test_the_readme_links_every_example() -> None:
    """The README links each example host that exists."""
    linked = {(ROOT / link).resolve() for link in links_of(ROOT / "README.md")}

    assert set() == PROGRAMS - linked


def test_every_example_is_started() -> None:
    """The tests of this folder start each example host that exists."""
    started = {path for host in HOSTS for part in host.command for path in program_of(part)}

    assert started == PROGRAMS


def program_of(word: str) -> list[Path]:
    """The example that a word of a command names: a file, or a module with or without a name."""
    module = word.removesuffix(".py").partition(":")[0].replace(".", "/")
    path = FOLDER / f"{module}.py"
    return [path] if path.is_file() else []


def ten_lines() -> str:
    [code] = re.findall(
        r"<!-- ten lines -->\n```python\n(.*?)```\n",
        (ROOT / "docs" / "hosts.md").read_text("utf-8"),
        re.DOTALL,
    )
    assert isinstance(code, str)
    return code


async def test_a_badge_in_ten_lines(tmp_path: Path) -> None:
    """The program of docs/hosts.md has at most ten lines of code, and shows a badge."""
    assert len([line for line in ten_lines().splitlines() if line]) <= 10
    (tmp_path / "shop.py").write_text(ten_lines())
    port = free_port()
    async with Sandbox(seed=seed_records()) as sandbox:
        process = subprocess.Popen(  # noqa: ASYNC220 - it is only started here
            [sys.executable, "-m", "uvicorn", "shop:app", "--port", str(port)],
            cwd=tmp_path,
            env={**os.environ, "SHELFPORT_BASE_URL": sandbox.url},
            stderr=subprocess.PIPE,
        )
        try:
            badge = await _fetched(f"http://127.0.0.1:{port}/products/{CATALOGUE[0].variant_id}")
        finally:
            process.terminate()
            await asyncio.to_thread(process.communicate)

    assert {"badge": "In stock"} == badge


async def _fetched(url: str) -> object:
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as response:
                    return await response.json()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)
