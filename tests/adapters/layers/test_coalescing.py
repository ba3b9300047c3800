import asyncio
from collections.abc import AsyncIterator

import pytest

from shelfport import InventoryError, ProductVariantId, StockReading
from shelfport.adapters.layers import CoalescingLayer
from shelfport.adapters.runtime.background import Background
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
    """What is asked for in one turn of the loop goes out as one read, each id once."""
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


async def test_a_read_under_way_is_joined(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """An id that is being read is not asked for again; the rest of the page is."""
    one = asyncio.create_task(layer.read([A, B], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    other = await layer.read([C, B, A], DEFAULT_CALL)

    assert [[A, B], [C]] == asked(inner)
    assert [C, B, A] == list(other)
    assert await one


async def test_a_read_under_way_is_joined_while_another_boards(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """Whoever shares the turn's batch with others still joins what is under way already."""
    one = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    await asyncio.gather(layer.read([B], DEFAULT_CALL), layer.read([B, A], DEFAULT_CALL))

    assert [[A], [B]] == asked(inner)
    assert await one


async def test_what_has_landed_beside_another_is_asked_for_again(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """That another read is still under way makes no memory of one that has landed."""

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


async def test_what_has_landed_is_asked_for_again(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A finished read is no memory: that is the cache's business."""
    await layer.read([A], DEFAULT_CALL)
    await layer.read([A], DEFAULT_CALL)

    assert [[A], [A]] == asked(inner)


@pytest.mark.parametrize("cancelled", range(3))
async def test_cancelling_one_harms_no_other(
    layer: CoalescingLayer, inner: ScriptedPort, cancelled: int
) -> None:
    """Whichever caller is cancelled, the first one included, the others get their answers."""
    callers = [asyncio.create_task(layer.read([A], DEFAULT_CALL)) for _ in range(3)]
    await asyncio.sleep(0.5)
    callers[cancelled].cancel()

    results = await asyncio.gather(*callers, return_exceptions=True)

    assert [i == cancelled for i in range(3)] == [
        isinstance(result, asyncio.CancelledError) for result in results
    ]
    assert [[A]] == asked(inner)


async def test_everybody_leaves(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """A flight that nobody waits for ends by itself, and its failure is nobody's."""
    inner.script = raising(TimedOut("late"))
    caller = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.sleep(2)

    assert caller.cancelled()
    assert [[A]] == asked(inner)


async def test_a_failure_reaches_all(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """All who share a failed request get its error."""
    inner.script = raising(TimedOut("late"))

    results = await asyncio.gather(
        *(layer.read([v], DEFAULT_CALL) for v in (A, B)), return_exceptions=True
    )

    assert [TimedOut, TimedOut] == [type(result) for result in results]


async def test_each_gets_its_own_part(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """Of a request answered in part, a caller whose variants all failed gets the error."""
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
    """An exception that nobody foresaw reaches the callers, who do not wait for ever."""
    inner.script = raising(KeyError("bug"))

    results = await asyncio.gather(
        *(layer.read([A], DEFAULT_CALL) for _ in range(2)), return_exceptions=True
    )

    assert [KeyError, KeyError] == [type(result) for result in results]
    assert "inventory read failed: this is a bug" in caplog.text


async def test_a_request_that_hangs_ends_at_its_deadline(
    layer: CoalescingLayer, inner: ScriptedPort, background: Background
) -> None:
    """A flight below which nobody keeps the deadline ends at it, and its ids are asked for anew."""

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
    """A TimeoutError that somebody else raised is his bug, and not taken for the deadline."""
    inner.script = raising(TimeoutError("somebody else's"))

    with pytest.raises(TimeoutError, match="somebody else's"):
        await layer.read([A], DEFAULT_CALL)
    await asyncio.sleep(0)  # its task's end is told of one turn later
    assert "this is a bug" in caplog.text


async def test_closing_ends_the_wait(inner: ScriptedPort) -> None:
    """When the scope of tasks ends, those who still wait get an error, not a hang."""
    async with Background() as background:
        layer = CoalescingLayer(inner, LoopClock(), background)
        call = Call(correlation_id="c", attempt=3)
        caller = asyncio.create_task(layer.read([A], call))
        await asyncio.sleep(0.5)

    with pytest.raises(OverloadedHere) as info:
        await caller
    assert ("this process is shutting down", Operation.READ, (A,), "c", 3) == told(info.value)


async def test_closing_before_departure_ends_the_wait(inner: ScriptedPort) -> None:
    """A flight whose task is ended before its first step leaves nobody waiting, nor aboard."""
    async with Background() as background:
        layer = CoalescingLayer(inner, LoopClock(), background)
        waiting = asyncio.ensure_future(layer.read([A], Call(correlation_id="c")))
        await asyncio.sleep(0)  # it waits now, and the flight is to leave in the next turn

    with pytest.raises(OverloadedHere, match="this process is shutting down"):
        await waiting
    assert 0 == len(inner.reads)
    with pytest.raises(RuntimeError, match="scope is not open"):
        await layer.read([A], DEFAULT_CALL)


async def test_a_closed_scope(inner: ScriptedPort) -> None:
    """Without a scope that owns its tasks the layer says so."""
    layer = CoalescingLayer(inner, LoopClock(), Background())

    with pytest.raises(RuntimeError, match="Background scope is not open"):
        await layer.read([A], DEFAULT_CALL)


@pytest.mark.parametrize(
    ("max_staleness", "joins"), [(None, True), (0.6, True), (0.5, False), (0.0, False)]
)
async def test_staleness_decides_who_joins(
    layer: CoalescingLayer, inner: ScriptedPort, max_staleness: float | None, joins: bool
) -> None:
    """A read under way is joined only if it began more recently than the caller's limit."""
    first = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    await layer.read([A], Call(max_staleness=max_staleness))
    await first

    assert ([[A]] if joins else [[A], [A]]) == asked(inner)


async def test_zero_staleness_shares_the_turn(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """Callers who accept nothing kept still share the request that is about to leave."""
    strict = Call(max_staleness=0)

    await asyncio.gather(*(layer.read([A], strict) for _ in range(5)))

    assert [[A]] == asked(inner)


async def test_others_join_the_newer_read(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """Of two reads of an id under way, later callers join the one that began later."""
    first = asyncio.create_task(layer.read([A], DEFAULT_CALL))
    await asyncio.sleep(0.5)
    second = asyncio.create_task(layer.read([A], Call(max_staleness=0)))
    await asyncio.sleep(0.6)  # the first has landed
    await layer.read([A], DEFAULT_CALL)
    await asyncio.gather(first, second)

    assert [[A], [A]] == asked(inner)


async def test_the_terms_of_a_shared_request(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """It has the latest deadline, the strictest staleness, and names those who wait."""
    calls = [
        Call(deadline=10, correlation_id="a", max_staleness=5),
        Call(deadline=30, correlation_id="b"),
        Call(deadline=20, correlation_id=None, max_staleness=3),
    ]

    await asyncio.gather(*(layer.read([A], call) for call in calls))

    [(_, call)] = inner.reads
    assert Call(deadline=30, correlation_id="a", max_staleness=3, waiters=("b",)) == call


async def test_no_deadline_is_the_latest(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """If one of them has all the time in the world, so has the request."""
    await asyncio.gather(layer.read([A], Call(deadline=10)), layer.read([A], Call(deadline=None)))

    assert [None] == [call.deadline for _, call in inner.reads]


async def test_a_lone_callers_terms_are_its_own(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A request that is not shared carries the caller's very terms."""
    call = Call(deadline=10, correlation_id="a", attempt=2)

    await layer.read([A], call)

    assert call is inner.reads[0][1]


async def test_the_names_of_those_who_wait_are_bounded(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """A crowd does not make an endless record."""
    await asyncio.gather(*(layer.read([A], Call(correlation_id=str(i))) for i in range(100)))

    [(_, call)] = inner.reads
    assert tuple(map(str, range(1, 21))) == call.waiters


async def cut_at_an_early_deadline(ids: Ids, call: Call) -> Answers:
    """Takes a second, and all the time of who has less than five, in vain."""
    assert call.deadline is not None
    if call.deadline < 5:
        await asyncio.sleep(call.deadline - LoopClock().monotonic())
        raise DeadlineExceeded("cut")
    await asyncio.sleep(1)
    return {variant: a_reading(variant) for variant in ids}


async def test_who_has_more_time_asks_again(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """A caller who joined a read that another's deadline ended goes on by itself."""
    inner.script = cut_at_an_early_deadline
    now = LoopClock().monotonic()
    hurried = asyncio.create_task(layer.read([A], Call(deadline=now + 0.3)))
    await asyncio.sleep(0.1)
    patient = await layer.read([A, B], Call(deadline=now + 10))

    assert [StockReading, StockReading] == [type(answer) for answer in patient.values()]
    with pytest.raises(DeadlineExceeded):
        await hurried
    assert [[A], [B], [A]] == asked(inner)


async def test_what_two_reads_left_is_asked_for_once(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """Who joined two reads that others' deadlines ended asks for all of it again, in one."""
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


async def test_only_what_the_deadline_cut_is_asked_for_again(
    layer: CoalescingLayer, inner: ScriptedPort
) -> None:
    """Of a read that ended in part, the answers and the other failures stand."""
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
    """Two who asked for the same get mappings of their own: what one does to his, he does alone."""
    one, other = await asyncio.gather(
        layer.read([A, B], DEFAULT_CALL), layer.read([A, B], DEFAULT_CALL)
    )

    assert one == other
    assert one is not other


async def test_who_has_no_more_time_does_not(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """A caller whose own deadline has ended the read gets the error."""
    inner.script = raising(DeadlineExceeded("cut"))

    with pytest.raises(DeadlineExceeded):
        await layer.read([A], Call(deadline=LoopClock().monotonic() + 1))

    assert [[A]] == asked(inner)


async def test_initialize_is_not_shared(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """Each initialisation goes out by itself."""
    requests = [an_initial_stock(A), an_initial_stock(A)]

    await asyncio.gather(*(layer.initialize(request, DEFAULT_CALL) for request in requests))

    assert [(request, DEFAULT_CALL) for request in requests] == inner.initializations


async def test_nothing_asked(layer: CoalescingLayer, inner: ScriptedPort) -> None:
    """No ids, no flight."""
    assert {} == await layer.read([], DEFAULT_CALL)
    assert [] == inner.reads


async def test_nothing_is_left_behind(layer: CoalescingLayer, background: Background) -> None:
    """After everybody was answered, no task runs and no id counts as under way."""
    await asyncio.gather(*(layer.read([A, B], DEFAULT_CALL) for _ in range(10)))
    await asyncio.sleep(0)

    assert 0 == len(background)
    assert {} == layer._under_way
