"""Type-checks every Python block of the pages by mypy, strictly: run by `nox -s docs`.

A block becomes the body of a function, after the names that pages take for granted; so a forgotten
import of a name that is not public, or an argument that there is not, is an error with its page.
"""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from tests.docs.test_code_blocks import PYTHON
from tests.support.pages import ROOT

HEAD = """from shelfport import *
from tests.docs.given import *
import aiohttp
from dependency_injector import containers, providers

async def example() -> None:
"""
HEAD_LINES = HEAD.count("\n")


def write_blocks(folder: Path) -> dict[str, str]:
    """Write each block as a module in `folder`: where it stands, by the module's file name."""
    places: dict[str, str] = {}
    for number, block in enumerate(PYTHON):
        file = folder / f"block_{number:03}.py"
        file.write_text(HEAD + textwrap.indent(block.text, "    "), "utf-8")
        places[file.name] = f"{block.page.relative_to(ROOT)}:{block.line}"
    return places


def main() -> int:
    """Check them all at once; mypy's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        places = write_blocks(Path(folder))
        mypy = subprocess.run(
            # An example of a test shows no types of its fixtures.
            [
                *(sys.executable, "-m", "mypy", "--strict", "--no-error-summary"),
                *("--allow-untyped-defs", "--allow-untyped-calls"),
                "--allow-untyped-decorators",  # Celery has no types
                folder,
            ],
            cwd=ROOT,
            # Pages speak of the examples' own modules.
            env={**os.environ, "MYPYPATH": "examples/hosts"},
            text=True,
            capture_output=True,
            check=False,
        )
    for line in mypy.stdout.splitlines():
        found = re.match(r".*?(block_\d+\.py):(\d+): (.*)", line)
        if found:
            place = places[found.group(1)]
            sys.stdout.write(f"{place}, line {int(found.group(2)) - HEAD_LINES}: {found[3]}\n")
        else:
            sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{len(PYTHON)} Python blocks type-checked\n{mypy.stderr}")
    return mypy.returncode


if __name__ == "__main__":
    sys.exit(main())
