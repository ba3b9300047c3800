import asyncio

import attrs
import pytest

from shelfport import InitializationPolicy, InventoryError
from shelfport.domain.model import Claim
from shelfport.errors import (
    CircuitOpen,
    Conflict,
    OperationInProgress,
    QueueFailed,
    RequestRejected,
    ServiceOverloaded,
    TimedOut,
)
from shelfport.options import QueueOptions
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from shelfport.signals import (
    InitializationDeadLettered,
    InitializationDone,
    InitializationPostponed,
)
from tests.adapters.queue.world import World
from tests.support.clocks import EPOCH, LoopClock, ManualClock
from tests.support.queue_cases import at
from tests.support.values import an_initial_stock

RETRY_LATER = InitializationPolicy.RETRY_LATER
NOT_ORDERABLE = InitializationPolicy.NOT_ORDERABLE
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def an_entry(
    policy: InitializationPolicy = RETRY_LATER, *, attempts: int = 0
) -> QueuedInitialization:
    return QueuedInitialization(
        request=an_initial_stock(),
        policy=policy,
        queued_at=EPOCH,
        correlation_id="the-host's",
        traceparent=TRACE,
        attempts=attempts,
    )


def advance(world: World, seconds: float) -> None:
    assert isinstance(world.clock, ManualClock)
    world.clock.advance(seconds)


async def hang(variant: object) -> None:
    await asyncio.Event().wait()


async def attempted(world: World, entry: QueuedInitialization) -> bool:
    """Queue `entry`, claim it and make one attempt; whether the service was asked."""
    await world.queue.add(entry)
    return await world.attempts().make(await world.claim())


@pytest.mark.parametrize(
    ("entry", "steps"),
    [
        (an_entry(), ["initialize"]),
        (an_entry(attempts=1), ["read", "initialize"]),
        (an_entry(NOT_ORDERABLE), ["mark_not_orderable", "initialize", "mark_orderable"]),
        (
            an_entry(NOT_ORDERABLE, attempts=1),
            ["mark_not_orderable", "read", "initialize", "mark_orderable"],
        ),
    ],
)
async def test_the_steps_of_an_attempt(entry: QueuedInitialization, steps: list[str]) -> None:
    """Mark, look if it may be there, ask, unmark: and the entry is gone, and said to be done."""
    world = World()
    advance(world, 7.5)

    assert await attempted(world, entry)

    assert steps == world.log
    assert await world.find(entry) is None
    assert [entry.request.variant_id] == world.changed
    [done] = world.signals
    assert isinstance(done, InitializationDone)
    assert (entry.request, 7.5) == (done.entry.request, done.took)


async def test_an_attempt_speaks_for_the_host() -> None:
    """Each request carries the entry's key, and the ids of the host's request, past every cache."""
    world, entry = World(), an_entry(attempts=2)

    await attempted(world, entry)

    [(_, reading)] = world.service.reads
    [(request, writing)] = world.service.initializations
    assert entry.request == request
    assert {("the-host's", TRACE, 3, 0, 10.0)} == {
        (c.correlation_id, c.traceparent, c.attempt, c.max_staleness, c.deadline)
        for c in (reading, writing)
    }


async def test_a_write_that_timed_out_is_settled_by_reading() -> None:
    """The service wrote and did not answer: the next attempt finds the record, and sends none."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: TimedOut("late")
    world.service.writes_first = True

    assert await attempted(world, entry)
    advance(world, 10)
    assert await world.attempts().make(await world.claim())

    assert ["initialize", "read"] == world.log
    assert await world.find(entry) is None


@pytest.mark.parametrize(
    ("error", "due"),
    [(TimedOut("late"), 1), (ServiceOverloaded("busy", retry_after=20.0), 21)],
)
async def test_what_may_pass_is_put_off(error: InventoryError, due: float) -> None:
    """A failed attempt is made again, a pause after what the service asked for."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: error

    assert await attempted(world, entry)

    found = await world.find(entry)
    assert found is not None
    assert (1, at(due), str(error)) == (found.attempts, found.due_at, found.last_error)
    [signal] = world.signals
    assert isinstance(signal, InitializationPostponed)
    assert (at(due), error) == (signal.until, signal.error)


async def test_a_read_that_fails_puts_off_as_well() -> None:
    """Where the record cannot be looked for, it is not asked for."""
    world, entry = World(), an_entry(attempts=1)
    world.service.reading = OperationInProgress("at it")

    assert await attempted(world, entry)

    assert ["read"] == world.log
    found = await world.find(entry)
    assert found is not None
    assert "at it" == found.last_error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Conflict("key"), DeadLetterReason.KEY_REUSED),
        (RequestRejected("no"), DeadLetterReason.REJECTED),
    ],
)
async def test_what_is_final_is_buried_at_once(
    error: InventoryError, reason: DeadLetterReason
) -> None:
    """A refusal for good is a dead letter, and a person is told."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: error

    assert await attempted(world, entry)

    found = await world.find(entry)
    assert found is not None
    assert found.death is not None
    assert (reason, str(error)) == (found.death.reason, found.last_error)
    [signal] = world.signals
    assert isinstance(signal, InitializationDeadLettered)
    assert (reason, error) == (signal.reason, signal.error)


async def test_the_limit_of_attempts() -> None:
    """The attempt that reaches the limit is the last one."""
    world = World(QueueOptions(max_attempts=3))
    world.service.writing = lambda _: TimedOut("late")
    entry = an_entry(attempts=1)

    assert await attempted(world, entry)
    advance(world, 60)
    assert await world.attempts().make(await world.claim())

    found = await world.find(entry)
    assert found is not None
    assert found.death is not None
    assert (3, DeadLetterReason.EXHAUSTED) == (found.attempts, found.death.reason)


async def test_an_entry_that_kills_its_workers() -> None:
    """Claimed beyond the limit, as no worker came to an end with it, it is not touched again."""
    world, entry = World(QueueOptions(max_attempts=3)), an_entry(attempts=3)

    assert await attempted(world, entry)

    assert [] == world.log
    found = await world.find(entry)
    assert found is not None
    assert found.death is not None
    assert "no attempt came to its end: the worker died in each" == found.last_error
    [signal] = world.signals
    assert isinstance(signal, InitializationDeadLettered)
    assert signal.error is None


async def test_what_was_not_asked_is_given_back() -> None:
    """An open circuit costs the entry nothing, and the worker is told to hold on."""
    world, entry = World(), an_entry()
    world.service.writing = lambda _: CircuitOpen("open")

    assert not await attempted(world, entry)
    assert entry == await world.find(entry)
    assert [] == world.signals


async def test_a_catalogue_that_fails_loses_nothing() -> None:
    """A product that could not be marked is not initialised; all of it is done later."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    world.catalogue.failure = RuntimeError("shut")

    assert await attempted(world, entry)

    assert ["mark_not_orderable"] == world.log
    found = await world.find(entry)
    assert found is not None
    assert not found.marked
    assert "the host's catalogue failed: RuntimeError: shut" == found.last_error
    [signal] = world.signals
    assert isinstance(signal, InitializationPostponed)
    assert world.catalogue.failure is signal.error.__cause__

    world.catalogue.failure = None
    advance(world, 10)
    assert await world.attempts().make(await world.claim())
    assert {entry.request.variant_id: True} == world.catalogue.orderable


async def test_what_was_marked_is_not_marked_again() -> None:
    """The mark is kept in the entry: a second attempt goes on from there."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    world.service.writing = lambda _: TimedOut("late")
    await attempted(world, entry)
    world.service.writing = lambda _: None
    advance(world, 10)

    await world.attempts().make(await world.claim())

    assert [
        "mark_not_orderable", "initialize", "read", "initialize", "mark_orderable",
    ] == world.log  # fmt: skip


async def test_what_a_catalogue_says_is_one_line() -> None:
    """A catalogue's failure of several lines, as databases have them, is one in the queue."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    world.catalogue.failure = RuntimeError("relation\nERROR forged\x1b[31m")

    await attempted(world, entry)

    found = await world.find(entry)
    assert found is not None
    assert "the host's catalogue failed: RuntimeError: relation ERROR forged [31m" == (
        found.last_error
    )


@pytest.mark.looptime
async def test_a_catalogue_that_hangs() -> None:
    """A catalogue that does not answer is left after its time, and the entry put off."""
    world, entry = (
        World(QueueOptions(catalog_timeout=3), clock=LoopClock()),
        an_entry(NOT_ORDERABLE),
    )
    entry = attrs.evolve(entry, queued_at=world.clock.now(), due_at=world.clock.now())
    world.catalogue.mark_not_orderable = hang  # type: ignore[method-assign]  # it hangs
    began = world.clock.monotonic()

    assert await attempted(world, entry)

    assert 3 == world.clock.monotonic() - began
    found = await world.find(entry)
    assert found is not None
    assert "the host's catalogue did not answer in 3 s" == found.last_error


async def test_no_catalogue() -> None:
    """A worker without a catalogue puts off what needs one, and says what to do."""
    world, entry = World(with_catalogue=False), an_entry(NOT_ORDERABLE)

    await attempted(world, entry)

    found = await world.find(entry)
    assert found is not None
    assert found.last_error is not None
    assert "give one to build(settings, catalog=…)" in found.last_error
    assert [] == world.log


async def test_a_late_mark_is_made_good() -> None:
    """A worker that stood still marks after another one has finished: it is all done once more.

    Else the product would stay not orderable for good.
    """
    world, entry = World(), an_entry(NOT_ORDERABLE)
    await world.queue.add(entry)
    slow = await world.claim("slow")

    async def finished_meanwhile(variant: object) -> None:
        """What another worker did, between the slow one's look at the clock and its mark."""
        mark = world.catalogue._set
        advance(world, 60)
        assert await world.attempts().make(await world.claim("quick"))
        mark(entry.request.variant_id, orderable=False)

    slow_attempts = world.attempts()
    original = world.catalogue.mark_not_orderable
    calls = 0

    async def mark_not_orderable(variant: object) -> None:
        nonlocal calls
        calls += 1
        await (finished_meanwhile(variant) if calls == 1 else original(entry.request.variant_id))

    world.catalogue.mark_not_orderable = mark_not_orderable  # type: ignore[method-assign]  # a stall
    assert await slow_attempts.make(slow)
    assert {entry.request.variant_id: False} == world.catalogue.orderable

    assert await world.attempts().make(await world.claim("next"))
    assert {entry.request.variant_id: True} == world.catalogue.orderable
    assert await world.find(entry) is None
    assert 1 == len(world.service.initializations)


async def test_a_mark_after_the_lease_ends_the_attempt() -> None:
    """Where another worker has the entry by the time of the mark, this one asks for nothing."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    await world.queue.add(entry)
    slow = await world.claim("slow")

    async def taken_meanwhile(variant: object) -> None:
        advance(world, 60)
        await world.claim("quick")

    world.catalogue.mark_not_orderable = taken_meanwhile  # type: ignore[method-assign]  # a stall
    assert await world.attempts().make(slow)

    assert [] == world.log
    assert await world.find(entry) is not None


@pytest.mark.parametrize("policy", [RETRY_LATER, NOT_ORDERABLE])
async def test_a_worker_that_stood_still_asks_for_its_lease(policy: InitializationPolicy) -> None:
    """After its lease's end a worker changes nothing before it has the lease again."""
    world, entry = World(), an_entry(policy)
    await world.queue.add(entry)
    slow = await world.claim("slow")
    advance(world, 60)
    await world.claim("quick")

    assert await world.attempts().make(slow)

    assert [] == world.log
    found = await world.find(entry)
    assert found is not None
    assert "quick" == found.holder


async def test_a_lease_that_ended_unnoticed_is_renewed() -> None:
    """After its lease's end, if nobody else came, the worker goes on with a new one."""
    world, entry = World(), an_entry()
    await world.queue.add(entry)
    slow = await world.claim("slow")
    advance(world, 60)

    assert await world.attempts().make(slow)
    assert ["initialize"] == world.log
    assert await world.find(entry) is None


async def test_stopped_before_it_asked() -> None:
    """Stopped while it marks, the worker gives the entry back, and no attempt is counted."""
    world, entry = World(), an_entry(NOT_ORDERABLE)
    await world.queue.add(entry)
    world.catalogue.mark_not_orderable = hang  # type: ignore[method-assign]  # it hangs
    await stopped(world, await world.claim())

    assert entry == await world.find(entry)


async def test_stopped_in_the_middle() -> None:
    """Stopped after a request may have gone out, the entry is due at once, and reads first."""
    world, entry = World(), an_entry()
    await world.queue.add(entry)

    class Hanging(type(world.service)):  # type: ignore[misc]  # a class of its own
        async def initialize(self, request: object, call: object) -> object:
            await asyncio.Event().wait()
            return None

    await stopped(world, await world.claim(), Hanging(world.log))

    found = await world.find(entry)
    assert found is not None
    assert (1, EPOCH, None) == (found.attempts, found.due_at, found.holder)
    assert await world.attempts().make(await world.claim())
    assert ["read", "initialize"] == world.log


async def stopped(world: World, claim: Claim, port: object = None) -> None:
    task = asyncio.create_task(world.attempts(port).make(claim))  # type: ignore[arg-type]  # a stand-in
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_queue_that_fails_is_told() -> None:
    """What cannot be written down is raised: the lease will end, and the next attempt looks."""
    world = World()
    await world.queue.add(an_entry())
    claim = await world.claim()

    async def fail(_: object) -> bool:
        raise QueueFailed("the disk is full")

    world.queue.complete = fail  # type: ignore[method-assign,assignment]  # it fails
    with pytest.raises(QueueFailed):
        await world.attempts().make(claim)


async def test_a_bug_of_an_adapter_is_put_off(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever an adapter raises against its obligations holds up nobody, and is logged."""
    world, entry = World(), an_entry()

    def bug(_: object) -> InventoryError:
        raise LookupError("bug")

    world.service.writing = bug
    assert await attempted(world, entry)
    found = await world.find(entry)
    assert found is not None
    assert attrs.evolve(entry, attempts=1) == attrs.evolve(found, due_at=EPOCH, last_error=None)
    assert "unexpected LookupError: bug" == found.last_error
    assert "this is a bug" in caplog.text
