"""Thousands of failed calls leave no task, socket or memory behind."""

import asyncio
import gc
import os
import random
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from dependency_injector import providers

from shelfport import Container, Settings, Unavailable
from shelfport.options import (
    BreakerOptions,
    CacheOptions,
    HttpOptions,
    LimitOptions,
)
from tests.faults.servers import (
    Trouble,
    answer,
    garbage,
    hang,
    reset,
    reset_in_body,
    truncated,
    unavailable,
    wired,
)
from tests.support.figures import Report
from tests.support.values import ids

CALLS = 100_000 if os.environ.get("SHELFPORT_LONG") else 2_000
CALLERS = 40
TROUBLES: list[Trouble] = [
    answer,
    answer,
    unavailable,
    reset,
    reset_in_body,
    truncated,
    garbage,
    hang,
]


def open_sockets() -> int:
    """How many sockets this process has open."""
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except OSError:  # the descriptor with which we look, closed by now
            continue
    return sum(link.startswith("socket:") for link in links)


async def settled() -> None:
    """Let the loop run until transports are closed."""
    for _ in range(20):
        await asyncio.sleep(0.01)
    gc.collect()


@pytest.mark.usefixtures("unlogged")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts sockets in /proc")
async def test_nothing_leaks(report: Report) -> None:
    """No task, socket or memory is left, however the calls ended."""
    chance = random.Random(7)
    kinds: Counter[str] = Counter()

    async def any_trouble(writer: asyncio.StreamWriter, target: bytes) -> None:
        await chance.choice(TROUBLES)(writer, target)

    await settled()
    tasks_before, sockets_before = len(asyncio.all_tasks()), open_sockets()
    async with wired(any_trouble) as wire:
        container = Container(
            settings=providers.Object(
                Settings(
                    base_url=wire.url,
                    deadline=0.2,
                    http=HttpOptions(attempt_timeout=0.06),
                    cache=CacheOptions(soft_timeout=0.05),
                    # All calls shall go out.
                    breaker=BreakerOptions(
                        minimum_calls=100_000, window=1, slow_call_duration=0.05
                    ),
                    limit=LimitOptions(max_concurrency=100),
                )
            )
        )
        async with container.integration() as inventory:
            stock = ids(200)

            async def customer(calls: int) -> None:
                for _ in range(calls):
                    asked = chance.sample(stock, chance.randint(1, 3))
                    page = inventory.get_stock_levels(asked, max_staleness=0)
                    if chance.random() < 0.1:  # a customer who does not stay
                        try:
                            await asyncio.wait_for(page, chance.uniform(0.0, 0.01))
                        except TimeoutError:
                            kinds["left"] += 1
                        continue
                    for shown in (await page).values():
                        kinds["Unavailable" if isinstance(shown, Unavailable) else "stock"] += 1

            async def crowd(calls: int) -> None:
                await asyncio.gather(*(customer(calls // CALLERS) for _ in range(CALLERS)))

            tracemalloc.start()
            try:
                await crowd(CALLS // 5)  # fills what is bounded: the cache, pools, freelists
                await wire.hang_up()
                await settled()
                before, _ = tracemalloc.get_traced_memory()
                await crowd(CALLS)
                await wire.hang_up()
                await settled()
                after, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert 0 == len(container.background())
    await settled()

    grown = (after - before) / 1024
    report(
        f"{CALLS} calls, {wire.requests} requests, {dict(sorted(kinds.items()))}: "
        f"{len(asyncio.all_tasks()) - tasks_before} tasks, {open_sockets() - sockets_before} "
        f"sockets and {grown:.0f} KiB left over"
    )
    assert tasks_before == len(asyncio.all_tasks())
    assert sockets_before == open_sockets()
    assert grown < 512
    assert {"Unavailable", "left", "stock"} == set(kinds)
