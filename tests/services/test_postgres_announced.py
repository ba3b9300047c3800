"""PostgreSQL notifies the workers of other processes of new entries.

A wait of five minutes stands for a worker that does not poll.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

import asyncpg
import pytest
from dependency_injector import providers

from shelfport import Container, InMemoryInventory, Settings
from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.migration import Migrated, migrate
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.queue.sql.row import TABLE
from shelfport.adapters.queue.sql.schema import POSTGRES_STEPS
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.domain.model import DEFAULT_CALL, DeadLetterReason, StockReading
from shelfport.options import QueueOptions
from shelfport.outbox import QueuedInitialization
from tests.support.enqueuing import OF_POSTGRES, PRODUCT, Host, by_asyncpg
from tests.support.former_queue import former_queue
from tests.support.private_postgres import private_postgres
from tests.support.queue_cases import at, claimed, key_of
from tests.support.queues import an_entry, own_database, with_tables
from tests.support.values import an_initial_stock
from tests.support.waiting import eventually

hosts = pytest.mark.parametrize("host", OF_POSTGRES, ids=lambda host: host.__name__)
LONG = 300.0
PATIENCE = 30.0
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = $1"


@pytest.fixture
async def url(postgres_url: str) -> AsyncIterator[str]:
    async with own_database(postgres_url) as own:
        yield await with_tables(own)


@pytest.fixture
async def worker(url: str) -> AsyncIterator[SqlQueue]:
    """A worker's queue that listens; it is woken once when it begins to."""
    async with SqlQueue(database(url)) as queue:
        await woken(queue)
        yield queue


async def woken(queue: SqlQueue) -> None:
    """Return when `queue` is woken; fail after the timeout."""
    async with asyncio.timeout(PATIENCE):
        await queue.wait(LONG)


async def stays_asleep(queue: SqlQueue) -> bool:
    """Whether nothing wakes it for a moment; a notification takes milliseconds."""
    waiting = asyncio.create_task(queue.wait(LONG))
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return not done


async def listeners(url: str) -> list[int]:
    """The server's processes whose clients listen."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(LISTENERS, url.rpartition("/")[2])
    await connection.close()
    return [row["pid"] for row in rows]


@hosts
async def test_a_commit_wakes_other_processes(url: str, worker: SqlQueue, host: Host) -> None:
    """An entry that a host commits through its own driver wakes a worker in another process."""
    await host(url, an_entry(), False)
    assert await stays_asleep(worker)

    await host(url, an_entry(), True)
    await woken(worker)


async def test_a_worker_elsewhere_opens_the_record(url: str) -> None:
    """From the host's commit to the record without polling."""
    service = InMemoryInventory(clock=SystemClock())
    queue = QueueOptions(url=url, poll_interval=LONG)
    container = Container(
        settings=providers.Object(Settings(queue=queue)), adapter=providers.Object(service)
    )
    entry = QueuedInitialization(request=an_initial_stock(), queued_at=SystemClock().now())
    variant = entry.request.variant_id

    async def listening() -> bool:
        return bool(await listeners(url))

    async def opened() -> bool:
        return isinstance((await service.read([variant], DEFAULT_CALL))[variant], StockReading)

    async with container.integration():
        await eventually(listening)
        await by_asyncpg(url, entry, True)
        await eventually(opened)


async def test_a_retried_dead_letter_wakes_other_processes(url: str, worker: SqlQueue) -> None:
    """`shelfport queue retry` wakes the workers; their own changes do not."""
    async with SqlQueue(database(url)) as terminal:
        await terminal.add(an_entry())
        await woken(worker)
        [claim] = await claimed(terminal, 10)
        await terminal.renew(claim, now=at(11), lease=60)
        await terminal.retry_later(claim, due_at=at(20), error="again")
        assert await stays_asleep(worker)

        [claim] = await claimed(terminal, 20)
        await terminal.dead_letter(claim, now=at(20), reason=DeadLetterReason.REJECTED, error="no")
        await woken(worker)
        assert await stays_asleep(worker)
        assert await terminal.retry(key_of(claim.entry), now=at(21))
        await woken(worker)


async def test_it_listens_again(
    url: str, worker: SqlQueue, caplog: pytest.LogCaptureFixture
) -> None:
    """After a lost connection it logs, reconnects, is woken once, and gets notifications again."""
    caplog.set_level(logging.INFO, "shelfport.queue")
    [cut] = await listeners(url)
    waiting = asyncio.create_task(woken(worker))
    server = await asyncpg.connect(url)
    await server.execute("SELECT pg_terminate_backend($1)", cut)
    await server.close()

    await waiting
    assert cut not in await listeners(url)
    [record] = caplog.records
    assert "not receiving notifications of the queue in " in record.getMessage()
    assert await stays_asleep(worker)
    await by_asyncpg(url, an_entry(), True)
    await woken(worker)


async def test_a_server_that_was_down() -> None:
    """The same queue listens again after the server has crashed and started."""
    with private_postgres() as server:
        async with SqlQueue(database(server.url)) as queue, SqlQueue(database(server.url)) as host:
            await woken(queue)
            await asyncio.to_thread(server.kill)
            assert await stays_asleep(queue)
            await asyncio.to_thread(server.start)
            await woken(queue)
            await host.add(an_entry())
            await woken(queue)


async def test_without_a_notification(url: str, worker: SqlQueue) -> None:
    """Without a notification an entry waits for the poll interval."""
    server = await asyncpg.connect(url)
    await server.execute(f"DROP TRIGGER {TABLE}_announce ON {TABLE}")
    await server.close()
    await by_asyncpg(url, an_entry(), True)

    assert await stays_asleep(worker)
    await worker.wait(0.05)
    assert 1 == len(await claimed(worker, 10))


async def test_without_a_wait_there_is_no_listener(url: str) -> None:
    """A host that only enqueues, and a command, do not listen; a closed queue does not either."""
    async with SqlQueue(database(url)) as queue:
        await queue.add(an_entry())
        assert [] == await listeners(url)
        await woken(queue)  # by its own entry
        await woken(queue)  # by the begin of listening
        assert 1 == len(await listeners(url))

    async def all_gone() -> bool:
        return not await listeners(url)

    await eventually(all_gone)


async def test_an_older_schema_is_upgraded(postgres_url: str) -> None:
    """Tables of version 1 keep their entries, and notify after the upgrade."""
    async with own_database(postgres_url) as url:
        base, engine = database(url), database(url).engine()
        async with engine.connect() as connection:
            assert Migrated(0, 1) == await migrate(connection, base, steps=POSTGRES_STEPS[:1])
        await engine.dispose()
        former = former_queue(SystemClock().now(), host_ids=False)
        marks = [f"${n}" for n, _ in enumerate(former.columns, 1)]
        server = await asyncpg.connect(url)
        await server.execute(PRODUCT)
        await server.executemany(former.insert_statement(marks), former.rows())
        await server.close()

        async with SqlQueue(base) as queue:
            assert Migrated(1, len(POSTGRES_STEPS)) == queue.migrated
            assert list(former.entries) == list(await queue.entries())
            await woken(queue)
            await by_asyncpg(url, an_entry(), True)
            await woken(queue)
