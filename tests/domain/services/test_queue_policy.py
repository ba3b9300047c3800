from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfport import InventoryError
from shelfport.domain.model import LONGEST_WAIT
from shelfport.domain.services.backoff import Backoff
from shelfport.domain.services.queue_policy import (
    GiveBack,
    MoveToDeadLetters,
    NextStep,
    QueuePolicy,
    RetryLater,
    is_there,
    must_read_first,
    next_step,
)
from shelfport.errors import (
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    DeadlineExceeded,
    OverloadedHere,
    ReachedService,
    RequestRejected,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from shelfport.ports import UnknownVariant
from tests.support.clocks import EPOCH
from tests.support.values import a_reading, an_id, an_initial_stock

POLICY = QueuePolicy(max_attempts=5, backoff=Backoff(2.0, 60.0))
ENTRY = QueuedInitialization(request=an_initial_stock(), queued_at=EPOCH, attempts=1)


def step(
    error: Exception, attempts: int = 1, share: float = 1.0, policy: QueuePolicy = POLICY
) -> NextStep:
    entry = attrs.evolve(ENTRY, attempts=attempts)
    return next_step(error, entry, policy, now=EPOCH, share=share)


def after(seconds: float) -> RetryLater:
    return RetryLater(EPOCH + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Conflict("key"), MoveToDeadLetters(DeadLetterReason.KEY_REUSED)),
        (RequestRejected("no"), MoveToDeadLetters(DeadLetterReason.REJECTED)),
        (CircuitOpen("open"), GiveBack()),
        (OverloadedHere("full"), GiveBack()),
        (DeadlineExceeded("early", reached_service=ReachedService.NO), GiveBack()),
        (DeadlineExceeded("late"), after(2)),
        (TimedOut("late"), after(2)),
        (ConnectionFailed("refused", reached_service=ReachedService.NO), after(2)),
        (Unauthorized("token"), after(2)),
        (ContractViolation("odd"), after(2)),
        (RuntimeError("the catalog"), after(2)),
        (ServiceOverloaded("busy", retry_after=30.0), after(32)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_next_step_of_an_entry(error: Exception, expected: NextStep) -> None:
    """A final refusal is a dead letter, a local refusal is not counted, the rest is retried."""
    assert expected == step(error)


@pytest.mark.parametrize("error", [TimedOut("late"), Unauthorized("token"), OSError("catalog")])
def test_the_last_attempt(error: Exception) -> None:
    """The entry is a dead letter after max_attempts; a local refusal is no attempt."""
    assert isinstance(step(error, attempts=4), RetryLater)
    assert MoveToDeadLetters(DeadLetterReason.EXHAUSTED) == step(error, attempts=5)
    assert GiveBack() == step(CircuitOpen("open"), attempts=5)


@pytest.mark.parametrize(
    ("attempts", "share", "seconds"),
    [(1, 1.0, 2), (2, 1.0, 4), (3, 1.0, 8), (3, 0.5, 4), (3, 0.0, 0), (4, 1.0, 16)],
)
def test_delays_grow(attempts: int, share: float, seconds: float) -> None:
    """The bound doubles with each attempt; the entry waits the drawn share of it."""
    assert after(seconds) == step(TimedOut("late"), attempts, share)


def test_delays_end_growing() -> None:
    """However often an entry was tried, it waits at most max_delay."""
    policy = QueuePolicy(max_attempts=10_000, backoff=Backoff(1.0, 60.0))

    assert after(60) == step(TimedOut("late"), 7, policy=policy)
    assert after(60) == step(TimedOut("late"), 9_999, policy=policy)


@given(
    attempts=st.integers(1, 10_000),
    share=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 1e9),
)
def test_no_entry_waits_longer_than_any_may(
    attempts: int, share: float, retry_after: float | None
) -> None:
    """Whatever Retry-After says, no entry is due later than LONGEST_WAIT from now."""
    policy = QueuePolicy(max_attempts=10_000, backoff=Backoff(900.0, 900.0))
    found = step(ServiceOverloaded("busy", retry_after=retry_after), attempts, share, policy)

    if attempts < 10_000:
        assert isinstance(found, RetryLater)
        assert timedelta() <= found.due_at - EPOCH <= timedelta(seconds=LONGEST_WAIT)


@pytest.mark.parametrize(("attempts", "first"), [(1, False), (2, True), (9, True)])
def test_which_attempt_reads_first(attempts: int, first: bool) -> None:
    """After an attempt that may have arrived, the next one reads the record first."""
    assert first is must_read_first(attrs.evolve(ENTRY, attempts=attempts))


def test_a_reading_shows_the_record() -> None:
    """Only a reading shows that the record is there."""
    assert is_there(a_reading(an_id(1)))
    assert not is_there(UnknownVariant(an_id(1)))


def test_every_final_error_is_permanent() -> None:
    """No error that may pass by itself is final."""
    for error in (Conflict("c"), RequestRejected("r")):
        assert isinstance(error, InventoryError)
        assert not error.retryable
