"""Runs for tests: prepared, driven in a process of their own, and summarised."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from tests.durability.drive import Outcome
from tests.durability.plan import Plan
from tests.durability.shop import Shop
from tests.support.services import free_port

ROOT = Path(__file__).parents[2]
LONG = bool(os.environ.get("SHELFPORT_LONG"))


async def driven(url: str, folder: Path, **terms: Any) -> Outcome:
    """Create the tables at `url`, and carry out a run."""
    async with SqlQueue(database(url)):
        shop = Shop(url)
        shop.create_tables()
        shop.close()
    plan = Plan(url=url, folder=str(folder), service_port=free_port(), **terms)
    file = folder / "plan.json"
    file.write_bytes(msgspec.json.encode(plan))
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.durability.drive", str(file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=2 * plan.patience,
    )
    return msgspec.json.decode(run.stdout, type=Outcome)


def summary(outcome: Outcome) -> str:
    """The figures of a run, in a line."""
    kinds = [kind for kind, _ in outcome.violations]
    found = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
    return (
        f"{outcome.products} products, {outcome.kills} SIGKILLs ({outcome.kills_of_workers} of "
        f"workers), {outcome.requests} POST requests, {outcome.records} records, {outcome.dead} "
        f"dead letters, {outcome.seconds:.0f} s; violations: {found or 'none'}"
    )
