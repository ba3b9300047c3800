import pytest

from shelfport.adapters.observability.signal_row import Severity
from shelfport.adapters.ops.log_entries import LogEntry, render
from shelfport.errors import Operation, ServiceOverloaded
from shelfport.ports import Call
from shelfport.ports.signals import (
    Attempted,
    AttemptOutcome,
    BreakerChanged,
    BreakerState,
    EventDeadLettered,
    RefreshFailed,
    Retrying,
    Signal,
)
from tests.support.clocks import EPOCH

ERROR = ServiceOverloaded("it has enough", operation=Operation.READ, correlation_id="c-3")
CALL = Call(correlation_id="c-1")
TOOK = "reading the stock of 3 variants took 0.012 s at attempt 1"


@pytest.mark.parametrize(
    ("signal", "kind", "severity", "sentence", "correlation_id"),
    [
        (
            Attempted(Operation.READ, 3, CALL, AttemptOutcome.ANSWERED, 0.012),
            "read answered",
            Severity.ROUTINE,
            TOOK,
            "c-1",
        ),
        (
            Attempted(Operation.READ, 3, CALL, AttemptOutcome.LEFT, 0.012),
            "read left",
            Severity.ROUTINE,
            "reading the stock of 3 variants was abandoned after 0.012 s at attempt 1: "
            "the caller left before the answer",
            "c-1",
        ),
        (
            Attempted(Operation.READ, 3, CALL, AttemptOutcome.FAILED, 0.012, ERROR),
            "read failed",
            Severity.BAD,
            "reading the stock of 3 variants failed after 0.012 s at attempt 1: it has enough",
            "c-1",
        ),
        (
            Attempted(Operation.READ, 3, CALL, AttemptOutcome.PARTIAL, 0.012, ERROR, 2),
            "read partial",
            Severity.BAD,
            f"{TOOK}, but 2 could not be read: it has enough",
            "c-1",
        ),
        (
            Retrying(Operation.READ, 1, 0.05, ERROR, "c-2"),
            "retry",
            Severity.ROUTINE,
            "reading stock failed at attempt 1 and is repeated in 0.050 s: it has enough",
            "c-2",
        ),
        (
            BreakerChanged(BreakerState.CLOSED, BreakerState.OPEN, "why"),
            "circuit open",
            Severity.BAD,
            "the circuit breaker went from closed to open: why",
            None,
        ),
        (
            RefreshFailed(3, ERROR),
            "refresh failed",
            Severity.NOTE,
            "refreshing the stock of 3 variants in the background failed: it has enough",
            "c-3",
        ),
        (
            EventDeadLettered("no JSON", None, "c-4"),
            "event dead-lettered",
            Severity.BAD,
            "a message was dead-lettered: no JSON",
            "c-4",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_entries(
    signal: Signal, kind: str, severity: Severity, sentence: str, correlation_id: str | None
) -> None:
    """An entry has the kind, the severity, the sentence and the correlation id of its signal."""
    assert LogEntry(EPOCH, kind, severity, sentence, correlation_id) == render(signal, EPOCH)
