import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shelfport import InventoryError, ProductVariantId, StockReading
from shelfport.adapters.layers import CoalescingLayer
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.request_context import NO_IDS, ambient, request_context
from shelfport.errors import (
    DeadlineExceeded,
    Operation,
    OverloadedHere,
    TimedOut,
)
from shelfport.ports import (
    DEFAULT_CALL,
    Call,
    UnknownVariant,
    Unreadable,
)
from tests.support.clocks import LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import a_reading, an_initial_stock, ids

A, B, C, D = ids(4)
pytestmark = pytest.mark.looptime


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    async with Background() as background:
        yield background


@pytest.fixture
def inner() -> ScriptedPort:
    """Answers everything after one second."""

    async def script(ids: Ids, call: Call) -> Answers:
        await asyncio.sleep(1)
        return {variant: a_reading(variant) for variant in ids}

    return ScriptedPort(script)


@pytest.fixture
def layer(inner: ScriptedPort, background: Background) -> CoalescingLayer:
    return CoalescingLayer(inner, LoopClock(), background)


def asked(inner: ScriptedPort) -> list[list[object]]:
    return [list(read) for read, _ in inner.reads]


def told(error: InventoryError) -> tuple[object, ...]:
    """Everything that an error says of its request."""
    return str(error), error.operation, error.ids, error.correlation_id, error.attempts


async def test_callers_of_one_turn_share_a_request(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """The callers of one turn of the loop share one read, which has each id once."""
    first, second, third = await asyncio.gather(
        layer.read([A, B], DEFAULT_CALL),
        layer.read([B, C, B], DEFAULT_CALL),
        layer.read([D], DEFAULT_CALL),
    )

    assert [[A, B, C, D]] == asked(inner)
    assert [[A, B], [B, C], [D]] == [list(first), list(second), list(third)]


async def test_100_cold_lookups_are_one_request(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A hundred callers of the same variants cost one request."""
    await asyncio.gather(*(layer.read([A, B], DEFAULT_CALL) for _ in range(100)))

    assert [[A, B]] == asked(inner)


async def test_an_in_flight_read_is_joined(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """An id in flight is not read again; the rest of the page is."""
    one = asyncio.create_task(layer.read([A, B], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    other = await layer.read([C, B, A], DEFAULT_CALL)

    assert [[A, B], [C]] == asked(inner)
    assert [C, B, A] == list(other)
    assert await one


async def test_an_in_flight_read_is_joined_while_another_is_pending(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A caller joins in-flight reads although it shares the pending read, too."""
    one = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    await asyncio.gather(layer.read([B], DEFAULT_CALL), layer.read([B, A], DEFAULT_CALL))

    assert [[A], [B]] == asked(inner)
    assert await one


async def test_a_completed_read_is_not_joined_beside_one_in_flight(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """Reads join an in-flight read; they do not join a completed one."""

    async def script(ids: Ids, call: Call) -> Answers:
        await asyncio.sleep(1 if A in ids else 0.1)
        return {variant: a_reading(variant) for variant in ids}

    inner.script = script
    slow = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0.1)
    await layer.read([B], DEFAULT_CALL)
    await layer.read([B], DEFAULT_CALL)

    assert [[A], [B], [B]] == asked(inner)
    assert await slow


async def test_a_completed_read_is_not_joined(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """A completed read is not reused: that is the task of the cache."""
    await layer.read([A], DEFAULT_CALL)
    await layer.read([A], DEFAULT_CALL)

    assert [[A], [A]] == asked(inner)


@pytest.mark.parametrize("cancelled", range(3))
async def test_cancelling_one_harms_no_other(
    layer: CoalescingLayer, inner: ScriptedPort, cancelled: int
) -> None:
    """Cancelling any caller, the first one included, does not affect the others."""
    callers = [asyncio.create_task(layer.read([A], DEFAULT_CALL)) for _ in range(3)]
    await asyncio.sleep(0.5)
    callers[cancelled].cancel()

    results = await asyncio.gather(*callers, return_exceptions=True)

    assert [i == cancelled for i in range(3)] == [
        isinstance(result, asyncio.CancelledError) for result in results
    ]
    assert [[A]] == asked(inner)


async def test_all_callers_leave(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """A read without callers runs on; its failure is dropped."""
    inner.script = raising(TimedOut("late"))
    caller = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.sleep(2)

    assert caller.cancelled()
    assert [[A]] == asked(inner)


async def test_a_failure_reaches_all(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """All callers of a failed read get its error."""
    inner.script = raising(TimedOut("late"))

    results = await asyncio.gather(
        *(layer.read([v], DEFAULT_CALL) for v in (A, B)), return_exceptions=True
    )

    assert [TimedOut, TimedOut] == [type(result) for result in results]


async def test_each_caller_raises_an_error_of_its_own(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A shared failure is raised as a copy for each caller, with the cause of the failure."""
    failure, cause = TimedOut("late"), OSError("reset")
    failure.__cause__ = cause
    inner.script = raising(failure)

    shared = await asyncio.gather(
        *(layer.read([A], DEFAULT_CALL) for _ in range(3)), return_exceptions=True
    )
    alone = await asyncio.gather(layer.read([A], DEFAULT_CALL), return_exceptions=True)

    errors = [error for error in (*shared, *alone) if isinstance(error, TimedOut)]
    assert 5 == len({id(error) for error in (failure, *errors)})
    assert [cause] * 4 == [error.__cause__ for error in errors]


async def test_a_shared_request_has_no_callers_context(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A shared request does not run in the context of the caller that happened to be the first."""
    seen: list[tuple[str | None, str | None]] = []

    async def script(ids: Ids, call: Call) -> Answers:
        seen.append(ambient())
        return {variant: a_reading(variant) for variant in ids}

    inner.script = script
    with request_context(correlation_id="page-17"):
        await layer.read([A], DEFAULT_CALL)

    assert [NO_IDS] == seen


async def test_each_gets_its_own_part(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """A caller whose variants all failed gets the error, although other variants were answered."""
    failed = Unreadable(TimedOut("late"))

    async def partly(ids: Ids, call: Call) -> Answers:
        return {A: a_reading(A), B: failed, C: UnknownVariant(C)}

    inner.script = partly

    both, only_b, only_c = await asyncio.gather(
        layer.read([B, A], DEFAULT_CALL),
        layer.read([B], DEFAULT_CALL),
        layer.read([C], DEFAULT_CALL),
        return_exceptions=True,
    )

    assert {B: failed, A: a_reading(A)} == both
    assert isinstance(only_b, TimedOut)
    assert {C: UnknownVariant(C)} == only_c


async def test_a_bug_reaches_all(
    layer: CoalescingLayer, inner: ScriptedPort, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected exception reaches all callers."""
    inner.script = raising(KeyError("bug"))

    results = await asyncio.gather(
        *(layer.read([A], DEFAULT_CALL) for _ in range(2)), return_exceptions=True
    )

    assert [KeyError, KeyError] == [type(result) for result in results]
    assert "inventory read failed: this is a bug" in caplog.text


async def test_a_request_that_hangs_ends_at_its_deadline(
    layer: CoalescingLayer, inner: ScriptedPort, background: Background
) -> None:
    """A read that hangs ends at its deadline, and its ids can be read again."""

    async def hang(ids: Ids, call: Call) -> Answers:
        await asyncio.Event().wait()
        return {}

    inner.script = hang
    await asyncio.sleep(1)
    now = LoopClock().monotonic()
    with pytest.raises(DeadlineExceeded) as info:
        await layer.read([A, B], Call(deadline=now + 2, correlation_id="c", attempt=3))
    await asyncio.sleep(0)

    assert 2 == LoopClock().monotonic() - now
    assert (
        "the deadline passed while waiting for the Inventory Service",
        Operation.READ,
        (A, B),
        "c",
        3,
    ) == told(info.value)
    assert 0 == len(background)
    inner.script = None
    assert [A] == list(await layer.read([A], DEFAULT_CALL))


async def test_a_timeout_from_below_is_not_the_deadline(
    layer: CoalescingLayer, inner: ScriptedPort, caplog: pytest.LogCaptureFixture
) -> None:
    """A TimeoutError from below is a bug, not the deadline."""
    inner.script = raising(TimeoutError("another timeout"))

    with pytest.raises(TimeoutError, match="another timeout"):
        await layer.read([A], DEFAULT_CALL)
    await asyncio.sleep(0)  # the callback of the task runs one turn later
    assert "this is a bug" in caplog.text


async def test_closing_ends_the_wait(inner: ScriptedPort) -> None:
    """When the scope of tasks ends, waiting callers get an error."""
    async with Background() as background:
        layer = CoalescingLayer(inner, LoopClock(), background)
        call = Call(correlation_id="c", attempt=3)
        caller = asyncio.create_task(layer.read([A], call))
        await asyncio.sleep(0.5)

    with pytest.raises(OverloadedHere) as info:
        await caller
    assert ("this process is shutting down", Operation.READ, (A,), "c", 3) == told(info.value)


async def test_closing_before_the_start_ends_the_wait(inner: ScriptedPort) -> None:
    """A read whose task is cancelled before its first step completes with an error."""
    async with Background() as background:
        layer = CoalescingLayer(inner, LoopClock(), background)
        waiting = asyncio.ensure_future(layer.read([A], Call(correlation_id="c")))
        await asyncio.sleep(0)  # it waits now, and the read is pending

    with pytest.raises(OverloadedHere, match="this process is shutting down"):
        await waiting
    assert 0 == len(inner.reads)
    with pytest.raises(RuntimeError, match="scope is not open"):
        await layer.read([A], DEFAULT_CALL)


async def test_a_closed_scope(inner: ScriptedPort) -> None:
    """After the scope of tasks was left, the layer raises an error."""
    async with Background() as background:
        layer = CoalescingLayer(inner, LoopClock(), background)

    with pytest.raises(RuntimeError, match="Background scope is not open"):
        await layer.read([A], DEFAULT_CALL)


@pytest.mark.parametrize(
    ("max_staleness", "joins"), [(None, True), (0.6, True), (0.5, False), (0.0, False)]
)
async def test_staleness_decides_who_joins(
    layer: CoalescingLayer, inner: ScriptedPort, max_staleness: float | None, joins: bool
) -> None:
    """A caller joins an in-flight read only if that is younger than the caller's limit."""
    first = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    await layer.read([A], Call(max_staleness=max_staleness))
    await first

    assert ([[A]] if joins else [[A], [A]]) == asked(inner)


def answering_from_a_cache(age: float) -> ScriptedPort:
    """Answers after a second: calls without a limit from a cache, with readings of this age."""

    async def script(ids: Ids, call: Call) -> Answers:
        began = LoopClock().now()
        await asyncio.sleep(1)
        old = timedelta(seconds=age if call.max_staleness is None else 0.0)
        return {variant: a_reading(variant, as_of=began - old) for variant in ids}

    return ScriptedPort(script)


@pytest.mark.parametrize(("age", "reads"), [(0.2, 1), (1.0, 1), (2.0, 2)])
async def test_an_answer_that_is_too_old_is_read_again(
    background: Background, age: float, reads: int
) -> None:
    """A caller that is stricter than the read it joined reads again, once."""
    inner = answering_from_a_cache(age)
    layer = CoalescingLayer(inner, LoopClock(), background)
    first = asyncio.create_task(layer.read([A, B], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    began = LoopClock().now()
    answer = (await layer.read([A], Call(max_staleness=1.5)))[A]
    await first

    assert isinstance(answer, StockReading)
    assert answer.as_of >= began - timedelta(seconds=1.5)
    assert [[A, B], [A]][:reads] == asked(inner)


async def test_all_that_is_too_old_is_read_again_together(background: Background) -> None:
    """Old answers of two joined reads are read again in one request."""
    inner = answering_from_a_cache(2.0)
    layer = CoalescingLayer(inner, LoopClock(), background)
    first = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(layer.read([B], DEFAULT_CALL))
    await asyncio.sleep(0.4)
    await layer.read([A, B], Call(max_staleness=1.5))
    await asyncio.gather(first, second)

    assert [[A], [B], [A, B]] == asked(inner)


async def test_a_second_read_is_the_callers_own(background: Background) -> None:
    """After an answer that was too old, a caller joins no other running read."""
    inner = answering_from_a_cache(2.0)
    layer = CoalescingLayer(inner, LoopClock(), background)
    first = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    caller = asyncio.create_task(layer.read([A], Call(max_staleness=1.5)))
    await asyncio.sleep(0.1)
    other = asyncio.create_task(layer.read([A], Call(max_staleness=0)))
    await asyncio.gather(first, caller, other)

    assert [[A], [A], [A]] == asked(inner)


async def test_zero_staleness_shares_the_turn(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """Callers with a limit of 0 still share the pending read."""
    strict = Call(max_staleness=0)

    await asyncio.gather(*(layer.read([A], strict) for _ in range(5)))

    assert [[A]] == asked(inner)


async def test_others_join_the_newer_read(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """Of two in-flight reads of an id, later callers join the younger one."""
    first = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    second = asyncio.create_task(layer.read([A], Call(max_staleness=0)))
    await asyncio.sleep(0.6)  # the first has completed
    await layer.read([A], DEFAULT_CALL)
    await asyncio.gather(first, second)

    assert [[A], [A]] == asked(inner)


async def test_the_call_of_a_shared_read(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """A shared read has the latest deadline, the strictest staleness, and the waiters' ids."""
    calls = [
        Call(deadline=10, correlation_id="a", max_staleness=5),
        Call(deadline=30, correlation_id="b"),
        Call(deadline=20, correlation_id=None, max_staleness=3),
    ]

    await asyncio.gather(*(layer.read([A], call) for call in calls))

    [(_, call)] = inner.reads
    assert Call(deadline=30, correlation_id="a", max_staleness=3, waiters=("b",)) == call


async def test_no_deadline_is_the_latest(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """If one caller has no deadline, the shared read has none."""
    await asyncio.gather(layer.read([A], Call(deadline=10)), layer.read([A], Call(deadline=None)))

    assert [None] == [call.deadline for _, call in inner.reads]


async def test_a_read_with_one_caller_has_its_call(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A read with one caller has that caller's call."""
    call = Call(deadline=10, correlation_id="a", attempt=2)

    await layer.read([A], call)

    assert call is inner.reads[0][1]


async def test_the_named_waiters_are_bounded(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """A shared read names a bounded number of waiters."""
    await asyncio.gather(*(layer.read([A], Call(correlation_id=str(i))) for i in range(100)))

    [(_, call)] = inner.reads
    assert tuple(map(str, range(1, 21))) == call.waiters


async def cut_at_an_early_deadline(ids: Ids, call: Call) -> Answers:
    """Takes a second; a call with less than five runs into its deadline."""
    assert call.deadline is not None
    if call.deadline < 5:
        await asyncio.sleep(call.deadline - LoopClock().monotonic())
        raise DeadlineExceeded("cut")
    await asyncio.sleep(1)
    return {variant: a_reading(variant) for variant in ids}


async def test_a_caller_with_more_time_asks_again(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A caller with more time asks again after another caller's deadline ended the shared read."""
    inner.script = cut_at_an_early_deadline
    now = LoopClock().monotonic()
    hurried = asyncio.create_task(layer.read([A], Call(deadline=now + 0.3)))
    await asyncio.sleep(0.1)
    patient = await layer.read([A, B], Call(deadline=now + 10))

    assert [StockReading, StockReading] == [type(answer) for answer in patient.values()]
    with pytest.raises(DeadlineExceeded):
        await hurried
    assert [[A], [B], [A]] == asked(inner)


async def test_ids_of_two_cut_reads_are_read_once(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """The ids of two reads that deadlines ended are read again in one read."""
    inner.script = cut_at_an_early_deadline
    now = LoopClock().monotonic()
    hurried = asyncio.gather(
        layer.read([A], Call(deadline=now + 0.3)),
        asyncio.create_task(after(0.1, layer, B, Call(deadline=now + 0.4))),
        return_exceptions=True,
    )
    await asyncio.sleep(0.2)
    patient = await layer.read([A, B, C], Call(deadline=now + 10))

    assert [A, B, C] == list(patient)
    assert [DeadlineExceeded] * 2 == [type(error) for error in await hurried]
    assert [[A], [B], [C], [A, B]] == asked(inner)


async def after(
    seconds: float, layer: CoalescingLayer, variant: ProductVariantId, call: Call
) -> Answers:
    await asyncio.sleep(seconds)
    return await layer.read([variant], call)


async def test_only_cut_ids_are_read_again(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """After a read that a deadline ended in part, only the cut ids are read again."""
    cut, late = Unreadable(DeadlineExceeded("cut")), Unreadable(TimedOut("late"))

    async def script(ids: Ids, call: Call) -> Answers:
        await asyncio.sleep(0.2)
        if len(ids) == 1:
            return {A: a_reading(A)}
        return {A: cut, B: late, C: a_reading(C)}

    inner.script = script
    now = LoopClock().monotonic()
    hurried = asyncio.create_task(layer.read([A, B, C], Call(deadline=now + 0.3)))
    await asyncio.sleep(0.1)
    patient = await layer.read([A, B, C], Call(deadline=now + 10))

    assert {A: a_reading(A), B: late, C: a_reading(C)} == patient
    assert {A: cut, B: late, C: a_reading(C)} == await hurried
    assert [[A, B, C], [A]] == asked(inner)


async def test_an_answer_belongs_to_its_caller(layer: CoalescingLayer) -> None:
    """Callers of a shared read get mappings of their own."""
    one, other = await asyncio.gather(
        layer.read([A, B], DEFAULT_CALL), layer.read([A, B], DEFAULT_CALL)
    )

    assert one == other
    assert one is not other


async def test_a_caller_with_the_same_deadline_does_not_ask_again(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A caller whose own deadline has ended the read gets the error."""
    inner.script = raising(DeadlineExceeded("cut"))

    with pytest.raises(DeadlineExceeded):
        await layer.read([A], Call(deadline=LoopClock().monotonic() + 1))

    assert [[A]] == asked(inner)


async def test_initialize_is_not_shared(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """Initializations are not shared."""
    requests = [an_initial_stock(A), an_initial_stock(A)]

    await asyncio.gather(*(layer.initialize(request, DEFAULT_CALL) for request in requests))

    assert [(request, DEFAULT_CALL) for request in requests] == inner.initializations


async def test_nothing_asked(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """An empty read starts no read."""
    assert {} == await layer.read([], DEFAULT_CALL)
    assert [] == inner.reads


async def test_nothing_is_left_behind(layer: CoalescingLayer, background: Background) -> None:
    """After all callers were answered, no task runs and no id is in flight."""
    await asyncio.gather(*(layer.read([A, B], DEFAULT_CALL) for _ in range(10)))
    await asyncio.sleep(0)

    assert 0 == len(background)
    assert {} == layer._in_flight
