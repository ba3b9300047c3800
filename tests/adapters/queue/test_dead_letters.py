"""What makes an entry a dead letter, and what never does."""

import asyncio
from datetime import timedelta

import pytest

from shelfport import InitializationPolicy, InventoryError, ProductVariantId
from shelfport.domain.model import PathFailed, RequestBlocked
from shelfport.domain.services.queue_policy import MOST_CRASHES
from shelfport.errors import (
    CircuitOpen,
    Conflict,
    OperationInProgress,
    RequestRejected,
    TimedOut,
    Unauthorized,
)
from shelfport.options import QueueOptions
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from shelfport.signals import InitializationDeadLettered
from tests.adapters.queue.world import Shop, World, advance, attempted
from tests.support.clocks import EPOCH, LoopClock
from tests.support.values import an_initial_stock

DAY = 86_400.0


def an_entry(tries: int = 0) -> QueuedInitialization:
    return QueuedInitialization(request=an_initial_stock(), queued_at=EPOCH, tries=tries)


async def reason_of(world: World, entry: QueuedInitialization) -> DeadLetterReason | None:
    """Why the stored entry is a dead letter; None while it waits."""
    found = await world.find(entry)
    assert found is not None
    return None if found.dead_letter is None else found.dead_letter.reason


async def attempted_again(world: World, seconds: float) -> bool:
    """Advance the clock by `seconds`, and make one attempt at the entry that is due."""
    advance(world, seconds)
    return await world.processor().process(await world.claim())


async def crashed(world: World, times: int) -> None:
    """Workers claim the entry, and each ends while it holds it."""
    for _ in range(times):
        await world.claim()
        advance(world, world.options.lease)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Conflict("key"), DeadLetterReason.KEY_REUSED),
        (RequestRejected("no"), DeadLetterReason.REJECTED),
    ],
)
async def test_a_final_refusal_is_dead_lettered_at_once(
    error: InventoryError, reason: DeadLetterReason
) -> None:
    """A final refusal is a dead letter, and is reported."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: error

    assert await attempted(world, entry)

    assert reason is await reason_of(world, entry)
    found = await world.find(entry)
    assert found is not None
    assert str(error) == found.last_error
    [signal] = world.signals
    assert isinstance(signal, InitializationDeadLettered)
    assert (reason, error) == (signal.reason, signal.error)


async def test_the_limit_of_attempts() -> None:
    """The answer that reaches max_attempts is the last one."""
    world, entry = World(QueueOptions(max_attempts=3)), an_entry(tries=7)
    error = OperationInProgress("at it")
    world.service.writing = lambda _: error

    assert await attempted(world, entry)
    assert await attempted_again(world, 600)
    assert await reason_of(world, entry) is None
    assert await attempted_again(world, 600)

    assert DeadLetterReason.EXHAUSTED is await reason_of(world, entry)
    signal = world.signals[-1]
    assert isinstance(signal, InitializationDeadLettered)
    assert (DeadLetterReason.EXHAUSTED, error) == (signal.reason, signal.error)


@pytest.mark.parametrize(
    "error",
    [TimedOut("late"), PathFailed("a redirect"), RequestBlocked("a filter"), Unauthorized("token")],
    ids=lambda error: type(error).__name__,
)
async def test_what_is_no_answer_exhausts_nothing(error: InventoryError) -> None:
    """However often anything else fails, the entry waits, and is opened afterwards."""
    world, entry = World(QueueOptions(max_attempts=1)), an_entry()
    world.service.writing = lambda _: error
    await attempted(world, entry)
    for _ in range(100):
        assert await attempted_again(world, 600)

    found = await world.find(entry)
    assert found is not None
    assert (101, 0, None) == (found.tries, found.attempts, found.dead_letter)
    world.service.writing = lambda _: None
    assert await attempted_again(world, 600)
    assert await world.find(entry) is None


async def test_an_entry_that_crashes_its_workers() -> None:
    """After MOST_CRASHES claims that ended with their process, the next worker sends nothing."""
    world, entry = World(), an_entry()
    await world.queue.add(entry)
    await crashed(world, MOST_CRASHES)

    assert await attempted_again(world, 0)

    assert [] == world.log
    assert DeadLetterReason.CRASHED is await reason_of(world, entry)
    found = await world.find(entry)
    assert found is not None
    assert "5 workers ended while they held it: it may crash its worker" == found.last_error
    [signal] = world.signals
    assert isinstance(signal, InitializationDeadLettered)
    assert (DeadLetterReason.CRASHED, None) == (signal.reason, signal.error)


async def test_crashes_count_in_a_row_only() -> None:
    """A try that ends in order, though it fails, resets the count of crashes."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: TimedOut("late")
    await world.queue.add(entry)
    for _ in range(3):
        await crashed(world, MOST_CRASHES - 1)
        assert await attempted_again(world, 600)
        advance(world, 600)

    found = await world.find(entry)
    assert found is not None
    assert (3, 0, None) == (found.tries, found.claims, found.dead_letter)


async def test_this_process_own_refusals_are_no_crashes() -> None:
    """An entry that is given back again and again is not suspected of crashing its worker."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: CircuitOpen("open")
    await world.queue.add(entry)
    for _ in range(10 * MOST_CRASHES):
        assert not await world.processor().process(await world.claim())

    assert entry == await world.find(entry)


async def test_a_retried_crash_is_tried_again() -> None:
    """A person retries an entry that crashed its workers: the next worker makes an attempt."""
    world, entry = World(), an_entry()
    await world.queue.add(entry)
    await crashed(world, MOST_CRASHES)
    await attempted_again(world, 0)
    assert await world.queue.retry(entry.request.idempotency_key, now=world.clock.now())

    assert await attempted_again(world, 0)

    assert ["read", "initialize"] == world.log
    assert await world.find(entry) is None


async def test_an_entry_that_fails_for_too_long() -> None:
    """An entry that fails when it is older than max_age is a dead letter with its last error."""
    world, entry = World(QueueOptions(max_age=DAY)), an_entry()
    world.service.writing = lambda _: Unauthorized("the token is refused")

    await attempted(world, entry)
    assert await attempted_again(world, DAY - 1)
    assert await reason_of(world, entry) is None
    assert await attempted_again(world, 600)

    assert DeadLetterReason.EXPIRED is await reason_of(world, entry)
    found = await world.find(entry)
    assert found is not None
    assert "the token is refused" == found.last_error
    signal = world.signals[-1]
    assert isinstance(signal, InitializationDeadLettered)
    assert DeadLetterReason.EXPIRED is signal.reason


async def test_an_old_entry_gets_its_chance() -> None:
    """An entry that waited longer than max_age, as no worker ran, is tried, and opened."""
    world, entry = World(QueueOptions(max_age=DAY)), an_entry()
    await world.queue.add(entry)

    assert await attempted_again(world, 60 * DAY)

    assert ["initialize"] == world.log
    assert await world.find(entry) is None


@pytest.mark.looptime
@pytest.mark.parametrize("method", ["mark_not_orderable", "mark_orderable"])
async def test_a_catalog_that_fails_for_days(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's catalog fails for three days: the entry waits, and is done once it is repaired."""
    shop = Shop(QueueOptions(poll_interval=60), clock=LoopClock())
    entry = QueuedInitialization(
        request=an_initial_stock(),
        policy=InitializationPolicy.NOT_ORDERABLE,
        queued_at=shop.clock.now(),
    )
    await shop.queue.add(entry)

    async def broken(variant: ProductVariantId) -> None:
        raise OSError("the host's database is down")

    async with shop.worker():
        with monkeypatch.context() as failing:
            failing.setattr(shop.catalog, method, broken)
            await asyncio.sleep(3 * DAY)
            found = await shop.find(entry)
            assert found is not None
            assert (0, None) == (found.attempts, found.dead_letter)
            assert found.tries > 3 * DAY / (shop.options.max_delay + 120)
            assert found.due_at - shop.clock.now() <= timedelta(seconds=shop.options.max_delay)
        await asyncio.sleep(shop.options.max_delay + 60)

    assert {entry.request.variant_id: True} == shop.catalog.orderable
    assert 1 == len(shop.service.initializations)
    assert await shop.find(entry) is None
