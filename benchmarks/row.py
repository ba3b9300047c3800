"""One row, in a process of its own: `python -m benchmarks.row P3 URL`; prints it as JSON."""

import asyncio
import sys

import msgspec

from benchmarks.rows import ROWS
from benchmarks.surroundings import CLIENT_CORE, Service, alone_on


def main(key: str, root: str) -> None:
    """Measure the row `key` against the service at `root`."""
    alone_on(CLIENT_CORE)
    row = asyncio.run(ROWS[key](Service(root)))
    sys.stdout.buffer.write(msgspec.json.encode(row))


if __name__ == "__main__":
    main(*sys.argv[1:])
