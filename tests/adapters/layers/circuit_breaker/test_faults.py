"""Which outcomes the circuit breaker counts: it goes by the scope of a fault."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shelfport import InventoryError, ProductVariantId
from shelfport.adapters.runtime.loop_stall import StallMeter
from shelfport.errors import (
    AdapterFault,
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    FaultScope,
    InsecureConnection,
    OperationInProgress,
    OverloadedHere,
    PathFailed,
    ReachedService,
    RequestBlocked,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.options import BreakerOptions
from shelfport.ports.signals import BreakerState
from tests.adapters.layers.circuit_breaker.world import CALL, FAILURE, IGNORED, SUCCESS, A, B, Bench
from tests.support.values import an_initial_stock

Doing = Callable[[Bench], Awaitable[object]]
both = pytest.mark.parametrize("do", [Bench.read, Bench.initialize])
STALL = 0.2
"""Seconds for which these tests block this process: the meter notices all but a tick of them."""


@pytest.fixture
def bench() -> Bench:
    return Bench(BreakerOptions(minimum_calls=5))


@both
@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (TimedOut("x"), FAILURE),
        (ConnectionFailed("x"), FAILURE),
        (ConnectionFailed("x", reached_service=ReachedService.NO), FAILURE),
        (ServiceOverloaded("x"), FAILURE),
        (ServiceFailed("x"), FAILURE),
        (ServiceFailed("x", status=500, ids=(A, B)), FAILURE),
        (ContractViolation("x"), FAILURE),
        (InsecureConnection("x"), FAILURE),
        (PathFailed("x"), FAILURE),
        (ConnectionFailed("x", scope=FaultScope.PATH), FAILURE),
        (InventoryError("x"), FAILURE),
        (OperationInProgress("x"), SUCCESS),
        (RequestRejected("x"), SUCCESS),
        (Conflict("x"), SUCCESS),
        (ContractViolation("x", scope=FaultScope.ELEMENT), SUCCESS),
        (RequestBlocked("x"), IGNORED),
        (ServiceFailed("x", status=500, scope=FaultScope.REQUEST), FAILURE),
        (RequestRejected("x", reached_service=ReachedService.NO), IGNORED),
        (Unauthorized("x"), IGNORED),
        (CredentialsUnavailable("x"), IGNORED),
        (TimedOut("x", scope=FaultScope.PROCESS), IGNORED),
        (AdapterFault("x"), IGNORED),
        (DeadlineExceeded("x"), IGNORED),
        (OverloadedHere("x"), IGNORED),
        (CircuitOpen("x"), IGNORED),
        (KeyError("x"), IGNORED),
        (TimeoutError("x"), IGNORED),
        (asyncio.CancelledError("x"), IGNORED),
    ],
)
async def test_which_errors_count(
    bench: Bench, do: Doing, error: BaseException, counted: tuple[int, int, int]
) -> None:
    """A fault of the service or of the way to it is a failure; the service's own no is a success.

    A fault of one request, the credentials, this process or a caller is ignored, and so is a bug;
    a 500 to a batch is counted, but opens no circuit while other calls end well.
    """
    bench.service.error = error

    with pytest.raises(type(error)) as info:
        await do(bench)

    assert error is info.value
    assert counted == bench.counts


@both
@pytest.mark.parametrize(
    "error",
    [
        TimedOut("a dead connection", scope=FaultScope.PROCESS),
        AdapterFault("a bug"),
        CredentialsUnavailable("the authorization server is slow"),
        Unauthorized("401"),
    ],
)
async def test_what_is_not_the_services_time(
    bench: Bench, do: Doing, error: InventoryError
) -> None:
    """What this process or the credentials took is not slow."""
    bench.service.error, bench.service.takes = error, 5.0

    with pytest.raises(type(error)):
        await do(bench)

    assert IGNORED == bench.counts


async def fail(bench: Bench, error: InventoryError) -> None:
    bench.service.error = error
    with pytest.raises(type(error)):
        await bench.layer.read(list(error.ids) or [A], CALL)


def a_500(*variants: ProductVariantId) -> ServiceFailed:
    return ServiceFailed("500", status=500, ids=variants)


async def test_one_bad_record(bench: Bench) -> None:
    """A 500 to one variant counts once, however often the variant is asked for."""
    for _ in range(10):
        await fail(bench, a_500(A))
        bench.clock.advance(0.9)

    assert FAILURE == bench.counts
    assert BreakerState.CLOSED is bench.breaker.state


async def test_one_bad_record_of_a_write(bench: Bench) -> None:
    """A 500 to the write of a variant that was counted is not counted again."""
    await fail(bench, a_500(A))
    with pytest.raises(ServiceFailed):
        await bench.layer.initialize(an_initial_stock(A), CALL)

    assert FAILURE == bench.counts


async def test_many_bad_records(bench: Bench) -> None:
    """500s to different variants are a failing service."""
    for error in (a_500(A), a_500(B), a_500(A), a_500(B)):
        await fail(bench, error)

    assert (2, 2, 0) == bench.counts


@pytest.mark.parametrize(("later", "counted"), [(9.9, (0, 0)), (10.0, (1, 1))])
async def test_one_bad_record_counts_again(
    bench: Bench, later: float, counted: tuple[int, int]
) -> None:
    """It counts again when the 500 that was counted has left the window."""
    bench.clock.advance(100)
    await fail(bench, a_500(A))
    bench.clock.advance(later)
    before = bench.counts
    await fail(bench, a_500(A))

    assert counted == (bench.counts[0] - before[0], bench.counts[1] - before[1])


@pytest.mark.parametrize(
    "error",
    [
        a_500(A, B),
        a_500(),
        ServiceFailed("502", status=502, ids=(A,)),
        ServiceOverloaded("503", status=503, ids=(A,)),
        TimedOut("late", ids=(A,)),
    ],
)
async def test_what_always_counts(bench: Bench, error: InventoryError) -> None:
    """All other failures count each time, also if one variant was asked for."""
    for _ in range(3):
        await fail(bench, error)

    assert (3, 3, 0) == bench.counts


async def test_a_slow_500_to_one_variant(bench: Bench) -> None:
    """A 500 that does not count as a failure any more counts as slow, if it was."""
    bench.service.takes = 1.0
    await fail(bench, a_500(A))
    await fail(bench, a_500(A))

    assert (2, 1, 2) == bench.counts


@both
async def test_a_stall_makes_no_call_slow(bench: Bench, do: Doing) -> None:
    """The time for which this process stood still is no time of the service."""
    bench.service.takes, bench.service.blocks = 0.85, STALL
    await do(bench)
    assert SUCCESS == bench.counts

    bench.service.blocks = 0.0
    await do(bench)
    assert (2, 0, 1) == bench.counts


@both
async def test_a_stall_is_no_failure(bench: Bench, do: Doing) -> None:
    """An answer counts as a success, however long this process stood still."""
    bench.service.takes, bench.service.blocks = 0.01, STALL

    await do(bench)

    assert SUCCESS == bench.counts


@both
async def test_a_timeout_in_a_stall(bench: Bench, do: Doing) -> None:
    """A timeout while this process stood still is no failure of the service."""
    bench.service.error = TimedOut("late")
    bench.service.takes, bench.service.blocks = STALL, STALL

    with pytest.raises(TimedOut):
        await do(bench)

    assert IGNORED == bench.counts


@both
@pytest.mark.parametrize(("took", "counted"), [(0.9, IGNORED), (1.0, IGNORED), (1.01, FAILURE)])
async def test_a_stall_explains_a_timeout(
    bench: Bench,
    do: Doing,
    monkeypatch: pytest.MonkeyPatch,
    took: float,
    counted: tuple[int, int, int],
) -> None:
    """A timeout of which this process caused at least half is no failure of the service."""
    monkeypatch.setattr(StallMeter, "begin", lambda _: 7.0)
    monkeypatch.setattr(StallMeter, "end", lambda _, begun: 0.5 if begun == 7.0 else 0.0)
    bench.clock.advance(100)
    bench.service.error, bench.service.takes = TimedOut("late"), took

    with pytest.raises(TimedOut):
        await do(bench)

    assert counted == bench.counts


@pytest.mark.parametrize(
    "error",
    [
        ConnectionFailed("refused", reached_service=ReachedService.NO),
        ServiceFailed("502", status=502),
        ServiceOverloaded("503", status=503),
    ],
)
async def test_a_stall_explains_no_other_failure(bench: Bench, error: InventoryError) -> None:
    """What the service answered, or refused, counts however long this process stood still."""
    bench.service.blocks = STALL

    await fail(bench, error)

    assert FAILURE == bench.counts
