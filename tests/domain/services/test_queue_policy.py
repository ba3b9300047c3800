from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfport import InventoryError
from shelfport.domain.model import LONGEST_WAIT, FaultScope, PathFailed, RequestBlocked
from shelfport.domain.services.backoff import Backoff
from shelfport.domain.services.queue_policy import (
    MOST_CRASHES,
    GiveBack,
    MoveToDeadLetters,
    NextStep,
    QueuePolicy,
    RetryLater,
    has_crashed_workers,
    is_there,
    must_read_first,
    next_step,
)
from shelfport.errors import (
    AdapterFault,
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    InsecureConnection,
    OperationInProgress,
    OverloadedHere,
    ReachedService,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from shelfport.ports import UnknownVariant
from tests.support.clocks import EPOCH
from tests.support.values import a_reading, an_id, an_initial_stock

POLICY = QueuePolicy(max_attempts=5, max_age=1000.0, backoff=Backoff(2.0, 60.0))
ENTRY = QueuedInitialization(request=an_initial_stock(), queued_at=EPOCH, claims=1)
EXHAUSTED = MoveToDeadLetters(DeadLetterReason.EXHAUSTED)
EXPIRED = MoveToDeadLetters(DeadLetterReason.EXPIRED)


def step(
    error: Exception,
    *,
    tries: int = 0,
    attempts: int = 0,
    share: float = 1.0,
    policy: QueuePolicy = POLICY,
    age: float = 0.0,
) -> NextStep:
    """The next step of an entry that is `age` seconds old, and failed with `error`."""
    entry = attrs.evolve(ENTRY, tries=tries, attempts=attempts)
    return next_step(error, entry, policy, now=EPOCH + timedelta(seconds=age), share=share)


def after(seconds: float, *, answered: bool = False) -> RetryLater:
    return RetryLater(EPOCH + timedelta(seconds=seconds), answered)


NOT_COUNTED = [
    TimedOut("late"),
    ConnectionFailed("refused", reached_service=ReachedService.NO),
    ConnectionFailed("broken"),
    ServiceOverloaded("busy"),
    ServiceFailed("500"),
    PathFailed("a page of HTML"),
    PathFailed("a redirect", reached_service=ReachedService.YES),
    RequestBlocked("a firewall"),
    InsecureConnection("the certificate"),
    Unauthorized("token"),
    CredentialsUnavailable("no token"),
    ContractViolation("odd"),
    AdapterFault("a bug"),
    DeadlineExceeded("late"),
    RuntimeError("the host's catalog"),
]
"""Failures that are not an answer of the service about the entry."""


def of_failures(errors: list[Exception]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("error", errors, ids=lambda error: f"{type(error).__name__}")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Conflict("key"), MoveToDeadLetters(DeadLetterReason.KEY_REUSED)),
        (RequestRejected("no"), MoveToDeadLetters(DeadLetterReason.REJECTED)),
        (CircuitOpen("open"), GiveBack()),
        (OverloadedHere("full"), GiveBack()),
        (DeadlineExceeded("early", reached_service=ReachedService.NO), GiveBack()),
        (OperationInProgress("at it"), after(2, answered=True)),
        (ServiceOverloaded("busy", retry_after=30.0), after(32)),
        (OperationInProgress("at it", retry_after=30.0), after(32, answered=True)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_next_step_of_an_entry(error: Exception, expected: NextStep) -> None:
    """A final refusal is a dead letter, a local refusal is not counted, the rest is retried."""
    assert expected == step(error)


@of_failures(NOT_COUNTED)
def test_what_is_no_answer_counts_no_attempt(error: Exception) -> None:
    """Outages, faults on the way, credentials, bugs and the host's catalog count no attempt."""
    assert after(2) == step(error)
    assert isinstance(step(error, tries=10_000, attempts=4), RetryLater)


def test_only_the_scope_and_the_answer_count() -> None:
    """A failure of any class is an attempt if the service answered about this very request."""
    yes, unknown = ReachedService.YES, ReachedService.UNKNOWN
    for scope in FaultScope:
        error = ServiceFailed("500", scope=scope, reached_service=yes)
        assert after(2, answered=scope is FaultScope.REQUEST) == step(error)
    assert after(2) == step(ServiceFailed("500", scope=FaultScope.REQUEST, reached_service=unknown))


def test_the_last_attempt() -> None:
    """The answer that reaches max_attempts is the last one; nothing else makes it EXHAUSTED."""
    answer = OperationInProgress("at it")

    assert isinstance(step(answer, attempts=3), RetryLater)
    assert EXHAUSTED == step(answer, attempts=4)
    assert isinstance(step(TimedOut("late"), attempts=9), RetryLater)
    assert GiveBack() == step(CircuitOpen("open"), attempts=9)


@of_failures([*NOT_COUNTED, OperationInProgress("at it")])
def test_an_entry_expires(error: Exception) -> None:
    """An entry that fails again when it is older than max_age is a dead letter."""
    assert isinstance(step(error, age=999), RetryLater)
    assert EXPIRED == step(error, age=1000)


def test_an_old_entry_expires_only_if_it_fails() -> None:
    """This process's own refusal expires nothing, and a final reason is given as it is."""
    assert GiveBack() == step(CircuitOpen("open"), age=5000)
    assert MoveToDeadLetters(DeadLetterReason.REJECTED) == step(RequestRejected("no"), age=5000)
    assert EXHAUSTED == step(OperationInProgress("at it"), attempts=4, age=5000)


@pytest.mark.parametrize(
    ("tries", "share", "seconds"),
    [(0, 1.0, 2), (1, 1.0, 4), (2, 1.0, 8), (2, 0.5, 4), (2, 0.0, 0), (3, 1.0, 16)],
)
def test_delays_grow(tries: int, share: float, seconds: float) -> None:
    """The bound doubles with each try, whatever it counts; the entry waits its drawn share."""
    assert after(seconds) == step(TimedOut("late"), tries=tries, share=share)
    assert after(seconds, answered=True) == step(
        OperationInProgress("at it"), tries=tries, share=share
    )


def test_delays_end_growing() -> None:
    """However often an entry was tried, it waits at most max_delay."""
    assert after(60) == step(TimedOut("late"), tries=6)
    assert after(60) == step(TimedOut("late"), tries=1_000_000)


@given(
    tries=st.integers(0, 1_000_000),
    share=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 1e9),
)
def test_no_entry_waits_longer_than_any_may(
    tries: int, share: float, retry_after: float | None
) -> None:
    """Whatever Retry-After says, no entry is due later than LONGEST_WAIT from now."""
    policy = attrs.evolve(POLICY, backoff=Backoff(900.0, 900.0))
    error = ServiceOverloaded("busy", retry_after=retry_after)
    found = step(error, tries=tries, share=share, policy=policy)

    assert isinstance(found, RetryLater)
    assert timedelta() <= found.due_at - EPOCH <= timedelta(seconds=LONGEST_WAIT)


@pytest.mark.parametrize(
    ("tries", "attempts", "claims", "first"),
    [
        (0, 0, 1, False),
        (1, 0, 1, True),
        (0, 0, 2, True),
        (9, 3, 6, True),
        # A former edition stored or claimed the entry: it knew neither tries nor claims.
        (0, 1, 1, True),
    ],
)
def test_which_try_reads_first(tries: int, attempts: int, claims: int, first: bool) -> None:
    """After a try, or a claim whose process ended, the record may exist: it is read first."""
    entry = attrs.evolve(ENTRY, tries=tries, attempts=attempts, claims=claims)

    assert first is must_read_first(entry)


def test_when_an_entry_has_crashed_its_workers() -> None:
    """After MOST_CRASHES claims that ended with their process, the next one makes no try."""
    assert not has_crashed_workers(attrs.evolve(ENTRY, claims=MOST_CRASHES))
    assert has_crashed_workers(attrs.evolve(ENTRY, claims=MOST_CRASHES + 1))
    assert not has_crashed_workers(attrs.evolve(ENTRY, tries=1000, attempts=1000))


def test_a_reading_shows_the_record() -> None:
    """Only a reading shows that the record is there."""
    assert is_there(a_reading(an_id(1)))
    assert not is_there(UnknownVariant(an_id(1)))


def test_every_final_error_is_permanent() -> None:
    """No error that may pass by itself is final."""
    for error in (Conflict("c"), RequestRejected("r")):
        assert isinstance(error, InventoryError)
        assert not error.retryable
