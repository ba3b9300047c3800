"""The example hosts: each starts with one variable, and none without it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOSTS = Path(__file__).parents[2] / "examples" / "hosts"
STARTS = {
    "aiohttp_shop": "import aiohttp_shop; aiohttp_shop.make_app()",
    "django_shop": "import django_shop.wsgi",
    "fastapi_shop": "import asyncio, fastapi_shop as shop\n"
    "async def start():\n    async with shop.lifespan(shop.app): pass\n"
    "asyncio.run(start())",
    "flask_shop": "import flask_shop",
    "litestar_shop": "import litestar_shop",
    "script": "import script\nwith script.inventory: pass",
}
"""How each host starts, up to its first request."""


def test_every_host_is_here() -> None:
    """Each example host is started below."""
    found = {p.stem for p in HOSTS.glob("*.py")} - {"manage"}
    found |= {p.parent.name for p in HOSTS.glob("*/wsgi.py")}

    assert set(STARTS) == found


def start(host: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Start the host in an environment that has `variables` of shelfport alone."""
    others = {name: v for name, v in os.environ.items() if not name.startswith("SHELFPORT_")}
    return subprocess.run(
        [sys.executable, "-c", STARTS[host]],
        env={**others, **variables, "PYTHONPATH": str(HOSTS)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("host", STARTS)
def test_an_address_is_enough(host: str, tmp_path: Path) -> None:
    """A host starts with SHELFPORT_BASE_URL and no other variable."""
    done = start(host, tmp_path, SHELFPORT_BASE_URL="http://127.0.0.1:9")

    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("host", STARTS)
def test_without_an_address(host: str, tmp_path: Path) -> None:
    """Without it, a host does not start, and the last line of its output says what to set."""
    done = start(host, tmp_path)

    assert 1 == done.returncode
    assert "SettingsError: base_url is not set: set it to" in done.stderr.splitlines()[-1]
