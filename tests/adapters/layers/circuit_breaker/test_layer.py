import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shelfport import (
    Created,
    StockReading,
    UnavailableReason,
)
from shelfport.errors import (
    CircuitOpen,
    ConnectionFailed,
    DeadlineExceeded,
    Operation,
    ReachedService,
    RequestRejected,
    TimedOut,
)
from shelfport.ports import (
    DEFAULT_CALL,
)
from shelfport.ports.signals import BreakerState, CallRejected
from tests.adapters.layers.circuit_breaker.world import CALL, A, B, Bench
from tests.support.values import an_initial_stock

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


@pytest.fixture
def bench() -> Bench:
    return Bench()


Doing = Callable[[Bench], Awaitable[object]]
both = pytest.mark.parametrize("do", [Bench.read, Bench.initialize])


async def test_an_answer_passes(bench: Bench) -> None:
    """An answer goes to the caller, and counts as a success."""
    request = an_initial_stock(A)

    answers = await bench.layer.read([A, B], CALL)
    outcome = await bench.layer.initialize(request, CALL)

    assert [A, B] == list(answers)
    assert isinstance(answers[A], StockReading)
    assert isinstance(outcome, Created)
    assert [([A, B], CALL)] == bench.service.reads
    assert [(request, CALL)] == bench.service.initializations
    assert (2, 0, 0) == bench.counts
    assert [] == bench.signals


@both
@pytest.mark.parametrize("error", [None, RequestRejected("x"), KeyError("x"), TimedOut("x")])
async def test_slow_counts_with_any_outcome(
    bench: Bench, do: Doing, error: Exception | None
) -> None:
    """The breaker measures the time from the permit to the answer."""
    bench.service.error, bench.service.takes = error, 0.8

    if error is None:
        await do(bench)
    else:
        with pytest.raises(type(error)):
            await do(bench)

    assert (1, 1 if isinstance(error, TimedOut) else 0, 1) == bench.counts


@pytest.mark.parametrize(("left_after", "counted"), [(0.75, (0, 0, 0)), (0.8, (1, 0, 1))])
async def test_cut_by_the_callers_deadline(
    bench: Bench, left_after: float, counted: tuple[int, int, int]
) -> None:
    """A call that its deadline cut is ignored, unless it was slow by then."""
    bench.service.error, bench.service.takes = DeadlineExceeded("late"), left_after

    with pytest.raises(DeadlineExceeded):
        await bench.read()

    assert counted == bench.counts


@both
async def test_an_open_circuit(bench: Bench, do: Doing) -> None:
    """An open circuit refuses the call before it is made, with an error about that call."""
    operation = Operation.READ if do is Bench.read else Operation.INITIALIZE
    bench.breaker.force(OPEN, 0.0)
    bench.signals.clear()

    with pytest.raises(CircuitOpen) as info:
        await do(bench)

    error = info.value
    assert (
        "no request was sent: the circuit breaker is open, as the Inventory Service failed a "
        "moment ago"
    ) == str(error)
    assert operation is error.operation
    assert ((A, B) if operation is Operation.READ else (A,)) == error.ids
    assert ("page-17", 2) == (error.correlation_id, error.attempts)
    assert ReachedService.NO is error.reached_service
    assert UnavailableReason.CIRCUIT_OPEN is error.reason
    assert [CallRejected(operation, error, "page-17")] == bench.signals
    assert ([], []) == (bench.service.reads, bench.service.initializations)


async def test_an_outage_and_its_end(bench: Bench) -> None:
    """Failures open it, calls are refused, and one good probe closes it again."""
    bench.service.error = ConnectionFailed("down")
    for _ in range(2):
        with pytest.raises(ConnectionFailed):
            await bench.read()
    with pytest.raises(CircuitOpen):
        await bench.read()
    bench.service.error = None

    bench.clock.advance(5)
    await bench.read()
    await bench.read()

    assert 4 == len(bench.service.reads)
    assert CLOSED is bench.breaker.state


async def test_one_probe_for_fifty_callers(bench: Bench) -> None:
    """After the pause one of 50 callers sends a request; the others are refused."""
    await bench.half_open()
    bench.service.reads.clear()
    bench.service.hold = asyncio.Event()

    callers = [asyncio.create_task(bench.read()) for _ in range(50)]
    await asyncio.sleep(0)
    bench.service.hold.set()
    results = await asyncio.gather(*callers, return_exceptions=True)

    assert 1 == len(bench.service.reads)
    assert 49 == sum(isinstance(result, CircuitOpen) for result in results)
    assert 49 == len(bench.refusals)
    assert CLOSED is bench.breaker.state


@both
async def test_a_cancelled_probe_returns_its_lease(bench: Bench, do: Doing) -> None:
    """After a cancelled probe the next one may follow at once."""
    await bench.half_open()
    bench.service.hold = asyncio.Event()
    probe = asyncio.ensure_future(do(bench))
    await asyncio.sleep(0)
    with pytest.raises(CircuitOpen):
        await bench.read()

    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe

    assert HALF_OPEN is bench.breaker.state
    bench.service.hold.set()
    await bench.read()
    assert CLOSED is bench.breaker.state


@pytest.mark.parametrize("error", [KeyError("bug"), RequestRejected("400")])
async def test_an_ignored_probe_returns_its_lease(bench: Bench, error: Exception) -> None:
    """After a bug or a refused request in a probe the next probe may follow."""
    await bench.half_open()
    bench.service.error = error
    with pytest.raises(type(error)):
        await bench.read()
    bench.service.error = None

    await bench.read()

    assert CLOSED is bench.breaker.state


async def test_recovery_behind_a_hung_probe(bench: Bench) -> None:
    """A probe that hangs is replaced when its lease ends; its late outcome changes nothing."""
    await bench.half_open()
    hold = bench.service.hold = asyncio.Event()
    hung = asyncio.create_task(bench.read())
    await asyncio.sleep(0)
    bench.service.hold = None

    bench.clock.advance(4.75)
    with pytest.raises(CircuitOpen):
        await bench.read()
    bench.clock.advance(0.25)
    await bench.read()
    assert CLOSED is bench.breaker.state

    bench.service.error = ConnectionFailed("late")
    hold.set()
    with pytest.raises(ConnectionFailed):
        await hung
    assert (0, 0, 0) == bench.counts


@pytest.mark.parametrize("error", [None, ConnectionFailed("late")])
async def test_a_late_outcome(bench: Bench, error: Exception | None) -> None:
    """A call from before the circuit opened neither opens nor closes anything."""
    hold = bench.service.hold = asyncio.Event()
    early = asyncio.create_task(bench.read())
    await asyncio.sleep(0)
    bench.service.hold = None
    await bench.half_open()
    bench.clock.advance(-bench.options.open_duration)

    bench.service.error = error
    hold.set()
    await asyncio.gather(early, return_exceptions=True)

    assert OPEN is bench.breaker.state
    assert [] == bench.signals


async def test_nothing_asked(bench: Bench) -> None:
    """No ids, no call below, and nothing to count; not even an open circuit matters."""
    assert {} == await bench.layer.read([], DEFAULT_CALL)
    assert (0, 0, 0) == bench.counts

    bench.breaker.force(OPEN, 0.0)
    assert {} == await bench.layer.read([], DEFAULT_CALL)
    assert [] == bench.refusals
    assert [] == bench.service.reads
