"""A worker of a run, which crashes where the plan says, and may lack one of its protections."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import attrs

from shelfport import Settings, build
from shelfport.adapters.queue import entry_processor as attempt
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.domain.model import Claim
from shelfport.http import HttpInventory
from shelfport.options import BreakerOptions, HttpOptions, QueueOptions
from shelfport.ports import Call, Initialized, InitialStock
from tests.durability.plan import Plan, Sabotage
from tests.durability.shop import Catalog

Method = Callable[..., Awaitable[Any]]


async def work(plan: Plan, dies_after: int | None) -> None:
    """Process the queue until SIGTERM.

    Args:
        plan: the run.
        dies_after: SIGKILL comes before or after this many steps, each a call of the queue, the
            service or the catalog; None for a worker that ends only when it is killed.
    """
    _sabotage(plan.sabotage)
    if dies_after is not None:
        _be_mortal(dies_after)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    catalog = Catalog(plan.url)
    settings = Settings(
        base_url=plan.service_url,
        http=HttpOptions(attempt_timeout=0.4, connect_timeout=0.2),
        breaker=BreakerOptions(open_duration=0.2, half_open_timeout=0.5, slow_call_duration=0.35),
        queue=QueueOptions(
            url=plan.url,
            create_schema=False,
            max_concurrency=plan.at_once,
            base_delay=0.2,
            max_delay=1.0,
            max_attempts=200,
            attempt_timeout=plan.lease / 3,
            catalog_timeout=plan.lease / 3.5,
            lease=plan.lease,
            poll_interval=0.1,
            shutdown_timeout=2.0,
        ),
    )
    try:
        async with build(settings, catalog=catalog):
            await stop.wait()
    finally:
        await catalog.close()


def _sabotage(sabotage: Sabotage) -> None:
    """Remove a protection, in this process only."""
    match sabotage:
        case Sabotage.READ:
            patch.object(attempt, "must_read_first", lambda entry: False).start()
        case Sabotage.LEASE:
            claim = SqlQueue.claim

            async def claim_for_no_time(self: SqlQueue, **terms: Any) -> Any:
                return await claim(self, **{**terms, "lease": 0.0})

            async def renew_for_nothing(self: SqlQueue, claim: Claim, **terms: Any) -> bool:
                return True

            patch.object(SqlQueue, "claim", claim_for_no_time).start()
            patch.object(SqlQueue, "renew", renew_for_nothing).start()
        case Sabotage.KEY:
            initialize = HttpInventory.initialize

            async def under_a_new_key(
                self: HttpInventory, request: InitialStock, call: Call
            ) -> Initialized:
                return await initialize(self, attrs.evolve(request, idempotency_key=uuid4()), call)

            patch.object(HttpInventory, "initialize", under_a_new_key).start()
        case Sabotage.NONE:
            pass


_STEPS: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
    (
        SqlQueue,
        ("claim", "renew", "note_marked", "complete", "retry_later", "give_back", "dead_letter"),
    ),
    (HttpInventory, ("read", "initialize")),
    (Catalog, ("mark_not_orderable", "mark_orderable")),
)


def _be_mortal(dies_after: int) -> None:
    left = dies_after

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def mortal(method: Method) -> Method:
        @wraps(method)
        async def stepwise(*args: Any, **options: Any) -> Any:
            step()
            result = await method(*args, **options)
            step()
            return result

        return stepwise

    for kind, names in _STEPS:
        for name in names:
            setattr(kind, name, mortal(getattr(kind, name)))
