"""How the table of signals renders each signal: for the ops page, metrics and spans."""

from typing import Any

import pytest

from shelfport.adapters.observability.counters import COUNTERS
from shelfport.adapters.observability.signal_row import Severity
from shelfport.adapters.observability.signal_table import row_of
from shelfport.errors import (
    ContractViolation,
    FaultScope,
    Operation,
    ServiceOverloaded,
    TimedOut,
)
from shelfport.ports import Call
from shelfport.signals import (
    Attempted,
    AttemptOutcome,
    BatchShrunk,
    BreakerChanged,
    BreakerState,
    CallRejected,
    RefreshFailed,
    Retrying,
    ServedStale,
    Signal,
)
from tests.adapters.observability.examples import EXAMPLES, TOO_LONG

GOOD, NOTE, BAD, ROUTINE = Severity.GOOD, Severity.NOTE, Severity.BAD, Severity.ROUTINE
KINDS = [
    ("read answered", ROUTINE),
    ("initialize answered", ROUTINE),
    ("read partial", BAD),
    ("read failed", BAD),
    ("read failed", BAD),
    ("initialize left", ROUTINE),
    ("retry", ROUTINE),
    ("retry budget exhausted", NOTE),
    ("circuit open", BAD),
    ("circuit half-open", NOTE),
    ("circuit closed", GOOD),
    ("call rejected", NOTE),
    ("served stale", NOTE),
    ("refresh failed", NOTE),
    ("shared cache unavailable", BAD),
    ("shared cache available", GOOD),
    ("shared cache write dropped", ROUTINE),
    ("backplane disconnected", BAD),
    ("backplane connected", GOOD),
    ("queued", NOTE),
    ("record opened", GOOD),
    ("postponed", NOTE),
    ("dead letter", BAD),
    ("queue unavailable", BAD),
    ("queue available", GOOD),
    ("event handled", ROUTINE),
    ("event duplicate", ROUTINE),
    ("event late", ROUTINE),
    ("event dead-lettered", BAD),
    ("batch shrunk", NOTE),
    ("batch shrunk", NOTE),
    ("answer repaired", NOTE),
    ("clocks differ", NOTE),
    ("readings held back", NOTE),
    ("absence not believed", NOTE),
]


def test_kinds_and_severities() -> None:
    """Failures are bad, recoveries good; what repeats on each call is routine or a note."""
    assert KINDS == [(row_of(s).kind_of(s), row_of(s).severity_of(s)) for s in EXAMPLES]


@pytest.mark.parametrize("signal", EXAMPLES, ids=lambda signal: type(signal).__name__)
def test_the_sentence_has_all_its_fields(signal: Signal) -> None:
    """Each template is filled by its fields, and no field in a sentence is missing."""
    row = row_of(signal)
    sentence = row.template_of(signal) % row.fields(signal)

    assert sentence
    assert "None" not in sentence
    assert "%" not in sentence


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        (ServedStale(1, 3.0, None), "the stock of one variant"),
        (RefreshFailed(1, TimedOut("late")), "the stock of one variant"),
        (BatchShrunk(1, TOO_LONG), "at most one variant at once now"),
        (
            Attempted(Operation.READ, 1, Call(), AttemptOutcome.ANSWERED, 0.1),
            "the stock of one variant",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_variant(signal: Signal, words: str) -> None:
    """One variant is singular."""
    row = row_of(signal)

    assert words in row.template_of(signal) % row.fields(signal)


BUSY = ServiceOverloaded("busy")
SERVICE = {"error.type": "ServiceOverloaded", "shelfport.fault.scope": "service"}
ELEMENT = ContractViolation("no quantity", scope=FaultScope.ELEMENT)
HELD = ServiceOverloaded("503 a moment ago", scope=FaultScope.PROCESS)


@pytest.mark.parametrize(
    ("signal", "metric", "value", "labels"),
    [
        (
            Attempted(Operation.READ, 2, Call(), AttemptOutcome.ANSWERED, 0.25),
            "attempt.duration",
            0.25,
            {"shelfport.operation": "read", "shelfport.outcome": "answered"},
        ),
        (
            Attempted(Operation.READ, 2, Call(), AttemptOutcome.FAILED, 0.25, BUSY),
            "attempt.duration",
            0.25,
            {"shelfport.operation": "read", "shelfport.outcome": "failed", **SERVICE},
        ),
        (
            Attempted(Operation.READ, 2, Call(), AttemptOutcome.PARTIAL, 0.25, ELEMENT, 1),
            "attempt.duration",
            0.25,
            {
                "shelfport.operation": "read",
                "shelfport.outcome": "partial",
                "error.type": "ContractViolation",
                "shelfport.fault.scope": "element",
            },
        ),
        (
            Attempted(Operation.READ, 2, Call(), AttemptOutcome.LEFT, 0.25),
            "attempt.duration",
            0.25,
            {"shelfport.operation": "read", "shelfport.outcome": "left"},
        ),
        (
            Retrying(Operation.READ, 1, 0.05, BUSY, "c"),
            "retries",
            1,
            {"shelfport.operation": "read", **SERVICE},
        ),
        (
            CallRejected(Operation.INITIALIZE, HELD, "c"),
            "calls.rejected",
            1,
            {
                "shelfport.operation": "initialize",
                "error.type": "ServiceOverloaded",
                "shelfport.fault.scope": "process",
            },
        ),
        (
            BreakerChanged(BreakerState.CLOSED, BreakerState.OPEN, "why"),
            "circuit_breaker.state_changes",
            1,
            {"shelfport.circuit_breaker.state": "open"},
        ),
        (RefreshFailed(2, BUSY), "refresh.failures", 1, SERVICE),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_measures(signal: Signal, metric: str, value: float, labels: dict[str, str]) -> None:
    """A signal moves its metric by a value, under labels."""
    measure = row_of(signal).measure
    assert measure is not None

    assert (f"shelfport.inventory.{metric}", value, labels) == (
        measure.metric.name,
        measure.value(signal),
        measure.labels(signal),
    )


@pytest.mark.parametrize("signal", EXAMPLES, ids=lambda signal: type(signal).__name__)
def test_labels_are_those_of_the_metric(signal: Any) -> None:
    """A measure has labels of its metric only, and its metric is in the table of metrics."""
    measure = row_of(signal).measure
    if measure is not None:
        assert measure.metric in COUNTERS
        assert set(measure.labels(signal)) <= set(measure.metric.labels)
