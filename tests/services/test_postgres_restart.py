"""PostgreSQL crashes and restarts during the work."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from shelfport import HealthStatus, Settings, SystemClock, build, health
from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.errors import QueueFailed
from shelfport.options import QueueOptions
from shelfport.outbox import QueuedInitialization
from shelfport.signals import InitializationDone, QueueRecovered, QueueUnavailable, Signal
from tests.support.private_postgres import PrivatePostgres, private_postgres
from tests.support.queue_cases import an_entry, claimed, key_of
from tests.support.values import an_id, an_initial_stock
from tests.support.waiting import until


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
    """A queue whose server is down at the start opens, and works as soon as the server is up."""
    server.kill()

    place = rf"postgresql://127\.0\.0\.1:{server.port}/postgres"
    async with SqlQueue(database(server.url)) as queue:
        with pytest.raises(QueueFailed, match=f"the queue in {place} cannot be reached: "):
            await queue.add(an_entry())
        await asyncio.to_thread(server.start)
        assert await queue.add(an_entry())


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("/postgres", "/nowhere", 'database "nowhere" does not exist'),
        ("postgres@", "stranger@", 'role "stranger" does not exist'),
    ],
    ids=["database", "user"],
)
async def test_a_wrong_address(server: PrivatePostgres, right: str, wrong: str, words: str) -> None:
    """What only a person can correct is an error of the opening, even if the server answers."""
    head, _, tail = server.url.rpartition(right)
    with pytest.raises(QueueFailed, match=words):
        await SqlQueue(database(f"{head}{wrong}{tail}")).__aenter__()


async def test_a_host_whose_database_is_down_at_the_start(server: PrivatePostgres) -> None:
    """Pages are served, health names the queue, and the worker recovers without a restart."""
    server.kill()
    signals: list[Signal] = []
    options = QueueOptions(url=server.url, poll_interval=0.05)
    settings = Settings(adapter="memory", queue=options)
    async with build(settings, listener=signals.append) as inventory:
        assert "Stock information unavailable" == str(await inventory.get_stock_level(an_id(1)))
        await until(lambda: health(inventory.snapshot()).reasons != ())
        assert health(inventory.snapshot()).ready
        assert ("the queue of initializations is unavailable",) == (
            health(inventory.snapshot()).reasons
        )

        await asyncio.to_thread(server.start)
        await until(lambda: HealthStatus.OK is health(inventory.snapshot()).status)
        assert inventory.queue is not None
        now = SystemClock().now()
        await inventory.queue.add(QueuedInitialization(request=an_initial_stock(), queued_at=now))
        await until(lambda: any(isinstance(each, InitializationDone) for each in signals))

    kinds = [type(each) for each in signals if isinstance(each, QueueUnavailable | QueueRecovered)]
    assert [QueueUnavailable, QueueRecovered] == kinds
