"""The shared setup of the sandbox's tests: three records, a still clock and a client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import attrs

from shelfport.contracts.sandbox import Sandbox, SeedRecord
from shelfport.domain.model import variant_id
from tests.contracts.checked_client import CheckedClient

IN_STOCK = variant_id("00000000-0000-4000-8000-000000000001")
LOW = variant_id("00000000-0000-4000-8000-000000000002")
OUT = variant_id("00000000-0000-4000-8000-000000000003")
UNKNOWN = variant_id("00000000-0000-4000-8000-000000000009")
PATIENCE = aiohttp.ClientTimeout(total=5)
"""A request that hangs by mistake fails its test, and does not block the run."""
SEED = (SeedRecord(IN_STOCK, 100), SeedRecord(LOW, 5), SeedRecord(OUT, 0))


@attrs.define
class StillClock:
    now: datetime = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@asynccontextmanager
async def connected(sandbox: Sandbox) -> AsyncIterator[CheckedClient]:
    async with aiohttp.ClientSession(sandbox.url, timeout=PATIENCE) as session:
        yield CheckedClient(session)


async def poll(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; fail after 5 seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition has no event
            await asyncio.sleep(0.002)
