"""What the documents show is what runs."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import aiohttp

from shelfport.contracts.sandbox import CATALOGUE, Sandbox, seed_records
from tests.hosts.readme_tabs import README, ROOT, section, split
from tests.support.services import free_port


def test_the_readme_shows_the_examples() -> None:
    """The README's examples are the files; `python tests/hosts/readme_tabs.py` puts them there."""
    assert section() == split(README.read_text("utf-8"))[1]


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
