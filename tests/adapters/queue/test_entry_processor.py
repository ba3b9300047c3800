import asyncio

import attrs
import pytest

from shelfport import InitializationPolicy, InventoryError
from shelfport.domain.model import Claim
from shelfport.errors import (
    CircuitOpen,
    OperationInProgress,
    QueueFailed,
    ServiceOverloaded,
    TimedOut,
)
from shelfport.options import QueueOptions
from shelfport.outbox import QueuedInitialization
from shelfport.signals import InitializationDone, InitializationPostponed
from tests.adapters.queue.world import World, advance, attempted
from tests.support.clocks import EPOCH, LoopClock
from tests.support.queue_cases import at
from tests.support.values import an_initial_stock

RETRY_LATER = InitializationPolicy.RETRY_LATER
NOT_ORDERABLE = InitializationPolicy.NOT_ORDERABLE
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def an_entry(policy: InitializationPolicy = RETRY_LATER, *, tries: int = 0) -> QueuedInitialization:
    return QueuedInitialization(
        request=an_initial_stock(),
        policy=policy,
        queued_at=EPOCH,
        correlation_id="the-host's",
        traceparent=TRACE,
        tries=tries,
    )


async def hang(variant: object) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("entry", "steps"),
    [
        (an_entry(), ["initialize"]),
        (an_entry(tries=1), ["read", "initialize"]),
        (an_entry(NOT_ORDERABLE), ["mark_not_orderable", "initialize", "mark_orderable"]),
        (
            an_entry(NOT_ORDERABLE, tries=1),
            ["mark_not_orderable", "read", "initialize", "mark_orderable"],
        ),
    ],
)
async def test_the_steps_of_an_attempt(entry: QueuedInitialization, steps: list[str]) -> None:
    """Mark, read if the record may exist, request it, unmark, complete the entry, and report it.

    All caches are told of the record, the innermost first.
    """
    world = World()
    advance(world, 7.5)

    assert await attempted(world, entry)

    assert steps == world.log
    assert await world.find(entry) is None
    variant = entry.request.variant_id
    assert [("inner", variant), ("outer", variant)] == world.invalidated
    [done] = world.signals
    assert isinstance(done, InitializationDone)
    assert (entry.request, 7.5) == (done.entry.request, done.took)


async def test_an_attempt_carries_the_hosts_ids() -> None:
    """Each request carries the entry's key and the host's ids, and accepts no cached answer."""
    world, entry = World(), an_entry(tries=2)

    await attempted(world, entry)

    [(_, reading)] = world.service.reads
    [(request, writing)] = world.service.initializations
    assert entry.request == request
    assert {("the-host's", TRACE, 3, 0, 10.0)} == {
        (c.correlation_id, c.traceparent, c.attempt, c.max_staleness, c.deadline)
        for c in (reading, writing)
    }


async def test_a_write_that_timed_out_is_settled_by_reading() -> None:
    """The service wrote and did not answer: the next attempt reads the record, and sends none."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: TimedOut("late")
    world.service.writes_first = True

    assert await attempted(world, entry)
    advance(world, 10)
    assert await world.processor().process(await world.claim())

    assert ["initialize", "read"] == world.log
    assert await world.find(entry) is None


@pytest.mark.parametrize(
    ("error", "due", "attempts"),
    [
        (TimedOut("late"), 1, 0),
        (ServiceOverloaded("busy", retry_after=20.0), 21, 0),
        (OperationInProgress("at it"), 1, 1),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_transient_failure_is_postponed(
    error: InventoryError, due: float, attempts: int
) -> None:
    """A failed entry is due after Retry-After and the delay; only an answer is an attempt."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: error

    assert await attempted(world, entry)

    found = await world.find(entry)
    assert found is not None
    assert (1, attempts, 0) == (found.tries, found.attempts, found.claims)
    assert (at(due), str(error)) == (found.due_at, found.last_error)
    [signal] = world.signals
    assert isinstance(signal, InitializationPostponed)
    assert (at(due), error) == (signal.until, signal.error)


async def test_a_failed_read_is_postponed() -> None:
    """If the record cannot be read, it is not requested."""
    world, entry = World(), an_entry(tries=1)
    world.service.reading = OperationInProgress("at it")

    assert await attempted(world, entry)

    assert ["read"] == world.log
    found = await world.find(entry)
    assert found is not None
    assert "at it" == found.last_error


async def test_a_local_refusal_is_given_back() -> None:
    """With an open circuit neither try nor claim counts, and the worker claims no more."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: CircuitOpen("open")

    assert not await attempted(world, entry)
    assert entry == await world.find(entry)
    assert [] == world.signals


async def test_a_catalogue_that_fails_loses_nothing() -> None:
    """A product that could not be marked is not initialised; a later attempt does all steps."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    world.catalog.failure = RuntimeError("shut")

    assert await attempted(world, entry)

    assert ["mark_not_orderable"] == world.log
    found = await world.find(entry)
    assert found is not None
    assert not found.marked
    assert "the host's catalog failed: RuntimeError: shut" == found.last_error
    [signal] = world.signals
    assert isinstance(signal, InitializationPostponed)
    assert world.catalog.failure is signal.error.__cause__

    world.catalog.failure = None
    advance(world, 10)
    assert await world.processor().process(await world.claim())
    assert {entry.request.variant_id: True} == world.catalog.orderable


async def test_a_marked_product_is_not_marked_again() -> None:
    """The entry keeps the mark, so a second attempt does not repeat it."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    world.service.writing = lambda _: TimedOut("late")
    await attempted(world, entry)
    world.service.writing = lambda _: None
    advance(world, 10)

    await world.processor().process(await world.claim())

    assert [
        "mark_not_orderable", "initialize", "read", "initialize", "mark_orderable",
    ] == world.log  # fmt: skip


async def test_a_catalogues_error_is_one_line() -> None:
    """A catalog's error of several lines is stored on one line."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    world.catalog.failure = RuntimeError("relation\nERROR forged\x1b[31m")

    await attempted(world, entry)

    found = await world.find(entry)
    assert found is not None
    assert "the host's catalog failed: RuntimeError: relation ERROR forged [31m" == (
        found.last_error
    )


@pytest.mark.looptime
async def test_a_catalogue_that_hangs() -> None:
    """A catalog that does not answer in time fails, and the entry is postponed."""
    world, entry = (
        World(QueueOptions(catalog_timeout=3), clock=LoopClock()),
        an_entry(NOT_ORDERABLE),
    )
    entry = attrs.evolve(entry, queued_at=world.clock.now(), due_at=world.clock.now())
    world.catalog.mark_not_orderable = hang  # type: ignore[method-assign]  # it hangs
    began = world.clock.monotonic()

    assert await attempted(world, entry)

    assert 3 == world.clock.monotonic() - began
    found = await world.find(entry)
    assert found is not None
    assert "the host's catalog did not answer in 3 s" == found.last_error


async def test_no_catalogue() -> None:
    """A worker without a catalog postpones an entry that needs one; the error says what to do."""
    world, entry = World(with_catalogue=False), an_entry(NOT_ORDERABLE)

    await attempted(world, entry)

    found = await world.find(entry)
    assert found is not None
    assert found.last_error is not None
    assert "give one to build(settings, catalog=…)" in found.last_error
    assert [] == world.log


async def test_a_late_mark_is_repaired() -> None:
    """A worker that stood still marks after another one has completed: the entry is queued again.

    Else the product would stay not orderable.
    """
    world, entry = World(), an_entry(NOT_ORDERABLE)
    await world.queue.add(entry)
    slow = await world.claim("slow")

    async def finished_meanwhile(variant: object) -> None:
        """Another worker completes the entry between the slow one's check and its mark."""
        mark = world.catalog._set
        advance(world, 60)
        assert await world.processor().process(await world.claim("quick"))
        mark(entry.request.variant_id, orderable=False)

    slow_processor = world.processor()
    original = world.catalog.mark_not_orderable
    calls = 0

    async def mark_not_orderable(variant: object) -> None:
        nonlocal calls
        calls += 1
        await (finished_meanwhile(variant) if calls == 1 else original(entry.request.variant_id))

    world.catalog.mark_not_orderable = mark_not_orderable  # type: ignore[method-assign]  # a stall
    assert await slow_processor.process(slow)
    assert {entry.request.variant_id: False} == world.catalog.orderable

    assert await world.processor().process(await world.claim("next"))
    assert {entry.request.variant_id: True} == world.catalog.orderable
    assert await world.find(entry) is None
    assert 1 == len(world.service.initializations)


async def test_a_mark_after_the_lease_ends_the_attempt() -> None:
    """If another worker has claimed the entry by then, this one sends no request."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    await world.queue.add(entry)
    slow = await world.claim("slow")

    async def taken_meanwhile(variant: object) -> None:
        advance(world, 60)
        await world.claim("quick")

    world.catalog.mark_not_orderable = taken_meanwhile  # type: ignore[method-assign]  # a stall
    assert await world.processor().process(slow)

    assert [] == world.log
    assert await world.find(entry) is not None


@pytest.mark.parametrize("policy", [RETRY_LATER, NOT_ORDERABLE])
async def test_a_worker_that_stood_still_renews_its_lease(policy: InitializationPolicy) -> None:
    """After the end of its lease a worker changes nothing unless it can renew the lease."""
    world, entry = World(), an_entry(policy)
    await world.queue.add(entry)
    slow = await world.claim("slow")
    advance(world, 60)
    await world.claim("quick")

    assert await world.processor().process(slow)

    assert [] == world.log
    found = await world.find(entry)
    assert found is not None
    assert "quick" == found.holder


async def test_a_lease_that_ended_unnoticed_is_renewed() -> None:
    """After its lease, if the entry is unclaimed, the worker continues with a new lease."""
    world, entry = World(), an_entry()
    await world.queue.add(entry)
    slow = await world.claim("slow")
    advance(world, 60)

    assert await world.processor().process(slow)
    assert ["initialize"] == world.log
    assert await world.find(entry) is None


async def test_stopped_before_the_request() -> None:
    """Stopped while it marks, the worker gives the entry back, and nothing is counted."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    await world.queue.add(entry)
    world.catalog.mark_not_orderable = hang  # type: ignore[method-assign]  # it hangs
    await stopped(world, await world.claim())

    assert entry == await world.find(entry)


async def test_stopped_during_the_request() -> None:
    """Stopped after a request may have been sent, the entry is due at once, and is read first."""
    world, entry = World(), an_entry()
    await world.queue.add(entry)

    class Hanging(type(world.service)):  # type: ignore[misc]  # a class of its own
        async def initialize(self, request: object, call: object) -> object:
            await asyncio.Event().wait()
            return None

    await stopped(world, await world.claim(), Hanging(world.log))

    found = await world.find(entry)
    assert found is not None
    assert (1, 0, 0) == (found.tries, found.attempts, found.claims)
    assert (EPOCH, None) == (found.due_at, found.holder)
    assert await world.processor().process(await world.claim())
    assert ["read", "initialize"] == world.log


async def stopped(world: World, claim: Claim, port: object = None) -> None:
    task = asyncio.create_task(world.processor(port).process(claim))  # type: ignore[arg-type]  # a stand-in
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failing_queue_raises() -> None:
    """A result that the queue cannot store raises; after the lease the next attempt reads first."""
    world, entry = World(), an_entry()
    await world.queue.add(entry)
    claim = await world.claim()
    complete = world.queue.complete

    async def fail(_: object) -> bool:
        raise QueueFailed("the disk is full")

    world.queue.complete = fail  # type: ignore[method-assign,assignment]  # it fails
    with pytest.raises(QueueFailed):
        await world.processor().process(claim)

    world.queue.complete = complete  # type: ignore[method-assign]  # it works again
    advance(world, 60)
    assert await world.processor().process(await world.claim())
    assert ["initialize", "read"] == world.log
    assert await world.find(entry) is None


async def test_a_bug_of_an_adapter_is_postponed(caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected error of an adapter is logged, and the entry is postponed."""
    world, entry = World(), an_entry()

    def bug(_: object) -> InventoryError:
        raise LookupError("bug")

    world.service.writing = bug
    assert await attempted(world, entry)
    found = await world.find(entry)
    assert found is not None
    assert attrs.evolve(entry, tries=1) == attrs.evolve(found, due_at=EPOCH, last_error=None)
    assert "unexpected LookupError: bug" == found.last_error
    assert "this is a bug" in caplog.text
