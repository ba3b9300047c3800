import logging

import pytest

from shelfport import (
    BreakerChanged,
    BreakerState,
    ChangesCut,
    ChangesHeard,
    Operation,
    RefreshFailed,
    Refused,
    RetryBudgetSpent,
    Retrying,
    ServedStale,
    SharedCacheBack,
    SharedCacheOut,
    SharedWritesDropped,
    Signal,
    TimedOut,
)
from shelfport.adapters.signal_log import log_signal, unfailing

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
        (
            SharedCacheOut("no answer"),
            logging.WARNING,
            "the shared cache is out, and not asked: no answer",
        ),
        (SharedCacheBack(), logging.INFO, "the shared cache answers again"),
        (
            SharedWritesDropped(3, "it is full"),
            logging.DEBUG,
            "not written to the shared cache (3 times so far): it is full",
        ),
        (
            ChangesCut("reset"),
            logging.WARNING,
            "changes that other replicas learn of are not heard: reset",
        ),
        (
            ChangesHeard(2.04),
            logging.INFO,
            "changes that other replicas learn of are heard again, after 2.0 s",
        ),
    ],
)
def test_records(signal: Signal, level: int, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Every signal has a record: what is rare stands out, what repeats in an outage does not."""
    caplog.set_level(logging.DEBUG, "shelfport.signals")

    log_signal(signal)

    assert [("shelfport.signals", level, text)] == caplog.record_tuples
    assert caplog.records[0].event.startswith("inventory.")  # type: ignore[attr-defined]  # extra


def test_a_listener_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A listener's own bug is logged, and costs nobody an answer."""

    def broken(signal: Signal, /) -> None:
        raise KeyError("bug")

    unfailing(broken)(RefreshFailed(2, LATE))

    assert "failed: this is its bug" in caplog.text
    assert "KeyError: 'bug'" in caplog.text
