"""schemathesis against the sandbox: whatever the yaml allows or forbids, the sandbox keeps it.

Run by `nox -s schemathesis`; what is given to it goes on to `st run`. The same seed draws the same
requests.
"""

import asyncio
import logging
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from shelfport.contracts.sandbox import Sandbox, seed_records

HERE = Path(__file__).parent
YAML = HERE.parents[2] / "contracts" / "inventory-service.yaml"
TOKEN = "schemathesis"
OPTIONS = (
    *("--seed", "20260314"),
    *("--max-examples", "300"),
    # Stateful testing needs links, which the contract does not have.
    *("--phases", "examples,coverage,fuzzing"),
    # Not `validation_mismatch`: most keys that are drawn twice come with another body.
    *("--warnings", "missing_auth,missing_test_data,unused_openapi_auth"),
)
MUST_HAPPEN = {
    *(("GET", 200), ("GET", 400), ("GET", 401), ("GET", 404)),
    *(("POST", 201), ("POST", 400), ("POST", 401), ("POST", 409), ("POST", 422)),
}
"""Answers without which the run has shown little."""


def st(url: str) -> int:
    """Run `st`, with this folder's settings, against the service at `url`."""
    command = [sys.executable, "-m", "schemathesis.cli"]
    command += ["--config-file", str(HERE / "settings.toml")]
    command += ["run", str(YAML), "--url", url, "--header", f"Authorization: Bearer {TOKEN}"]
    with TemporaryDirectory() as folder:  # it leaves its failures there for `st replay`
        return subprocess.run(
            [*command, *OPTIONS, *sys.argv[1:]], check=False, cwd=folder
        ).returncode


async def main() -> int:
    """Start the sandbox, let `st` ask it, and tell what it answered."""
    # A probe sends what is no HTTP, and aiohttp would log a traceback of its own refusal.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    async with Sandbox(seed=seed_records(), token=TOKEN) as sandbox:
        code = await asyncio.to_thread(st, sandbox.url)
        answers = Counter((entry.method, entry.status) for entry in sandbox.journal)
    for (method, status), count in sorted(answers.items(), key=str):
        sys.stdout.write(f"{method} answered {status}: {count} times\n")
    missing = MUST_HAPPEN - answers.keys()
    if missing:
        sys.stdout.write(f"never seen: {sorted(missing)}\n")
    return code or int(bool(missing))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
