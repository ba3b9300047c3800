import logging

import pytest

from shelfport import InventoryError
from shelfport.adapters.observability.sampled_log import SampledLog
from shelfport.errors import (
    Operation,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.options import LogOptions
from shelfport.ports import Call
from shelfport.signals import (
    Attempted,
    AttemptOutcome,
    BreakerChanged,
    BreakerState,
    CallRejected,
    RetryBudgetExhausted,
    Signal,
)
from tests.support.clocks import ManualClock

CALL = Call(correlation_id="c")
LATE = TimedOut("late")


def failed(error: InventoryError) -> Attempted:
    return Attempted(Operation.READ, 2, CALL, AttemptOutcome.FAILED, 1.0, error)


ANSWERED = Attempted(Operation.READ, 2, CALL, AttemptOutcome.ANSWERED, 0.01)
LEFT = Attempted(Operation.READ, 2, CALL, AttemptOutcome.LEFT, 0.01)
OPENED = BreakerChanged(BreakerState.CLOSED, BreakerState.OPEN, "5 of 5 calls failed")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> SampledLog:
    caplog.set_level(logging.DEBUG, "shelfport")
    return SampledLog(LogOptions(burst=2, period=10), clock)


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(record)["event"] for record in caplog.records]


@pytest.mark.parametrize(
    "signal", [failed(LATE), LEFT, RetryBudgetExhausted(Operation.READ, LATE, "c")]
)
def test_repeated_failures(
    signal: Signal, log: SampledLog, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the first of a thousand failures of a kind are written."""
    for _ in range(1000):
        log(signal)

    assert 2 == len(caplog.records)


@pytest.mark.parametrize("signal", [ANSWERED, OPENED, CallRejected(Operation.READ, LATE, "c")])
def test_records_that_are_always_written(
    signal: Signal, log: SampledLog, caplog: pytest.LogCaptureFixture
) -> None:
    """Answers, changes of state and DEBUG records are written, however many there are."""
    for _ in range(100):
        log(signal)

    assert 100 == len(caplog.records)


def test_the_count(log: SampledLog, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    """The next signal after the period writes the count, at the level of the counted records."""
    for _ in range(414):
        log(failed(LATE))
    clock.advance(3)
    log(failed(LATE))
    clock.advance(7)
    log(ANSWERED)

    *_, counted, _ = caplog.records
    assert "… and 413 more records of inventory.call (TimedOut) in the last 3.0 s" == (
        counted.getMessage()
    )
    assert logging.WARNING == counted.levelno
    assert {"of": "inventory.call", "error": "TimedOut", "records": 413, "duration": 3.0} == {
        name: vars(counted)[name] for name in ("of", "error", "records", "duration")
    }
    assert ["inventory.call", "inventory.call", "inventory.suppressed", "inventory.call"] == (
        events(caplog)
    )


def test_classes_of_failure(log: SampledLog, caplog: pytest.LogCaptureFixture) -> None:
    """Many failures of one class hide no other class, and do not lower its level."""
    for _ in range(50):
        log(failed(LATE))
    log(failed(ServiceOverloaded("busy", status=503)))
    log(failed(Unauthorized("who are you", status=401)))

    assert ["TimedOut", "TimedOut", "ServiceOverloaded", "Unauthorized"] == [
        vars(record)["error"] for record in caplog.records
    ]
    assert logging.ERROR == caplog.records[-1].levelno


async def test_at_the_end(log: SampledLog, caplog: pytest.LogCaptureFixture) -> None:
    """The last counts are written when the integration is closed."""
    async with log:
        for _ in range(5):
            log(failed(LATE))

    assert "inventory.suppressed" == events(caplog)[-1]
    assert 3 == vars(caplog.records[-1])["records"]
