"""`reconcile` in front of a person: a real terminal, which a pseudo-terminal is."""

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
BAR = re.compile(r"Looking for records .*?(\d+)/450")
ERASED = "\x1b[2K"


async def in_a_terminal(folder: Path, url: str) -> tuple[str, str]:
    """What `reconcile` writes to stdout, a pipe, and to stderr, a terminal."""
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
        shown = await screen
    assert 1 == process.returncode  # something is missing
    return out.decode(), shown.decode()


def _all_of(terminal: int) -> bytes:
    """What is written to `terminal` until nobody has it open any more."""
    written = b""
    # Linux ends it with EIO, others with an empty read.
    with suppress(OSError):
        while some := os.read(terminal, 65536):
            written += some
    os.close(terminal)
    return written


async def test_a_bar_for_a_person(tmp_path: Path) -> None:
    """The bar counts the variants that were looked at, and is gone from the screen at the end."""
    async with Sandbox() as sandbox:
        # Long enough for the bar, which is drawn ten times a second, to be seen half-way.
        sandbox.faults = Faults(latency=0.4)
        out, screen = await in_a_terminal(tmp_path, sandbox.url)

    counted = [int(count) for count in BAR.findall(screen)]
    assert {0, 450} < set(counted) <= {0, 200, 400, 450}
    assert sorted(counted) == counted
    last = screen.rindex("450/450")
    assert ERASED in screen[last:]
    assert "450 given, 0 have a record" in out
    assert "Looking for records" not in out
