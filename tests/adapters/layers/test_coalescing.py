import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextvars import Context
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from shelfport import InventoryError, ProductVariantId, StockReading
from shelfport.adapters.layers import CoalescingLayer
from shelfport.adapters.layers.batching import RequestSize
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.request_context import NO_IDS, ambient, request_context
from shelfport.errors import (
    DeadlineExceeded,
    Operation,
    OverloadedHere,
    RequestBlocked,
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

T = TypeVar("T")

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
    return CoalescingLayer(inner, LoopClock(), background, soft_timeout=60)


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
        layer = CoalescingLayer(inner, LoopClock(), background, soft_timeout=60)
        call = Call(correlation_id="c", attempt=3)
        caller = asyncio.create_task(layer.read([A], call))
        await asyncio.sleep(0.5)

    with pytest.raises(OverloadedHere) as info:
        await caller
    assert ("this process is shutting down", Operation.READ, (A,), "c", 3) == told(info.value)


async def test_closing_before_the_start_ends_the_wait(inner: ScriptedPort) -> None:
    """A read whose task is cancelled before its first step completes with an error."""
    async with Background() as background:
        layer = CoalescingLayer(inner, LoopClock(), background, soft_timeout=60)
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
        layer = CoalescingLayer(inner, LoopClock(), background, soft_timeout=60)

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
    layer = CoalescingLayer(inner, LoopClock(), background, soft_timeout=60)
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
    layer = CoalescingLayer(inner, LoopClock(), background, soft_timeout=60)
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
    layer = CoalescingLayer(inner, LoopClock(), background, soft_timeout=60)
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


# Pages and exports of one turn.


def now() -> float:
    return LoopClock().monotonic()


async def timed(layer: CoalescingLayer, wanted: Ids) -> float:
    """Read `wanted`; how long that took."""
    began = now()
    assert wanted == list(await layer.read(wanted, DEFAULT_CALL))
    return now() - began


async def times(*calls: Coroutine[Any, Any, float] | asyncio.Task[float]) -> list[float]:
    """Run `calls` together; how long each took."""
    return list(await asyncio.gather(*calls))


def sizes(inner: ScriptedPort) -> list[int]:
    return [len(read) for read, _ in inner.reads]


@pytest.mark.parametrize("page_first", [True, False])
async def test_a_page_does_not_wait_for_an_export(
    layer: CoalescingLayer, inner: ScriptedPort, page_first: bool
) -> None:
    """A page goes out before an export of the same turn, which waits until it is answered."""
    page, export = ids(24), ids(4024)[24:]

    calls = [timed(layer, page), timed(layer, export)]
    took = await times(*(calls if page_first else reversed(calls)))

    assert [24, *[200] * 20] == sizes(inner)
    assert [1, 1 + 3] == sorted(took)  # the export: 20 reads of a second, 8 at a time


async def test_an_export_does_not_wait_for_a_slow_page(background: Background) -> None:
    """An export waits for a page until that is overdue, and its later parts do not any more."""

    async def script(ids: Ids, call: Call) -> Answers:
        await asyncio.sleep(1 if len(ids) == 200 else 10)
        return {variant: a_reading(variant) for variant in ids}

    layer = CoalescingLayer(ScriptedPort(script), LoopClock(), background, soft_timeout=0.2)
    page = asyncio.create_task(timed(layer, ids(24)))
    await asyncio.sleep(0.1)

    assert 0.1 + 3 == pytest.approx(await timed(layer, ids(4024)[24:]))
    assert 10 == await page


async def test_an_export_waits_for_no_overdue_page_beside_another(background: Background) -> None:
    """With a page that is overdue and one that is not, an export waits for the second one."""

    async def script(ids: Ids, call: Call) -> Answers:
        await asyncio.sleep(10 if A in ids else 1)
        return {variant: a_reading(variant) for variant in ids}

    layer = CoalescingLayer(ScriptedPort(script), LoopClock(), background, soft_timeout=2)
    overdue = asyncio.create_task(timed(layer, [A]))
    await asyncio.sleep(2.5)

    assert [1, 1 + 1] == await times(timed(layer, [B]), timed(layer, ids(1002)[2:]))
    assert 10 == await overdue


async def test_an_export_begins_when_pages_are_sent(background: Background) -> None:
    """When a page goes out, an export that was called before has not done its work yet."""
    inner = ScriptedPort()
    layer = CoalescingLayer(inner, LoopClock(), background)
    in_flight: list[int] = []

    async def script(ids: Ids, call: Call) -> Answers:
        in_flight.append(len(layer._in_flight))
        return {variant: a_reading(variant) for variant in ids}

    inner.script = script
    await times(timed(layer, ids(4024)[24:]), timed(layer, ids(24)))

    assert 24 == in_flight[0]


async def test_an_export_fills_no_read_of_a_page(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A page is read without ids of an export, although there is room for them in the request."""
    await asyncio.gather(timed(layer, ids(274)[24:]), timed(layer, ids(24)))

    assert [24, 200, 50] == sizes(inner)


async def test_an_export_shares_what_a_page_reads(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """An id of a page and an export is read with the page, once."""
    page, export = ids(24), ids(410)

    assert [1, 1 + 1] == await times(timed(layer, page), timed(layer, export))

    assert page == inner.reads[0][0]
    assert export == sorted(variant for read, _ in inner.reads for variant in read)


async def test_a_later_page_waits_for_its_part_of_an_export(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A page joins the part of an export that has its ids, and waits for that alone."""
    export = asyncio.create_task(timed(layer, ids(4000)))
    await asyncio.sleep(0.5)

    assert 0.5 == await timed(layer, ids(200)[176:])
    assert 3 == await export
    assert [200] * 20 == sizes(inner)


async def test_what_an_export_has_not_sent_goes_out_for_a_page(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A page does not wait until an export sends the part that has its ids."""
    export = asyncio.create_task(timed(layer, ids(4000)))
    await asyncio.sleep(0.5)

    assert 1 == await timed(layer, ids(4000)[3976:])
    assert 3.5 == await export  # its second parts let the page go first


@pytest.mark.parametrize(("most", "per_read", "at_once"), [(3, 1, 3), (8, 3, 2), (2, 3, 1)])
async def test_the_parts_of_an_export_at_once(
    background: Background, most: int, per_read: int, at_once: int
) -> None:
    """No more parts of an export are in flight than have `max_concurrency` requests together."""
    in_flight, peak = 0, 0

    async def script(ids: Ids, call: Call) -> Answers:
        nonlocal in_flight, peak
        in_flight += 1
        peak = max(peak, in_flight)
        await asyncio.sleep(1)
        in_flight -= 1
        return {variant: a_reading(variant) for variant in ids}

    inner = ScriptedPort(script)
    layer = CoalescingLayer(
        inner,
        LoopClock(),
        background,
        size=RequestSize(10),
        max_concurrency=most,
        requests_of_read=per_read,
    )

    await layer.read(ids(195), DEFAULT_CALL)

    assert at_once == peak
    assert {10 * per_read} == set(sizes(inner)[:-1])


async def test_a_cancelled_export_sends_no_more(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """What an export has not sent when its caller is cancelled is not sent."""
    export = asyncio.create_task(layer.read(ids(4000), DEFAULT_CALL))
    await asyncio.sleep(0.5)
    export.cancel()
    await asyncio.sleep(5)

    assert export.cancelled()
    assert [200] * 8 == sizes(inner)


async def test_a_failed_part_of_an_export_costs_itself(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """The other parts of an export are answered, in the order in which they were asked."""
    error = TimedOut("late")

    async def script(ids: Ids, call: Call) -> Answers:
        if A in ids:
            raise error
        return {variant: a_reading(variant) for variant in ids}

    inner.script = script
    answers = await layer.read(ids(600), DEFAULT_CALL)

    assert ids(600) == list(answers)
    assert ids(200) == [v for v, answer in answers.items() if isinstance(answer, Unreadable)]


async def test_an_export_that_fails(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """An export of which no part is answered fails."""
    inner.script = raising(TimedOut("late"))

    with pytest.raises(TimedOut):
        await layer.read(ids(600), DEFAULT_CALL)


async def test_an_export_ends_where_every_length_is_refused(
    background: Background, inner: ScriptedPort
) -> None:
    """After a part that was refused for its length, down to one id, no other part is sent."""
    inner.script = raising(RequestBlocked("too long", status=431))
    layer = CoalescingLayer(inner, LoopClock(), background, max_concurrency=1)

    with pytest.raises(RequestBlocked):
        await layer.read(ids(600), DEFAULT_CALL)
    assert [200] == sizes(inner)


async def test_pages_of_one_turn_fill_few_reads(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """Sixteen distinct pages are two reads, as two take all of them; no page is in both."""
    every = ids(16 * 24)
    pages = [every[start : start + 24] for start in range(0, len(every), 24)]

    took = await times(*(timed(layer, page) for page in pages))

    assert [192, 192] == sizes(inner)
    assert {1} == set(took)


async def test_a_page_waits_for_both_reads_that_have_its_ids(background: Background) -> None:
    """A page that is divided between two reads gets the answers of both, in its order."""

    async def script(ids: Ids, call: Call) -> Answers:
        await asyncio.sleep(1 if A in ids else 3)
        return {variant: a_reading(variant) for variant in ids}

    inner = ScriptedPort(script)
    layer = CoalescingLayer(inner, LoopClock(), background, soft_timeout=60, size=RequestSize(3))

    assert [1, 3, 3] == await times(
        timed(layer, [A, B]), timed(layer, [D, C]), timed(layer, ids(6)[4:])
    )
    assert [[A, B, D], [C, *ids(6)[4:]]] == asked(inner)


async def test_each_read_of_a_turn_has_the_call_of_its_callers(background: Background) -> None:
    """A read that serves one caller has the call of that caller, also with others in the turn."""
    inner = ScriptedPort()
    layer = CoalescingLayer(inner, LoopClock(), background, size=RequestSize(1))
    calls = [Call(deadline=10, correlation_id="a"), Call(deadline=20, max_staleness=0)]

    await asyncio.gather(layer.read([A], calls[0]), layer.read([B], calls[1]))

    assert [([A], calls[0]), ([B], calls[1])] == inner.reads


async def test_the_reads_of_a_turn_are_in_flight(
    background: Background, inner: ScriptedPort
) -> None:
    """Every read of a turn is joined by later callers, and forgotten when it has ended."""
    layer = CoalescingLayer(inner, LoopClock(), background, size=RequestSize(1))
    first = asyncio.create_task(times(timed(layer, [A]), timed(layer, [B])))
    await asyncio.sleep(0.1)

    assert [0.9, 0.9] == pytest.approx(await times(timed(layer, [B]), timed(layer, [A])))
    assert [1, 1] == await first
    assert [[A], [B]] == asked(inner)
    assert ({}, {}) == (layer._in_flight, layer._tasks)


# One slow id of many.

SLOW = A


class OneSlow(ScriptedPort):
    """Answers a request with `SLOW` after three seconds, and any other after five milliseconds."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.slowly = {SLOW}
        self.fails: set[ProductVariantId] = set()
        self.asked_at: list[float] = []

    async def answer(self, ids: Ids, call: Call) -> Answers:
        self.asked_at.append(round(now(), 3))
        await asyncio.sleep(0.005 if self.slowly.isdisjoint(ids) else 3)
        if not self.fails.isdisjoint(ids):
            raise TimedOut("late")
        return {variant: a_reading(variant) for variant in ids}


@pytest.fixture
def one_slow() -> OneSlow:
    return OneSlow()


@pytest.fixture
def budget() -> RetryBudget:
    return RetryBudget(reserve=10)


@pytest.fixture
def impatient(one_slow: OneSlow, background: Background, budget: RetryBudget) -> CoalescingLayer:
    return CoalescingLayer(one_slow, LoopClock(), background, 0.2, budget)


async def test_a_slow_id_does_not_cost_another_caller_its_answer(
    impatient: CoalescingLayer, one_slow: OneSlow, budget: RetryBudget
) -> None:
    """After the soft timeout, each caller's part of a read is asked again, for a token."""
    took = await times(timed(impatient, [SLOW]), timed(impatient, [B, C]))

    assert [3, 0.205] == took
    assert [[SLOW, B, C], [SLOW], [B, C]] == asked(one_slow)
    assert [0, 0.2, 0.2] == one_slow.asked_at
    assert 8 == budget.tokens


async def test_a_part_has_its_callers_call(impatient: CoalescingLayer, one_slow: OneSlow) -> None:
    """What is asked again goes by the call of its caller alone."""
    calls = [Call(deadline=50, correlation_id="a"), Call(deadline=60, max_staleness=7)]

    await asyncio.gather(impatient.read([SLOW], calls[0]), impatient.read([B], calls[1]))

    assert calls == [call for _, call in one_slow.reads[1:]]


async def test_one_caller_is_asked_for_once(impatient: CoalescingLayer, one_slow: OneSlow) -> None:
    """A read whose callers all wait for all of its ids is not repeated."""
    callers = [asyncio.create_task(timed(impatient, [SLOW, B])) for _ in range(3)]
    await asyncio.sleep(0.1)
    callers.append(asyncio.create_task(timed(impatient, [SLOW, B])))
    await asyncio.sleep(0.05)
    assert impatient._in_flight[B].overdue is None  # no timer for what will not be asked again

    assert [3, 3, 3, 2.9] == pytest.approx(await times(*callers))
    assert [[SLOW, B]] == asked(one_slow)


async def test_what_is_answered_in_time_is_asked_once(
    impatient: CoalescingLayer, one_slow: OneSlow
) -> None:
    """A shared read that is answered within the soft timeout is not asked again."""
    await asyncio.gather(timed(impatient, [B]), timed(impatient, [C]))
    await asyncio.sleep(1)

    assert [[B, C]] == asked(one_slow)


async def test_without_a_token_callers_go_on_waiting(
    one_slow: OneSlow, background: Background
) -> None:
    """As many parts are asked again as the budget has tokens; when it has one again, the next."""
    budget = RetryBudget(ratio=1, reserve=1)
    impatient = CoalescingLayer(one_slow, LoopClock(), background, 0.2, budget)
    callers = [asyncio.create_task(timed(impatient, [v])) for v in (B, C, SLOW)]
    await asyncio.sleep(0.3)
    assert [[B, C, SLOW], [B]] == asked(one_slow)
    budget.first_attempt()

    assert [0.205, 0.405, 3] == pytest.approx(await times(*callers))
    assert [[B, C, SLOW], [B], [C]] == asked(one_slow)
    assert 0 == budget.tokens


async def test_no_part_of_a_caller_who_has_left(
    impatient: CoalescingLayer, one_slow: OneSlow
) -> None:
    """Only the parts of callers who still wait are asked again."""
    callers = [asyncio.create_task(timed(impatient, [v])) for v in (SLOW, B, C)]
    await asyncio.sleep(0.1)
    callers[1].cancel()
    await asyncio.wait(callers)

    assert [[SLOW, B, C], [SLOW], [C]] == asked(one_slow)


async def test_equal_parts_are_asked_again_once(
    impatient: CoalescingLayer, one_slow: OneSlow, budget: RetryBudget
) -> None:
    """Callers of the same ids share the part as well, and its token."""
    took = await times(timed(impatient, [SLOW]), timed(impatient, [B, C]), timed(impatient, [C, B]))

    assert [3, 0.205, 0.205] == took
    assert [[SLOW, B, C], [SLOW], [B, C]] == asked(one_slow)
    assert 8 == budget.tokens


async def test_a_service_that_is_slow_for_all_is_not_asked_twice(
    impatient: CoalescingLayer, one_slow: OneSlow
) -> None:
    """After parts that were no quicker, nothing is asked again for five seconds."""
    one_slow.slowly = {A, B, C, D}

    assert [3, 3] == await times(timed(impatient, [A]), timed(impatient, [B]))
    await timed(impatient, [A])  # joins the part that was of no use
    await asyncio.sleep(0.1)
    await asyncio.gather(timed(impatient, [C]), timed(impatient, [D]))

    assert [[A, B], [A], [B], [C, D], [C], [D]] == asked(one_slow)
    assert [0, 0.2, 0.2, 3.3, 5.3, 5.3] == one_slow.asked_at


async def test_the_next_read_waits_for_the_first_parts(
    impatient: CoalescingLayer, one_slow: OneSlow
) -> None:
    """A read that is overdue with another one is asked again after the other's quicker parts."""
    one_slow.slowly = {A, C}
    first = asyncio.gather(timed(impatient, [A]), timed(impatient, [B]))
    await asyncio.sleep(0.001)
    second = asyncio.gather(timed(impatient, [C]), timed(impatient, [D]))

    assert [3, 0.205] == pytest.approx(await first)
    assert [3, 0.405] == pytest.approx(await second)


async def test_a_loop_that_stood_still_asks_nothing_again(
    one_slow: OneSlow, background: Background
) -> None:
    """If the timer is late, the answer may be there, unread: the layer looks again later."""

    class Stalled(LoopClock):
        stood_still = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.stood_still

    clock = Stalled()
    impatient = CoalescingLayer(one_slow, clock, background, 0.2)
    callers = [asyncio.create_task(timed(impatient, [v])) for v in (SLOW, B)]
    await asyncio.sleep(0.1)
    clock.stood_still = 0.1

    assert [3, 0.405] == pytest.approx(await times(*callers))
    assert [0, 0.4, 0.4] == one_slow.asked_at


async def test_a_failed_part_is_no_answer(impatient: CoalescingLayer, one_slow: OneSlow) -> None:
    """A caller whose part fails waits on for the shared read, which answers it."""
    callers = [asyncio.create_task(timed(impatient, [v])) for v in (SLOW, B)]
    await asyncio.sleep(0.1)
    one_slow.fails = {B}
    await asyncio.sleep(1)
    one_slow.fails = set()

    assert [3, 3] == await times(*callers)
    assert [[SLOW, B], [SLOW], [B]] == asked(one_slow)


async def test_a_failed_part_shows_no_quick_service(
    impatient: CoalescingLayer, one_slow: OneSlow
) -> None:
    """After parts that failed, as after slow ones, nothing is asked again for a while."""
    one_slow.slowly, one_slow.fails = {A, C}, {B}
    callers = [asyncio.create_task(impatient.read([v], DEFAULT_CALL)) for v in (A, B)]
    await asyncio.sleep(0.3)
    callers += [asyncio.create_task(impatient.read([v], DEFAULT_CALL)) for v in (C, D)]
    await asyncio.sleep(2)

    assert [[A, B], [A], [B], [C, D]] == asked(one_slow)
    await asyncio.wait(callers)


async def test_a_failed_read_leaves_the_parts(
    impatient: CoalescingLayer, one_slow: OneSlow
) -> None:
    """A caller whose shared read fails gets the answer of its part; else, the first failure."""
    one_slow.slowly, one_slow.fails = {A, B}, {A}

    both = await asyncio.gather(
        impatient.read([A], DEFAULT_CALL), impatient.read([B], DEFAULT_CALL), return_exceptions=True
    )

    assert [TimedOut, {B: a_reading(B)}] == [type(both[0]), both[1]]
    assert 3.2 == now()


async def test_the_first_answer_of_each_id_counts(
    impatient: CoalescingLayer, one_slow: OneSlow
) -> None:
    """What one read leaves unread is taken from the other one."""

    async def script(ids: Ids, call: Call) -> Answers:
        first = len(ids) == 3
        await asyncio.sleep(2 if first else 1)
        quantity, left = (1, C) if first else (2, B)
        answers: dict[ProductVariantId, StockReading | Unreadable]
        answers = {variant: a_reading(variant, quantity) for variant in ids}
        return answers | {left: Unreadable(TimedOut("late"))}

    one_slow.script = script
    _, page = await asyncio.gather(
        impatient.read([SLOW], DEFAULT_CALL),
        impatient.read([B, C], DEFAULT_CALL),
        return_exceptions=True,
    )

    assert {B: a_reading(B, 1), C: a_reading(C, 2)} == page
    assert 2 == now()


async def test_a_caller_who_joins_an_overdue_read_asks_at_once(
    impatient: CoalescingLayer, one_slow: OneSlow
) -> None:
    """A read that takes long already is asked again at once for a caller who joins it."""
    slow = asyncio.create_task(timed(impatient, [SLOW, B, C]))
    await asyncio.sleep(1)

    assert 0.005 == pytest.approx(await timed(impatient, [C]))
    assert [[SLOW, B, C], [C]] == asked(one_slow)
    assert 3 == await slow


async def test_a_caller_who_joins_after_the_parts(
    impatient: CoalescingLayer, one_slow: OneSlow
) -> None:
    """A read of which parts were asked again is asked again for a caller who joins it later."""
    callers = [asyncio.create_task(timed(impatient, [v])) for v in (SLOW, B, C)]
    await asyncio.sleep(0.1)
    callers.pop().cancel()
    await asyncio.sleep(0.9)

    assert 0.005 == pytest.approx(await timed(impatient, [C]))
    assert [[SLOW, B, C], [SLOW], [B], [C]] == asked(one_slow)
    await asyncio.wait(callers)


async def test_a_part_is_joined(impatient: CoalescingLayer, one_slow: OneSlow) -> None:
    """Later callers join what was asked again, not the read that takes long."""
    callers = [asyncio.create_task(timed(impatient, [v])) for v in (SLOW, B)]
    await asyncio.sleep(0.202)

    assert 0.003 == pytest.approx(await timed(impatient, [B]))
    await asyncio.gather(*callers)
    assert [[SLOW, B], [SLOW], [B]] == asked(one_slow)


async def test_closing_ends_parts_as_well(one_slow: OneSlow) -> None:
    """When the scope of tasks ends while parts are in flight, their callers get an error."""
    async with Background() as background:
        impatient = CoalescingLayer(one_slow, LoopClock(), background, 0.2)
        callers = [asyncio.create_task(impatient.read([v], DEFAULT_CALL)) for v in (SLOW, B)]
        await asyncio.sleep(0.203)

    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert [OverloadedHere, OverloadedHere] == [type(error) for error in errors]


class Leaving(Background):
    """A scope that can be left while its tasks still run."""

    is_left = False

    def start(
        self, work: Coroutine[Any, Any, T], name: str, context: Context | None = None
    ) -> asyncio.Task[T]:
        if self.is_left:
            work.close()
            raise RuntimeError("the scope was left")
        return super().start(work, name, context)


async def test_nothing_is_asked_again_after_closing(
    one_slow: OneSlow, caplog: pytest.LogCaptureFixture
) -> None:
    """A read that becomes overdue while the scope of tasks ends is not asked again."""
    async with Leaving() as background:
        impatient = CoalescingLayer(one_slow, LoopClock(), background, 0.2)
        callers = [asyncio.create_task(timed(impatient, [v])) for v in (SLOW, B)]
        await asyncio.sleep(0.1)
        background.is_left = True

        assert [3, 3] == await times(*callers)
    assert [[SLOW, B]] == asked(one_slow)
    assert "" == caplog.text


async def test_nothing_is_left_of_parts(impatient: CoalescingLayer, background: Background) -> None:
    """After all callers were answered, no task runs, no id is in flight and no timer waits."""
    await asyncio.gather(timed(impatient, [SLOW]), timed(impatient, [B]))
    await asyncio.sleep(0.5)

    assert 0 == len(background)
    assert ({}, {}) == (impatient._in_flight, impatient._tasks)
