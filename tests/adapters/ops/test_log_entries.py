from typing import Any, get_args

import pytest

from shelfport.adapters.ops import log_entries as happenings
from shelfport.adapters.ops.log_entries import Severity, told
from shelfport.errors import Operation, ServiceOverloaded
from shelfport.ports import Call
from shelfport.ports.signals import (
    Attempted,
    AttemptOutcome,
    BreakerChanged,
    BreakerState,
    Retrying,
    Signal,
)

ERROR = ServiceOverloaded("it has enough", operation=Operation.READ)


def test_every_signal_is_told() -> None:
    """There is a row for each kind of signal, and for nothing else."""
    assert set(get_args(Signal)) == set(happenings._TOLD)


@pytest.mark.parametrize(
    ("outcome", "error", "weight", "sentence"),
    [
        (AttemptOutcome.ANSWERED, None, Severity.ROUTINE, "3 variants in 12 ms"),
        (AttemptOutcome.LEFT, None, Severity.ROUTINE, "3 variants in 12 ms"),
        (AttemptOutcome.FAILED, ERROR, Severity.BAD, "3 variants in 12 ms: it has enough"),
        (AttemptOutcome.PARTIAL, ERROR, Severity.BAD, "3 variants in 12 ms: it has enough"),
    ],
)
def test_attempts_are_noted_when_they_fail(
    outcome: AttemptOutcome, error: Any, weight: Severity, sentence: str
) -> None:
    """An answer is routine, found by its id alone; a failure is in the log."""
    signal = Attempted(Operation.READ, 3, Call(correlation_id="c-1"), outcome, 0.012, error)
    said = told(signal)

    assert (weight, sentence, "c-1") == (said.weight, said.sentence, said.correlation_id)


@pytest.mark.parametrize(
    ("after", "weight"),
    [
        (BreakerState.OPEN, Severity.BAD),
        (BreakerState.HALF_OPEN, Severity.NOTE),
        (BreakerState.CLOSED, Severity.GOOD),
    ],
)
def test_the_circuit_s_changes_are_noted(after: BreakerState, weight: Severity) -> None:
    """Opening is bad, closing is good."""
    said = told(BreakerChanged(BreakerState.CLOSED, after, "why"))

    assert (f"circuit {after.value}", weight, "why") == (said.kind, said.weight, said.sentence)


def test_a_retry_is_found_by_its_id() -> None:
    """A repetition says which attempt failed, when the next is, and of what."""
    said = told(Retrying(Operation.READ, 1, 0.05, ERROR, "c-2"))

    assert ("attempt 1 failed, again in 50 ms: it has enough", "c-2") == (
        said.sentence,
        said.correlation_id,
    )
