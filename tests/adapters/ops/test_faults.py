import attrs
import pytest

from shelfport.adapters.ops.faults import SCOPES, FaultWindow, fault_of
from shelfport.adapters.ops.recorder import Recorder
from shelfport.errors import (
    CircuitOpen,
    ConnectionFailed,
    ContractViolation,
    FaultScope,
    InventoryError,
    Operation,
    OverloadedHere,
    PathFailed,
    ServiceOverloaded,
    Unauthorized,
)
from shelfport.ports import Call
from shelfport.signals import (
    Attempted,
    AttemptOutcome,
    CallRejected,
    RefreshFailed,
    RetryBudgetExhausted,
    Retrying,
    Signal,
)
from tests.support.clocks import ManualClock

READ, CALL = Operation.READ, Call(correlation_id="c")
BUSY = ServiceOverloaded("busy")
ELEMENT = ContractViolation("an odd element", scope=FaultScope.ELEMENT)
ANSWERED = Attempted(READ, 2, CALL, AttemptOutcome.ANSWERED, 0.1)


def failed(error: InventoryError) -> Attempted:
    return attrs.evolve(ANSWERED, outcome=AttemptOutcome.FAILED, error=error)


def test_every_scope_is_shown() -> None:
    """The page has a place for each scope, and only one."""
    assert set(FaultScope) == set(SCOPES)
    assert len(FaultScope) == len(SCOPES)


@pytest.mark.parametrize(
    ("signal", "scope"),
    [
        (failed(BUSY), FaultScope.SERVICE),
        (failed(PathFailed("302 of a router")), FaultScope.PATH),
        (failed(ConnectionFailed("cut short", scope=FaultScope.PATH)), FaultScope.PATH),
        (failed(Unauthorized("401")), FaultScope.CREDENTIALS),
        (attrs.evolve(ANSWERED, outcome=AttemptOutcome.PARTIAL, error=ELEMENT), FaultScope.ELEMENT),
        (attrs.evolve(ANSWERED, outcome=AttemptOutcome.LEFT), FaultScope.CALLER),
        (CallRejected(READ, OverloadedHere("1000 calls wait"), "c"), FaultScope.PROCESS),
        (ANSWERED, None),
    ],
    ids=lambda value: value.value if isinstance(value, FaultScope) else None,
)
def test_a_failure_is_counted_by_its_scope(signal: Signal, scope: FaultScope | None) -> None:
    """An attempt is the fault of its error's scope, or of its caller, who left; an answer none."""
    assert scope is fault_of(signal)


@pytest.mark.parametrize(
    "signal",
    [
        CallRejected(READ, CircuitOpen("open"), "c"),
        CallRejected(READ, ServiceOverloaded("503", scope=FaultScope.PROCESS), "c"),
        Retrying(READ, 1, 0.05, BUSY, "c"),
        RetryBudgetExhausted(READ, BUSY, "c"),
        RefreshFailed(3, BUSY),
    ],
    ids=lambda signal: type(signal).__name__,
)
def test_a_failure_is_counted_once(signal: Signal) -> None:
    """What follows of a failure is no second one: a retry, an open circuit, a cooldown."""
    assert fault_of(signal) is None


def test_the_counts_of_the_window() -> None:
    """Each scope has its count, in the order in which the page shows them."""
    window = FaultWindow()
    for now, scope in ((0.0, FaultScope.PATH), (1.0, FaultScope.PATH), (7.0, FaultScope.SERVICE)):
        window.add(now, scope)

    assert SCOPES == tuple(window.total(7.0))
    assert {FaultScope.SERVICE: 1, FaultScope.PATH: 2} == {
        scope: count for scope, count in window.total(7.0).items() if count
    }


def test_old_failures_leave_the_window() -> None:
    """A failure counts for five minutes, also if none came after it."""
    window = FaultWindow(slot=5, slots=60)
    window.add(2.0, FaultScope.SERVICE)

    counts = [window.total(now)[FaultScope.SERVICE] for now in (2.0, 299.9, 300.0, 10_000.0)]
    assert [1, 1, 0, 0] == counts


def test_the_recorder_counts() -> None:
    """The recorder counts each failure at the time of its signal."""
    clock = ManualClock()
    recorder = Recorder(clock=clock)
    recorder.signal(failed(BUSY))
    clock.advance(200)
    recorder.signal(failed(Unauthorized("401")))
    recorder.signal(ANSWERED)
    clock.advance(150)

    found = recorder.faults.total(clock.monotonic())
    assert (0, 1) == (found[FaultScope.SERVICE], found[FaultScope.CREDENTIALS])
