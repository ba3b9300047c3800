"""P12: calls from a thread without an event loop."""

import asyncio
import gc
import importlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from anyio.from_thread import start_blocking_portal

from benchmarks.measuring import Spread, Times
from benchmarks.outcome import Goal, Row
from benchmarks.surroundings import Service, Variants, records
from shelfport import Settings, build

PAGE = 24
_SYNC = ("shelfport.adapters.facade.sync", "SyncInventoryIntegration")


async def p12(service: Service) -> Row:
    """A page of hits through the synchronous façade, and through a bare portal."""
    return await asyncio.to_thread(_p12, service)


def _p12(service: Service) -> Row:
    records(logging.INFO)
    work = f"page of {PAGE}, cache hit, from a thread (floor: anyio's bare blocking portal)"
    try:
        sync: Any = getattr(importlib.import_module(_SYNC[0]), _SYNC[1])
    except ModuleNotFoundError:
        absent = Goal("there is a synchronous façade", 0, Spread.of([1.0]), exact=True)
        return Row("P12", work, [absent])
    rounds, count = 40, 60
    ids = Variants().some(PAGE)
    inventory = build(Settings(base_url=service.root))

    def calls(call: Callable[[Sequence[UUID]], object]) -> float:
        gc.collect()
        began = time.perf_counter()
        for _ in range(count):
            call(ids)
        return (time.perf_counter() - began) / count

    bare, facade = "bare portal", "shelfport"
    times: dict[str, list[float]] = {bare: [], facade: []}
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(inventory),
        sync(build(Settings(base_url=service.root))) as waiting,
    ):
        works = {
            bare: lambda ids: portal.call(inventory.get_stock_levels, ids),
            facade: waiting.get_stock_levels,
        }
        for round_ in range(-1, rounds):
            for name in (bare, facade) if round_ % 2 else (facade, bare):
                works[name](ids)  # fresh for the next seconds
                seconds = calls(works[name])
                if round_ >= 0:
                    times[name].append(seconds)
    measured = Times(times)
    return Row(
        "P12",
        work,
        [Goal("1.3 × the bare portal", 1.3, measured.ratio(facade, bare))],
        measured.spreads(),
    )
