import asyncio

import pytest

from shelfport import ProductVariantId
from shelfport.adapters.layers import DeadlineLayer
from shelfport.errors import DeadlineExceeded, Operation, ReachedService
from shelfport.ports import (
    DEFAULT_CALL,
    Call,
    Initialized,
    InitialStock,
)
from tests.support.clocks import LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import a_reading, an_id, an_initial_stock

A, B = an_id(1), an_id(2)
BEFORE = "the caller's deadline passed before the Inventory Service was asked"
WAITING = "the caller's deadline passed while waiting for the Inventory Service"
pytestmark = pytest.mark.looptime


class Hanging(ScriptedPort):
    async def read(self, ids: Ids, call: Call) -> Answers:
        await asyncio.Event().wait()
        return {}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        await asyncio.Event().wait()
        return await super().initialize(request, call)


def told(
    error: DeadlineExceeded,
) -> tuple[
    str, Operation | None, tuple[ProductVariantId, ...], str | None, int, ReachedService, int | None
]:
    """All that the error says."""
    return (
        str(error),
        error.operation,
        error.ids,
        error.correlation_id,
        error.attempts,
        error.reached_service,
        error.status,
    )


def deadlined(inner: ScriptedPort) -> DeadlineLayer:
    return DeadlineLayer(inner, LoopClock(), lambda: "made", 2.0)


async def test_defaults_are_filled_in() -> None:
    """A call without a deadline and an id gets the default deadline and a new id."""
    inner = ScriptedPort()
    now = LoopClock().monotonic()

    await deadlined(inner).read([A], DEFAULT_CALL)
    await deadlined(inner).initialize(an_initial_stock(A), DEFAULT_CALL)

    completed = Call(deadline=now + 2, correlation_id="made")
    assert [completed] == [call for _, call in inner.reads]
    assert [completed] == [call for _, call in inner.initializations]


ID = "0af7651916cd43dd8448eb211c80319c"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("call", "traceparent"),
    [
        (Call(correlation_id=ID), f"00-{ID}-{ID[:16]}-00"),
        (Call(correlation_id=ID, traceparent=TRACE), TRACE),
        (Call(correlation_id="order-17"), None),
        (DEFAULT_CALL, None),
    ],
)
async def test_a_trace_context(call: Call, traceparent: str | None) -> None:
    """A caller's context stands; without one, an id that is a trace id begins one."""
    inner = ScriptedPort()

    await deadlined(inner).read([A], call)

    assert [traceparent] == [call.traceparent for _, call in inner.reads]


async def test_the_callers_values_stand() -> None:
    """The caller's deadline and ids are forwarded unchanged."""
    inner = ScriptedPort()
    call = Call(
        deadline=LoopClock().monotonic() + 1, correlation_id="mine", max_staleness=3, attempt=2
    )

    await deadlined(inner).read([A], call)

    assert [call] == [call for _, call in inner.reads]


@pytest.mark.parametrize(("given", "waited"), [(None, 2.0), (0.3, 0.3), (60.0, 60.0)])
async def test_a_hang_ends_at_the_deadline(given: float | None, waited: float) -> None:
    """If the layer below hangs, the call ends exactly at its deadline."""
    await asyncio.sleep(1000)  # so that the clock does not stand at 0
    clock = LoopClock()
    started = clock.monotonic()
    deadline = None if given is None else started + given
    call = Call(deadline=deadline, correlation_id="c", attempt=3)

    with pytest.raises(DeadlineExceeded, match="the caller's deadline passed") as info:
        await deadlined(Hanging()).read([A, B], call)

    assert waited == pytest.approx(clock.monotonic() - started)
    assert (WAITING, Operation.READ, (A, B), "c", 3, ReachedService.UNKNOWN, None) == told(
        info.value
    )
    assert isinstance(info.value.__cause__, TimeoutError)


async def test_initialize_has_a_deadline_too() -> None:
    """An initialization that hangs ends at its deadline, too."""
    await asyncio.sleep(1000)
    started = LoopClock().monotonic()

    with pytest.raises(DeadlineExceeded) as info:
        await deadlined(Hanging()).initialize(an_initial_stock(A), Call(attempt=2))

    assert 2.0 == pytest.approx(LoopClock().monotonic() - started)
    assert (WAITING, Operation.INITIALIZE, (A,), "made", 2, ReachedService.UNKNOWN, None) == told(
        info.value
    )


@pytest.mark.parametrize("left", [0.0, -0.5])
async def test_a_deadline_that_has_passed(left: float) -> None:
    """At its deadline or after it, a call is refused, and the error says that nothing was sent."""
    await asyncio.sleep(1000)
    inner = ScriptedPort()
    call = Call(deadline=LoopClock().monotonic() + left, correlation_id="c", attempt=4)

    with pytest.raises(DeadlineExceeded) as read:
        await deadlined(inner).read([A, B], call)
    with pytest.raises(DeadlineExceeded) as initialized:
        await deadlined(inner).initialize(an_initial_stock(A), call)

    assert (BEFORE, Operation.READ, (A, B), "c", 4, ReachedService.NO, None) == told(read.value)
    assert (BEFORE, Operation.INITIALIZE, (A,), "c", 4, ReachedService.NO, None) == told(
        initialized.value
    )
    assert ([], []) == (inner.reads, inner.initializations)


async def test_a_little_time_left() -> None:
    """With any time left at all, the call is made."""
    await asyncio.sleep(1000)
    inner = ScriptedPort()
    call = Call(deadline=LoopClock().monotonic() + 0.25, correlation_id="c")

    assert {A: a_reading(A)} == await deadlined(inner).read([A], call)
    assert [([A], call)] == inner.reads


async def test_the_outcome_is_returned() -> None:
    """The outcome of an initialization is returned as it is."""
    created = await ScriptedPort().initialize(an_initial_stock(A), DEFAULT_CALL)

    class Opening(ScriptedPort):
        async def initialize(self, request: InitialStock, call: Call) -> Initialized:
            return created

    assert created is await deadlined(Opening()).initialize(an_initial_stock(A), DEFAULT_CALL)


async def test_a_timeout_from_below_is_not_the_deadline() -> None:
    """A TimeoutError from below is not mistaken for the caller's deadline."""
    with pytest.raises(TimeoutError, match="another timeout"):
        await deadlined(ScriptedPort(raising(TimeoutError("another timeout")))).read(
            [A], DEFAULT_CALL
        )


async def test_nothing_asked() -> None:
    """No ids, no call below."""
    inner = ScriptedPort()

    assert {} == await deadlined(inner).read([], DEFAULT_CALL)
    assert [] == inner.reads
