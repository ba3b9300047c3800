import logging

import pytest

from shelfport import (
    BreakerChanged,
    BreakerState,
    Operation,
    RefreshFailed,
    Refused,
    RetryBudgetSpent,
    Retrying,
    ServedStale,
    Signal,
    TimedOut,
)
from shelfport.adapters import signal_log
from shelfport.adapters.signal_log import log_signal

LATE = TimedOut("late")
CLOSED, OPEN = BreakerState.CLOSED, BreakerState.OPEN


@pytest.mark.parametrize(
    ("signal", "level", "text"),
    [
        (
            BreakerChanged(CLOSED, OPEN, "5 of 6 calls failed"),
            logging.WARNING,
            "circuit of the Inventory Service: open, was closed: 5 of 6 calls failed",
        ),
        (
            BreakerChanged(OPEN, CLOSED, "let go"),
            logging.INFO,
            "circuit of the Inventory Service: closed, was open: let go",
        ),
        (
            RetryBudgetSpent(Operation.READ, LATE, "c"),
            logging.WARNING,
            "inventory read not repeated: the retry budget is spent (correlation id c): late",
        ),
        (
            Retrying(Operation.INITIALIZE, 2, 0.25, LATE, "c"),
            logging.DEBUG,
            "inventory initialize: attempt 2 will be repeated in 0.250 s (correlation id c): late",
        ),
        (
            Refused(Operation.READ, LATE, "c"),
            logging.DEBUG,
            "inventory read refused here (correlation id c): late",
        ),
        (
            ServedStale(3, 41.26, "c"),
            logging.DEBUG,
            "stock of 3 variants shown stale, up to 41.3 s old (correlation id c)",
        ),
        (RefreshFailed(2, LATE), logging.DEBUG, "stock of 2 variants not refreshed: late"),
    ],
)
def test_records(signal: Signal, level: int, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Every signal has a record: what is rare stands out, what repeats in an outage does not."""
    caplog.set_level(logging.DEBUG, "shelfport.signals")

    log_signal(signal)

    assert [("shelfport.signals", level, text)] == caplog.record_tuples
    assert caplog.records[0].event.startswith("inventory.")  # type: ignore[attr-defined]  # extra


@pytest.mark.parametrize(
    "signal",
    [
        Retrying(Operation.READ, 1, 0.25, LATE, "c"),
        Refused(Operation.READ, LATE, "c"),
        ServedStale(3, 41.26, "c"),
        RefreshFailed(2, LATE),
    ],
)
def test_debug_costs_nothing_when_off(
    signal: Signal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what happens on each call of an outage nothing is put together where DEBUG is off."""
    caplog.set_level(logging.INFO, "shelfport.signals")
    called: list[object] = []
    monkeypatch.setattr(signal_log.logger, "debug", lambda *args, **more: called.append(more))

    log_signal(signal)
    assert [] == called

    caplog.set_level(logging.DEBUG, "shelfport.signals")
    log_signal(signal)
    assert 1 == len(called)
