import logging
from uuid import UUID

import attrs
import pytest

from shelfport.adapters.observability.signal_log import log_signal
from shelfport.adapters.observability.signal_table import row_of
from shelfport.errors import ContractViolation, FaultScope, Operation, QueueFailed, TimedOut
from shelfport.outbox import DeadLetterReason
from shelfport.ports import Call
from shelfport.signals import (
    Attempted,
    AttemptOutcome,
    BackplaneDisconnected,
    BackplaneReconnected,
    BatchShrunk,
    BreakerChanged,
    BreakerState,
    CallRejected,
    EventDeadLettered,
    EventHandled,
    EventOutcome,
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
from tests.adapters.observability.examples import TOO_LONG
from tests.support.clocks import EPOCH
from tests.support.signals import ENTRY, EVENT, LATE
from tests.support.values import an_id

TRIED = attrs.evolve(ENTRY, tries=2)
"""An entry before the end of its third try."""
IDS = f"(idempotency key {UUID(int=9)}, correlation id c)"
RECORD = f"the inventory record of {an_id(1)}"
CLOSED, OPEN = BreakerState.CLOSED, BreakerState.OPEN


@pytest.mark.parametrize(
    ("signal", "level", "text"),
    [
        (
            BreakerChanged(CLOSED, OPEN, "5 of 6 calls failed"),
            logging.WARNING,
            "the circuit breaker went from closed to open: 5 of 6 calls failed",
        ),
        (
            BreakerChanged(OPEN, CLOSED, "let go"),
            logging.INFO,
            "the circuit breaker went from open to closed: let go",
        ),
        (
            RetryBudgetExhausted(Operation.READ, LATE, "c"),
            logging.WARNING,
            "reading stock failed and is not repeated, as the retry budget is exhausted: late "
            "(correlation id c)",
        ),
        (
            Retrying(Operation.INITIALIZE, 2, 0.25, LATE, "c"),
            logging.DEBUG,
            "opening an inventory record failed at attempt 2 and is repeated in 0.250 s: late "
            "(correlation id c)",
        ),
        (
            CallRejected(Operation.READ, LATE, "c"),
            logging.DEBUG,
            "reading stock was rejected in this process: late (correlation id c)",
        ),
        (
            ServedStale(3, 41.26, "c"),
            logging.DEBUG,
            "the stock of 3 variants was served stale, up to 41 s old (correlation id c)",
        ),
        (
            RefreshFailed(2, LATE),
            logging.DEBUG,
            "refreshing the stock of 2 variants in the background failed: late",
        ),
        (
            RefreshFailed(2, TimedOut("late", correlation_id="c")),
            logging.DEBUG,
            "refreshing the stock of 2 variants in the background failed: late (correlation id c)",
        ),
        (
            SharedCacheDown("no answer"),
            logging.WARNING,
            "the shared cache is unavailable and is bypassed: no answer",
        ),
        (
            BatchShrunk(100, TOO_LONG),
            logging.WARNING,
            "something refused a request for its length (414 of a proxy); this process asks for at "
            "most 100 variants at once now: set batch.max_size to 100 (correlation id c)",
        ),
        (SharedCacheRecovered(), logging.INFO, "the shared cache is available again"),
        (
            SharedCacheWritesDropped(3, "it is full"),
            logging.DEBUG,
            "a write to the shared cache was dropped, 3 so far: it is full",
        ),
        (
            BackplaneDisconnected("reset"),
            logging.WARNING,
            "the backplane is disconnected, changes of other replicas are missed: reset",
        ),
        (
            BackplaneReconnected(2.04),
            logging.INFO,
            "the backplane is connected again, after 2.0 s",
        ),
        (
            InitializationQueued(ENTRY, LATE),
            logging.WARNING,
            f"{RECORD} is queued: late {IDS}",
        ),
        (
            InitializationDone(TRIED, 61.26),
            logging.INFO,
            f"{RECORD} was opened at try 3, 61.3 s after it was queued {IDS}",
        ),
        (
            InitializationPostponed(TRIED, EPOCH, LATE),
            logging.DEBUG,
            f"{RECORD} is postponed until 2026-01-01T00:00:00+00:00, after try 3: late {IDS}",
        ),
        (
            InitializationDeadLettered(ENTRY, DeadLetterReason.KEY_REUSED, LATE),
            logging.ERROR,
            f"{RECORD} will not be opened (KEY_REUSED) until an operator retries or drops its "
            f"entry: late {IDS}",
        ),
        (
            InitializationDeadLettered(ENTRY, DeadLetterReason.EXHAUSTED, None),
            logging.ERROR,
            f"{RECORD} will not be opened (EXHAUSTED) until an operator retries or drops its "
            f"entry: busy {IDS}",
        ),
        (
            InitializationDeadLettered(
                attrs.evolve(ENTRY, last_error=None), DeadLetterReason.EXHAUSTED, None
            ),
            logging.ERROR,
            f"{RECORD} will not be opened (EXHAUSTED) until an operator retries or drops its "
            f"entry: no attempt has ended {IDS}",
        ),
        (QueueUnavailable(QueueFailed("the disk is full")), logging.ERROR, "the disk is full"),
        (QueueRecovered(), logging.INFO, "the queue is available again"),
    ],
)
def test_records(signal: Signal, level: int, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """A signal has its record: what is rare stands out, what repeats in an outage is DEBUG."""
    caplog.set_level(logging.DEBUG, "shelfport.signals")

    log_signal(signal)

    assert [("shelfport.signals", level, text)] == caplog.record_tuples
    assert row_of(signal).event == vars(caplog.records[0])["event"]


@pytest.mark.parametrize(
    "signal",
    [
        EventHandled(EVENT, EventOutcome.HANDLED, 0.26, "c"),
        EventDeadLettered("no event", None, "c"),
    ],
    ids=lambda signal: type(signal).__name__,
)
def test_signals_without_a_record(signal: Signal, caplog: pytest.LogCaptureFixture) -> None:
    """The notifiers and the subscriber write the records of events."""
    caplog.set_level(logging.DEBUG, "shelfport")

    log_signal(signal)

    assert [] == caplog.records


class Untouchable(TimedOut):
    """An error that fails the test if it is rendered."""

    def __str__(self) -> str:
        raise AssertionError("it was rendered")


UNTOUCHABLE = Untouchable("late")


@pytest.mark.parametrize(
    ("signal", "level"),
    [
        (Retrying(Operation.READ, 1, 0.25, UNTOUCHABLE, "c"), logging.INFO),
        (CallRejected(Operation.READ, UNTOUCHABLE, "c"), logging.INFO),
        (RefreshFailed(2, UNTOUCHABLE), logging.INFO),
        (InitializationPostponed(ENTRY, EPOCH, UNTOUCHABLE), logging.INFO),
        (
            Attempted(Operation.READ, 1, Call(), AttemptOutcome.FAILED, 0.1, UNTOUCHABLE),
            logging.ERROR,
        ),
        (RetryBudgetExhausted(Operation.READ, UNTOUCHABLE, "c"), logging.ERROR),
        (ServedStale(3, 41.26, "c"), logging.INFO),
        (SharedCacheWritesDropped(3, "late"), logging.INFO),
        (Attempted(Operation.READ, 1, Call(), AttemptOutcome.ANSWERED, 0.1), logging.WARNING),
    ],
    ids=lambda value: type(value).__name__ if attrs.has(type(value)) else None,
)
def test_a_level_that_is_off_costs_nothing(
    signal: Signal,
    level: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither fields nor sentence are made while the level of a record is off."""
    caplog.set_level(level, "shelfport")
    row_type = type(row_of(signal))
    monkeypatch.setattr(row_type, "template_of", lambda *_: pytest.fail("it was rendered"))

    log_signal(signal)

    assert [] == caplog.records


@pytest.mark.parametrize(
    ("error", "level"), [(LATE, logging.WARNING), (ContractViolation("x"), logging.ERROR)]
)
def test_tools_can_group_records(
    error: TimedOut | ContractViolation, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The message of a record is a template: values are its arguments."""
    caplog.set_level(logging.DEBUG, "shelfport")

    log_signal(Attempted(Operation.READ, 2, Call(), AttemptOutcome.FAILED, 0.25, error))

    [record] = caplog.records
    assert level == record.levelno
    assert (
        "reading the stock of %(variants)d variants failed after %(duration).3f s "
        "at attempt %(attempt)d: %(detail)s"
    ) == record.msg


@pytest.mark.parametrize(
    ("signal", "tries"),
    [
        (InitializationQueued(TRIED, LATE), 2),
        (InitializationDone(TRIED, 61.26), 3),
        (InitializationPostponed(TRIED, EPOCH, LATE), 3),
        (InitializationDeadLettered(TRIED, DeadLetterReason.REJECTED, LATE), 3),
        (InitializationDeadLettered(TRIED, DeadLetterReason.CRASHED, None), 2),
    ],
)
def test_the_tries_of_an_entry(signal: Signal, tries: int) -> None:
    """A record of an entry counts the try that it ends, beside the earlier ones."""
    assert tries == row_of(signal).fields(signal)["tries"]


SPOILED = TimedOut("late", scope=FaultScope.PROCESS)


@pytest.mark.parametrize(
    "signal",
    [
        Attempted(Operation.READ, 2, Call(), AttemptOutcome.FAILED, 0.25, SPOILED),
        Attempted(Operation.READ, 2, Call(), AttemptOutcome.PARTIAL, 0.25, SPOILED, 1),
        Retrying(Operation.READ, 2, 0.25, SPOILED, "c"),
        RetryBudgetExhausted(Operation.READ, SPOILED, "c"),
        CallRejected(Operation.READ, SPOILED, "c"),
        RefreshFailed(2, SPOILED),
        BatchShrunk(100, SPOILED),
    ],
    ids=lambda signal: type(signal).__name__,
)
def test_whose_fault_it_is(signal: Signal, caplog: pytest.LogCaptureFixture) -> None:
    """The record of a failure says whose fault it is: the scope of this error, not of its class."""
    caplog.set_level(logging.DEBUG, "shelfport")

    log_signal(signal)

    assert ["process"] == [vars(record)["scope"] for record in caplog.records]


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
    """The words of a store, a catalog or a database are one printable line, also in each field."""
    caplog.set_level(logging.DEBUG, "shelfport.signals")

    log_signal(signal)

    [record] = caplog.records
    assert "ERROR forged" in record.getMessage()
    assert record.getMessage().isprintable()
    assert str(vars(record)["detail"]).isprintable()
