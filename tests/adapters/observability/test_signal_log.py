import logging
from uuid import UUID

import attrs
import pytest

from shelfport.adapters.observability import signal_log
from shelfport.adapters.observability.signal_log import log_signal
from shelfport.errors import Operation, QueueFailed, TimedOut
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from shelfport.signals import (
    BackplaneDisconnected,
    BackplaneReconnected,
    BreakerChanged,
    BreakerState,
    CallRejected,
    InitializationDeadLettered,
    InitializationDone,
    InitializationPostponed,
    InitializationQueued,
    QueueRecovered,
    QueueUnavailable,
    RefreshFailed,
    RetryBudgetExhausted,
    Retrying,
    ServedStale,
    SharedCacheDown,
    SharedCacheRecovered,
    SharedCacheWritesDropped,
    Signal,
)
from tests.support.clocks import EPOCH
from tests.support.values import an_id, an_initial_stock

LATE = TimedOut("late")
ENTRY = QueuedInitialization(
    request=an_initial_stock(an_id(1), key=UUID(int=9)),
    queued_at=EPOCH,
    correlation_id="c",
    attempts=3,
    last_error="busy",
)
IDS = f"(idempotency key {UUID(int=9)}, correlation id c)"
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
            RetryBudgetExhausted(Operation.READ, LATE, "c"),
            logging.WARNING,
            "inventory read not repeated: the retry budget is spent (correlation id c): late",
        ),
        (
            Retrying(Operation.INITIALIZE, 2, 0.25, LATE, "c"),
            logging.DEBUG,
            "inventory initialize: attempt 2 will be repeated in 0.250 s (correlation id c): late",
        ),
        (
            CallRejected(Operation.READ, LATE, "c"),
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
            SharedCacheDown("no answer"),
            logging.WARNING,
            "the shared cache is out, and not asked: no answer",
        ),
        (SharedCacheRecovered(), logging.INFO, "the shared cache answers again"),
        (
            SharedCacheWritesDropped(3, "it is full"),
            logging.DEBUG,
            "not written to the shared cache (3 times so far): it is full",
        ),
        (
            BackplaneDisconnected("reset"),
            logging.WARNING,
            "changes that other replicas learn of are not heard: reset",
        ),
        (
            BackplaneReconnected(2.04),
            logging.INFO,
            "changes that other replicas learn of are heard again, after 2.0 s",
        ),
        (
            InitializationQueued(ENTRY, LATE),
            logging.WARNING,
            f"inventory record of {an_id(1)} could not be opened now and is queued: late {IDS}",
        ),
        (
            InitializationDone(ENTRY, 61.26),
            logging.INFO,
            f"inventory record of {an_id(1)} is there, at attempt 3, 61.3 s after it was queued "
            f"{IDS}",
        ),
        (
            InitializationPostponed(ENTRY, EPOCH, LATE),
            logging.DEBUG,
            f"inventory record of {an_id(1)} is put off until 2026-01-01T00:00:00+00:00, "
            f"after attempt 3: late {IDS}",
        ),
        (
            InitializationDeadLettered(ENTRY, DeadLetterReason.KEY_REUSED, LATE),
            logging.ERROR,
            f"inventory record of {an_id(1)} will not be opened (KEY_REUSED) until a person "
            f"retries or drops its entry: late {IDS}",
        ),
        (
            InitializationDeadLettered(ENTRY, DeadLetterReason.EXHAUSTED, None),
            logging.ERROR,
            f"inventory record of {an_id(1)} will not be opened (EXHAUSTED) until a person "
            f"retries or drops its entry: busy {IDS}",
        ),
        (QueueUnavailable(QueueFailed("the disk is full")), logging.ERROR, "the disk is full"),
        (QueueRecovered(), logging.INFO, "the queue can be used again"),
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
        CallRejected(Operation.READ, LATE, "c"),
        ServedStale(3, 41.26, "c"),
        RefreshFailed(2, LATE),
        SharedCacheWritesDropped(3, "late"),
        InitializationPostponed(ENTRY, EPOCH, LATE),
    ],
)
def test_debug_costs_nothing_when_off(
    signal: Signal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what happens on each call of an outage nothing is put together where DEBUG is off."""
    caplog.set_level(logging.INFO, "shelfport.signals")
    called: list[object] = []
    for method in ("debug", "log"):
        monkeypatch.setattr(signal_log.logger, method, lambda *args, **more: called.append(more))

    log_signal(signal)
    assert [] == called

    caplog.set_level(logging.DEBUG, "shelfport.signals")
    log_signal(signal)
    assert 1 == len(called)


HOSTILE = "no\r\nERROR forged\x1b[31m\u202e"


@pytest.mark.parametrize(
    "signal",
    [
        SharedCacheDown(HOSTILE),
        SharedCacheWritesDropped(3, HOSTILE),
        BackplaneDisconnected(HOSTILE),
        InitializationPostponed(ENTRY, EPOCH, RuntimeError(HOSTILE)),
        InitializationDeadLettered(
            attrs.evolve(ENTRY, last_error=HOSTILE), DeadLetterReason.EXHAUSTED, None
        ),
    ],
    ids=lambda signal: type(signal).__name__,
)
def test_foreign_words(signal: Signal, caplog: pytest.LogCaptureFixture) -> None:
    """What a store, a catalogue or a database says is one printable line, in each field, too."""
    caplog.set_level(logging.DEBUG, "shelfport.signals")

    log_signal(signal)

    [record] = caplog.records
    assert "ERROR forged" in record.getMessage()
    assert record.getMessage().isprintable()
    assert str(vars(record)["detail"]).isprintable()
