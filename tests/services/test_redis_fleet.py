"""A cold fleet of processes on one Redis asks the service once, and survives its outage."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.contracts.sandbox.journal import JournalEntry
from tests.support.figures import Report
from tests.support.values import an_id

LONG = bool(os.environ.get("SHELFPORT_LONG"))
PROCESSES, VARIANTS, PAGES = (20, 500, 60) if LONG else (4, 250, 20)
ROOT = Path(__file__).parents[2]


@attrs.frozen
class Worker:
    """A process, and the pipes to talk to it."""

    process: asyncio.subprocess.Process

    async def told(self, **command: Any) -> dict[str, Any]:
        """The answer to a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 120)
        assert line, f"a worker ended with {await self.process.wait()}"
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def working(*arguments: str) -> AsyncIterator[Worker]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.services.fleet_worker", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        limit=2**24,
    )
    try:
        yield Worker(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()  # which ends it
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def asked(journal: Iterable[JournalEntry]) -> list[tuple[str, datetime]]:
    """Each id that the service received, once for each request, and when."""
    found = []
    for entry in journal:
        _, _, listed = entry.query.partition("productVariantIds=")
        ids = listed.replace("%2C", ",").split(",") if listed else [entry.path.rsplit("/", 1)[1]]
        found += [(variant, entry.received_at) for variant in ids]
    return found


def truly_dated(as_of: dict[str, str], requests: Sequence[tuple[str, datetime]]) -> bool:
    """Whether each date is the moment just before a request for that variant."""
    when: dict[str, list[datetime]] = {}
    for variant, received_at in requests:
        when.setdefault(variant, []).append(received_at)
    return all(
        any(
            timedelta(0) <= received_at - datetime.fromisoformat(date) < timedelta(seconds=20)
            for received_at in when[variant]
        )
        for variant, date in as_of.items()
    )


async def all_told(workers: Sequence[Worker], **command: Any) -> list[dict[str, Any]]:
    return await asyncio.gather(*(worker.told(**command) for worker in workers))


async def test_a_cold_fleet(redis_url: str, prefix: str, report: Report) -> None:
    """All read the same page at once; then each reads random pages; then the service is down."""
    same = [str(an_id(number)) for number in range(1, VARIANTS + 1)]
    mixed = [str(an_id(number)) for number in range(10_001, 10_001 + VARIANTS)]
    async with Sandbox() as sandbox, AsyncExitStack() as stack:
        for number in (*range(1, VARIANTS + 1), *range(10_001, 10_001 + VARIANTS)):
            sandbox.set_stock(an_id(number), 7)
        arguments = (sandbox.url, redis_url, prefix)
        workers = [await stack.enter_async_context(working(*arguments)) for _ in range(PROCESSES)]
        await asyncio.gather(*(worker.answer() for worker in workers))

        # (a) The same for all, at once.
        views = await all_told(workers, view=same)
        at_once = sandbox.journal
        freshness = sum((Counter(view["freshness"]) for view in views), Counter[str]())
        report(
            f"{PROCESSES} processes ask for the same {VARIANTS} at once: {len(at_once)} requests; "
            f"{dict(freshness)}"
        )

        # (b) Random pages.
        sandbox.clear_journal()
        browsed = await asyncio.gather(
            *(worker.told(pages=PAGES, of=mixed, seed=seed) for seed, worker in enumerate(workers))
        )
        requests = asked(sandbox.journal)
        distinct = {variant for variant, _ in requests}
        report(
            f"{PROCESSES * PAGES} random pages of 24: {len(sandbox.journal)} requests for "
            f"{len(requests)} ids, {len(distinct)} distinct "
            f"({len(requests) / len(distinct):.3f} each)"
        )

        # The service goes, and the windows end; one more process starts with nothing in memory.
        sandbox.faults = Faults(mode="refuse")
        workers.append(await stack.enter_async_context(working(*arguments)))
        await workers[-1].answer()
        await all_told(workers, later=61.0)
        stale = await asyncio.gather(
            *(
                worker.told(pages=PAGES // 2, of=mixed, seed=100 + seed)
                for seed, worker in enumerate(workers)
            )
        )
        shown = sum((Counter(view["freshness"]) for view in stale), Counter[str]())
        report(f"without the service: {dict(shown)}, {sum(v['unavailable'] for v in stale)} not")

    if os.environ.get("SHELFPORT_LONG"):
        assert len(at_once) <= 4
    assert len(at_once) <= (VARIANTS + 199) // 200 + 1
    assert {0} == {view["unavailable"] for view in (*views, *browsed, *stale)}
    assert len(requests) <= 1.1 * len(distinct)
    assert {"STALE": len(workers) * (PAGES // 2) * 24} == shown
    assert all(truly_dated(view["as_of"], requests) for view in (*browsed, *stale))


def test_the_judge_of_dates() -> None:
    """A date without a request just after it is not true."""
    moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")

    assert truly_dated({"a": moment.isoformat()}, [("a", moment + timedelta(seconds=1))])
    for off in (-1, 30):
        assert not truly_dated({"a": moment.isoformat()}, [("a", moment + timedelta(seconds=off))])
    with pytest.raises(KeyError):
        truly_dated({"b": moment.isoformat()}, [("a", moment)])
