"""PostgreSQL crashes and restarts during the work."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.errors import QueueFailed
from tests.support.private_postgres import PrivatePostgres, private_postgres
from tests.support.queue_cases import an_entry, claimed, key_of


@pytest.fixture
def server() -> Iterator[PrivatePostgres]:
    with private_postgres() as server:
        yield server


async def test_a_crash_in_mid_work(server: PrivatePostgres) -> None:
    """What was stored before the crash is there after it; meanwhile there is one clear error.

    Callers that are in the middle of it get that error, too; afterwards the same queue goes on,
    and stores what it could not say it had stored under the same key, once.
    """
    stored: set[UUID] = set()
    unsure = []
    enough = asyncio.Event()

    async def host(queue: SqlQueue, number: int) -> None:
        for n in range(1000):
            entry = an_entry(number * 1000 + n)
            try:
                await queue.add(entry)
            except QueueFailed as error:
                unsure.append((entry, error))
                return
            stored.add(key_of(entry))
            if len(stored) == 50:
                enough.set()

    async with SqlQueue(database(server.url)) as queue:
        hosts = [asyncio.create_task(host(queue, number)) for number in range(4)]
        await enough.wait()
        [claim] = await claimed(queue, 10_000)
        await asyncio.to_thread(server.kill)
        await asyncio.gather(*hosts)

        assert 4 == len(unsure)
        with pytest.raises(QueueFailed, match="cannot be reached") as caught:
            await queue.stats()
        assert caught.value.__cause__ is not None

        await asyncio.to_thread(server.start)
        for entry, _ in unsure:
            await queue.add(entry)
            stored.add(key_of(entry))
        kept = [key_of(entry) for entry in await queue.entries(limit=100_000)]
        assert sorted(stored) == sorted(kept)
        assert await queue.complete(claim)


async def test_a_server_that_is_down(server: PrivatePostgres) -> None:
    """Opening a queue on a server that is down fails with one sentence."""
    server.kill()

    place = rf"postgresql://127\.0\.0\.1:{server.port}/postgres"
    with pytest.raises(QueueFailed, match=f"the queue in {place} cannot be reached: "):
        await SqlQueue(database(server.url)).__aenter__()
