"""The example of a third-party adapter: installed, found by its name, and tested by the suite."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "adapter-csv"
VARIANT = "c9bf9e57-1685-4c89-bafb-ff5af830be8a"
EXPORT = f"""\
variant_id,quantity,low_stock_threshold,updated_at
{VARIANT},7,10,2026-03-14T09:00:00+00:00
"""
HOST = f"""
import asyncio
from shelfport import build, load_settings

async def main():
    async with build(load_settings()) as inventory:
        page = await inventory.get_stock_levels(["{VARIANT}"])
        reading = page["{VARIANT}"]
        print(reading.source, reading.level.available_quantity, reading.level.status.value)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the example is installed, built from a copy of its sources."""
    pytest.importorskip("setuptools", reason="the example is built by setuptools")
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "sources")
    target = folder / "installed"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--no-build-isolation", "--no-index", "--target", target,
         folder / "sources"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def run(
    installed: Path, cwd: Path, *arguments: str | Path, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT / "src")]),
             **(env or {})},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_it_is_selected_by_settings(installed: Path, tmp_path: Path) -> None:
    """A host names it in its settings, and reads the stock of the warehouse's export."""
    export = tmp_path / "stock.csv"
    export.write_text(EXPORT)

    done = run(
        installed, tmp_path, "-c", HOST,
        env={"SHELFPORT_ADAPTER": "csvstock", "SHELFPORT_CSVSTOCK_FILE": str(export)},
    )  # fmt: skip

    assert done.stdout.split() == ["csvstock", "7", "LOW_STOCK"], done.stderr


def test_a_missing_variable_is_named(installed: Path, tmp_path: Path) -> None:
    """Without its file the adapter is not made, and the error names the variable to set."""
    done = run(installed, tmp_path, "-c", HOST, env={"SHELFPORT_ADAPTER": "csvstock"})

    assert done.returncode != 0
    assert "SHELFPORT_CSVSTOCK_FILE is not set" in done.stderr.splitlines()[-1]


def test_it_keeps_the_ports_obligations(installed: Path, tmp_path: Path) -> None:
    """Its own tests, which are the conformance suite, pass on the installed package."""
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
    )

    done = run(installed, tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")

    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_guide_shows_the_examples_own_code() -> None:
    """Every block of Python and TOML in the guide stands in the example as it is.

    The guide is docs/how-to/write-an-adapter.md. Blocks that are marked as the reader's own may
    differ.
    """
    guide = (ROOT / "docs" / "how-to" / "write-an-adapter.md").read_text("utf-8")
    shown = re.findall(
        r"(?<!^<!-- yours -->\n)^```(?:python|toml)\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE
    )
    sources = [p.read_text("utf-8") for p in EXAMPLE.rglob("*") if p.suffix in {".py", ".toml"}]

    assert len(shown) >= 5
    assert [] == [piece for piece in shown if not any(piece in source for source in sources)]
