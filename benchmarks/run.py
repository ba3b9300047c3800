"""`python -m benchmarks.run [--into FOLDER] [P1 …]`: the service, a process a row, the report."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.measuring import Spread
from benchmarks.outcome import Goal, Row
from benchmarks.plots import draw
from benchmarks.report import markdown, printed, renewed
from benchmarks.rows import ROWS

_LONGEST_ROW = 120.0
"""Seconds after which a row fails."""


@contextmanager
def service() -> Iterator[str]:
    """The root URL of a service on its own core, which ends with the block."""
    command = [sys.executable, "-m", "benchmarks.service"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        # The service ends when its standard input ends.


def measure(key: str) -> Row:
    """One row, measured in a process of its own beside a service of its own."""
    with service() as root:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.row", key, root],
            stdout=subprocess.PIPE,
            check=True,
            timeout=_LONGEST_ROW,
        )
    return msgspec.json.decode(done.stdout, type=Row)


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--into", type=Path, default=Path("reports/bench"))
    parser.add_argument(
        "--document", type=Path, help="a page whose table, between its marks, is renewed"
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    options = parser.parse_args(arguments)
    if unknown := [key for key in options.rows if key not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("two cores are needed: one for the service, one for its clients")
    began = time.monotonic()
    rows: list[Row] = []
    for key in options.rows or ROWS:
        try:
            row = measure(key)
        except (subprocess.SubprocessError, msgspec.MsgspecError) as error:
            # The other rows are still measured.
            unmeasured = Goal("it was measured", 0, Spread.of([1.0]), exact=True)
            row = Row(key, f"not measured: {error}", [unmeasured])
        rows.append(row)
        print("\n".join(printed(row)), flush=True)
    options.into.mkdir(parents=True, exist_ok=True)
    (options.into / "results.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(rows), indent=1)
    )
    (options.into / "table.md").write_text(markdown(rows), encoding="utf-8")
    draw(rows, options.into)
    if options.document is not None:
        page = options.document.read_text(encoding="utf-8")
        options.document.write_text(renewed(page, rows), encoding="utf-8")
    missed = [row.key for row in rows if not row.kept]
    took = time.monotonic() - began
    print(f"\n{len(rows)} rows in {took:.0f} s; MISS: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
