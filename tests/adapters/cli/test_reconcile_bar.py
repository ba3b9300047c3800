"""The progress bar of `reconcile` in a pseudo-terminal."""

import asyncio
import os
import pty
import re
import sys
from contextlib import suppress
from pathlib import Path

from shelfport.contracts.sandbox import Faults, Sandbox
from tests.adapters.cli.conftest import MAIN, SOURCES
from tests.support.values import ids

COUNT = 450
"""Three requests of 200 variants at most."""
BAR = re.compile(r"Reading records .*?(\d+)/450")
ERASED = "\x1b[2K"


async def in_a_terminal(folder: Path, url: str) -> tuple[str, str]:
    """The output of `reconcile`: stdout is a pipe, stderr a terminal."""
    file = folder / "variants.txt"
    file.write_text("\n".join(map(str, ids(COUNT))))
    ours, theirs = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SHELFPORT_", "NO_COLOR"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", MAIN),
        *("reconcile", str(file), "--dry-run", "--base-url", url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
        env=kept
        | {"PYTHONPATH": SOURCES, "PYTHONUTF8": "1", "TERM": "xterm", "COLUMNS": "100"}
        | {"SHELFPORT_QUEUE_URL": f"sqlite:///{folder}/queue.db"},
    )
    os.close(theirs)
    screen = asyncio.create_task(asyncio.to_thread(_all_of, ours))
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
        written = await screen
    assert 1 == process.returncode  # something is missing
    return out.decode(), written.decode()


def _all_of(terminal: int) -> bytes:
    """Everything that is written to `terminal` until its last writer closes it."""
    written = b""
    # Linux ends with EIO, other systems with an empty read.
    with suppress(OSError):
        while some := os.read(terminal, 65536):
            written += some
    os.close(terminal)
    return written


async def test_the_bar_counts_variants(tmp_path: Path) -> None:
    """The bar counts the variants that were read, and is erased at the end."""
    async with Sandbox() as sandbox:
        # The bar is drawn ten times a second: the latency lets it show intermediate counts.
        sandbox.faults = Faults(latency=0.4)
        out, screen = await in_a_terminal(tmp_path, sandbox.url)

    counted = [int(count) for count in BAR.findall(screen)]
    assert {0, 450} < set(counted) <= {0, 200, 400, 450}
    assert sorted(counted) == counted
    last = screen.rindex("450/450")
    assert ERASED in screen[last:]
    assert "450 given, 0 have a record" in out
    assert "Reading records" not in out
