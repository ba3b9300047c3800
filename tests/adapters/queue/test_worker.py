import asyncio
import logging
from itertools import pairwise

import pytest

from shelfport import InitializationPolicy, InventoryError
from shelfport.adapters.layers.circuit_breaker.breaker import CallOutcome
from shelfport.errors import ConnectionFailed, QueueFailed, TimedOut
from shelfport.options import QueueOptions
from shelfport.outbox import QueuedInitialization
from shelfport.ports import (
    Call,
    Initialized,
    InitialStock,
    QueueSnapshot,
)
from shelfport.signals import BreakerState, QueueRecovered, QueueUnavailable
from tests.adapters.queue.world import Shop
from tests.support.clocks import EPOCH, LoopClock
from tests.support.ports import Answers, Ids
from tests.support.values import an_initial_stock

pytestmark = pytest.mark.looptime

OPTIONS = QueueOptions(max_concurrency=2, poll_interval=1.0)


@pytest.fixture
def shop() -> Shop:
    return Shop(OPTIONS, clock=LoopClock())


class Slow:
    """Takes `seconds` for each initialization, and counts how many run at once."""

    def __init__(self, shop: Shop, seconds: float) -> None:
        self.inner = shop.service
        self.seconds = seconds
        self.under_way = self.most = 0

    async def read(self, ids: Ids, call: Call) -> Answers:
        return await self.inner.read(ids, call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
            return await self.inner.initialize(request, call)
        finally:
            self.under_way -= 1


async def test_waiting_entries_are_processed(shop: Shop) -> None:
    """Entries queued before the worker started are done, and later ones at once."""
    await shop.put(5)
    async with shop.worker():
        await asyncio.sleep(0.1)
        assert (0, 5) == (await shop.waiting(), shop.done())

        await asyncio.sleep(10.3)
        await shop.put()
        await asyncio.sleep(0.01)
        assert (0, 6) == (await shop.waiting(), shop.done())


async def test_an_entry_of_another_process_is_found(shop: Shop) -> None:
    """Without a wake-up the worker finds an entry within its poll interval."""
    async with shop.worker():
        await asyncio.sleep(3.5)
        wake, shop.queue.wake = shop.queue.wake, lambda: None  # type: ignore[method-assign]  # no wake-up
        await shop.put()
        shop.queue.wake = wake  # type: ignore[method-assign]  # no wake-up
        await asyncio.sleep(1.0)
        assert 1 == shop.done()


async def test_without_a_catalog_entries_that_need_one_stay(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker without a catalog claims the entries behind one that is NOT_ORDERABLE, and says so.

    One WARNING says it, however long the entry waits.
    """
    shop.with_catalogue = False
    marked = QueuedInitialization(
        request=an_initial_stock(), policy=InitializationPolicy.NOT_ORDERABLE, queued_at=EPOCH
    )
    await shop.queue.add(marked)
    await shop.put(2)

    async with shop.worker():
        await asyncio.sleep(30)

    assert (2, marked) == (shop.done(), await shop.find(marked))
    [warning] = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "NOT_ORDERABLE, which this worker does not process" in warning.getMessage()


async def test_without_a_catalog_it_says_nothing_of_others(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker without a catalog gives no warning while no entry needs one."""
    shop.with_catalogue = False
    await shop.put(2)

    async with shop.worker():
        await asyncio.sleep(30)

    assert [] == [r for r in caplog.records if r.levelno == logging.WARNING]


async def test_it_claims_at_most_max_concurrency(shop: Shop) -> None:
    """It claims max_concurrency entries, leaves the rest, and claims the next as one ends."""
    await shop.put(6)
    slow = Slow(shop, 5.0)
    async with shop.worker(port=slow):
        await asyncio.sleep(1)
        held = [entry.holder for entry in await shop.queue.entries()]
        assert (2, 4) == (held.count("w"), held.count(None))
        await asyncio.sleep(14.5)
        assert (0, 2) == (await shop.waiting(), slow.most)


async def test_nothing_is_claimed_while_the_circuit_is_open(shop: Shop) -> None:
    """While the circuit is open no attempts are made; afterwards all entries are done."""
    shop.service.writing = lambda _: ConnectionFailed("down")
    count = len(await shop.put(10))
    async with shop.worker():
        await asyncio.sleep(25)
        assert BreakerState.OPEN is shop.breaker.state
        tried = len(shop.service.initializations)
        assert tried <= 4
        entries = await shop.queue.entries()
        assert (tried, 0) == (sum(e.tries for e in entries), sum(e.attempts for e in entries))
        assert 0 == sum(entry.claims for entry in entries)
        assert {None} == {entry.holder for entry in entries}

        await asyncio.sleep(7)  # the circuit lets one probe through, which fails
        assert tried + 1 == len(shop.service.initializations)

        shop.service.writing = lambda _: None
        await asyncio.sleep(60)
        assert (0, count) == (await shop.waiting(), shop.done())


async def test_forced_open(shop: Shop) -> None:
    """While the circuit is forced open, no entry is claimed."""
    shop.breaker.force(BreakerState.OPEN, shop.clock.monotonic())
    await shop.put()
    async with shop.worker():
        await asyncio.sleep(100)
        assert 0 == len(shop.service.initializations)
        shop.breaker.force(None, shop.clock.monotonic())
        await asyncio.sleep(1.1)
        assert 1 == shop.done()


async def test_a_probe_that_is_taken(shop: Shop) -> None:
    """Half-open, with the probe taken by another call, the worker waits, and counts nothing."""
    await shop.put()
    for _ in range(3):
        permit = shop.breaker.acquire(shop.clock.monotonic())
        assert permit is not None
        shop.breaker.release(permit, CallOutcome.FAILURE, shop.clock.monotonic())
    await asyncio.sleep(30)
    assert shop.breaker.acquire(shop.clock.monotonic()) is not None
    async with shop.worker():
        await asyncio.sleep(4)
        [entry] = await shop.queue.entries()
        assert (0, 0, 0) == (entry.tries, entry.claims, len(shop.service.initializations))


async def test_stopping_finishes_the_attempts_begun(shop: Shop) -> None:
    """A stopped worker finishes the attempts that it has begun, and claims no more."""
    await shop.put(4)
    async with shop.worker(port=Slow(shop, 2.0)):
        await asyncio.sleep(1)
        began = shop.clock.monotonic()

    assert 1 == shop.clock.monotonic() - began
    assert [(None, 0, 0)] * 2 == [
        (entry.holder, entry.tries, entry.claims) for entry in await shop.queue.entries()
    ]


async def test_stopping_is_bounded(shop: Shop) -> None:
    """An unfinished entry is due at once; its try counts, as the request was sent."""
    await shop.put(1)
    async with shop.worker(port=Slow(shop, 1000.0)):
        await asyncio.sleep(1)
        began = shop.clock.monotonic()

    assert 5 == shop.clock.monotonic() - began
    [entry] = await shop.queue.entries()
    assert (None, shop.clock.now()) == (entry.holder, entry.due_at)
    assert (1, 0, 0) == (entry.tries, entry.attempts, entry.claims)


async def test_two_workers(shop: Shop) -> None:
    """Two workers on one queue do everything once."""
    entries = await shop.put(20)
    slow = Slow(shop, 0.5)
    async with shop.worker("a", slow), shop.worker("b", slow):
        await asyncio.sleep(10)

    assert 4 == slow.most
    assert sorted(entry.request.idempotency_key for entry in entries) == sorted(
        request.idempotency_key for request, _ in shop.service.initializations
    )


async def test_a_failing_entry_does_not_delay_others(shop: Shop) -> None:
    """An entry that fails each time does not delay the others."""
    poison, *others = await shop.put(8)

    def writing(request: InitialStock) -> InventoryError | None:
        return TimedOut("poison") if request == poison.request else None

    shop.service.writing = writing
    async with shop.worker():
        await asyncio.sleep(0.5)
        assert len(others) == shop.done()
        assert 1 == await shop.waiting()


async def test_a_queue_that_fails(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A failing queue is reported once, used less often each time, and its recovery reported."""
    calls: list[float] = []

    async def fail(**_: object) -> object:
        calls.append(shop.clock.monotonic())
        raise QueueFailed("the disk is full")

    await shop.put()
    async with shop.worker() as worker:
        with monkeypatch.context() as broken:
            broken.setattr(shop.queue, "claim", fail)
            await asyncio.sleep(60)
            assert "the disk is full" == worker.snapshot(shop.clock.now()).error
        await asyncio.sleep(10)
        assert worker.snapshot(shop.clock.now()).error is None

    pauses = [round(later - earlier) for earlier, later in pairwise(calls)]
    assert [2, 4, 8, 10] == pauses[:4]
    reported = [type(s) for s in shop.signals if isinstance(s, QueueUnavailable | QueueRecovered)]
    assert [QueueUnavailable, QueueRecovered] == reported
    assert 1 == shop.done()


async def test_a_bug_does_not_end_the_worker(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If the queue raises an unexpected error, the worker logs it and continues."""

    async def bug(**_: object) -> object:
        raise LookupError("bug")

    await shop.put()
    async with shop.worker():
        with monkeypatch.context() as broken:
            broken.setattr(shop.queue, "claim", bug)
            await asyncio.sleep(0.1)
        await asyncio.sleep(11)

    assert 1 == shop.done()
    assert [logging.ERROR] == [record.levelno for record in caplog.records]


async def test_snapshot(shop: Shop) -> None:
    """The snapshot has the last statistics and their instant; before the first, neither."""
    shop.breaker.force(BreakerState.OPEN, shop.clock.monotonic())
    await shop.put(3)
    worker = shop.worker()
    assert QueueSnapshot(as_of=None) == worker.snapshot(shop.clock.now())
    async with worker:
        await asyncio.sleep(7)
        seen = worker.snapshot(shop.clock.now())
        assert (3, 7.0, 0, None) == (seen.waiting, seen.oldest_age, seen.dead_letters, seen.error)
        assert seen.as_of is not None
        assert 0 <= (shop.clock.now() - seen.as_of).total_seconds() <= 5
        shop.breaker.force(None, shop.clock.monotonic())
        await asyncio.sleep(7)
        assert (0, None) == (
            worker.snapshot(shop.clock.now()).waiting,
            worker.snapshot(shop.clock.now()).oldest_age,
        )
