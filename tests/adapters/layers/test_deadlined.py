import asyncio

import pytest

from shelfport import (
    DEFAULT_CALL,
    Call,
    DeadlineExceeded,
    Initialized,
    InitialStock,
    Operation,
)
from shelfport.adapters.layers import Deadlined
from tests.support.clocks import LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import an_id, an_initial_stock

A = an_id(1)
pytestmark = pytest.mark.looptime


class Hanging(ScriptedPort):
    async def read(self, ids: Ids, call: Call) -> Answers:
        await asyncio.Event().wait()
        return {}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        await asyncio.Event().wait()
        return await super().initialize(request, call)


def deadlined(inner: ScriptedPort) -> Deadlined:
    return Deadlined(inner, LoopClock(), lambda: "made", 2.0)


async def test_open_terms_are_filled_in() -> None:
    """A call without terms gets the default deadline and a new correlation id."""
    inner = ScriptedPort()
    now = LoopClock().monotonic()

    await deadlined(inner).read([A], DEFAULT_CALL)
    await deadlined(inner).initialize(an_initial_stock(A), DEFAULT_CALL)

    completed = Call(deadline=now + 2, correlation_id="made")
    assert [completed] == [call for _, call in inner.reads]
    assert [completed] == [call for _, call in inner.initializations]


async def test_the_callers_terms_stand() -> None:
    """What the caller said is passed on unchanged."""
    inner = ScriptedPort()
    call = Call(
        deadline=LoopClock().monotonic() + 1, correlation_id="mine", max_staleness=3, attempt=2
    )

    await deadlined(inner).read([A], call)

    assert [call] == [call for _, call in inner.reads]


@pytest.mark.parametrize(("given", "waited"), [(None, 2.0), (0.3, 0.3), (60.0, 60.0)])
async def test_a_hang_ends_at_the_deadline(given: float | None, waited: float) -> None:
    """Whatever hangs below, the caller is answered exactly at its deadline."""
    clock = LoopClock()
    started = clock.monotonic()
    call = Call(deadline=None if given is None else started + given, correlation_id="c")

    with pytest.raises(DeadlineExceeded, match="the caller's deadline passed") as info:
        await deadlined(Hanging()).read([A], call)

    assert waited == pytest.approx(clock.monotonic() - started)
    assert (
        info.value.operation,
        info.value.ids,
        info.value.correlation_id,
    ) == (Operation.READ, (A,), "c")


async def test_initialize_has_a_deadline_too() -> None:
    """An initialisation that hangs ends at the deadline as well."""
    with pytest.raises(DeadlineExceeded) as info:
        await deadlined(Hanging()).initialize(an_initial_stock(A), DEFAULT_CALL)

    assert (info.value.operation, info.value.ids) == (Operation.INITIALIZE, (A,))


async def test_a_timeout_from_below_is_not_the_deadline() -> None:
    """A TimeoutError that somebody else raised is not mistaken for the caller's deadline."""
    with pytest.raises(TimeoutError, match="somebody else's"):
        await deadlined(ScriptedPort(raising(TimeoutError("somebody else's")))).read(
            [A], DEFAULT_CALL
        )


async def test_nothing_asked() -> None:
    """No ids, no call below."""
    inner = ScriptedPort()

    assert {} == await deadlined(inner).read([], DEFAULT_CALL)
    assert [] == inner.reads
