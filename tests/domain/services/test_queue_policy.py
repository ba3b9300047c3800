from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfport import InventoryError
from shelfport.domain.model import LONGEST_WAIT
from shelfport.domain.services.queue_policy import (
    Dead,
    Later,
    NotTried,
    QueuePolicy,
    Verdict,
    is_there,
    must_read_first,
    verdict_on,
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

TERMS = QueuePolicy(max_attempts=5, base_delay=2.0, max_delay=60.0)
ENTRY = QueuedInitialization(request=an_initial_stock(), queued_at=EPOCH, attempts=1)


def verdict(
    error: Exception, attempts: int = 1, share: float = 1.0, terms: QueuePolicy = TERMS
) -> Verdict:
    entry = attrs.evolve(ENTRY, attempts=attempts)
    return verdict_on(error, entry, terms, now=EPOCH, share=share)


def after(seconds: float) -> Later:
    return Later(EPOCH + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Conflict("key"), Dead(DeadLetterReason.KEY_REUSED)),
        (RequestRejected("no"), Dead(DeadLetterReason.REJECTED)),
        (CircuitOpen("open"), NotTried()),
        (OverloadedHere("full"), NotTried()),
        (DeadlineExceeded("early", reached_service=ReachedService.NO), NotTried()),
        (DeadlineExceeded("late"), after(2)),
        (TimedOut("late"), after(2)),
        (ConnectionFailed("refused", reached_service=ReachedService.NO), after(2)),
        (Unauthorized("token"), after(2)),
        (ContractViolation("odd"), after(2)),
        (RuntimeError("the catalogue"), after(2)),
        (ServiceOverloaded("busy", retry_after=30.0), after(32)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_becomes_of_an_entry(error: Exception, expected: Verdict) -> None:
    """What is final kills it, what was not asked does not count, and all else comes again."""
    assert expected == verdict(error)


@pytest.mark.parametrize("error", [TimedOut("late"), Unauthorized("token"), OSError("catalogue")])
def test_the_last_attempt(error: Exception) -> None:
    """At the limit an attempt that failed is the last one, and one that was not made is none."""
    assert isinstance(verdict(error, attempts=4), Later)
    assert Dead(DeadLetterReason.EXHAUSTED) == verdict(error, attempts=5)
    assert NotTried() == verdict(CircuitOpen("open"), attempts=5)


@pytest.mark.parametrize(
    ("attempts", "share", "seconds"),
    [(1, 1.0, 2), (2, 1.0, 4), (3, 1.0, 8), (3, 0.5, 4), (3, 0.0, 0), (4, 1.0, 16)],
)
def test_pauses_grow(attempts: int, share: float, seconds: float) -> None:
    """The bound doubles with each attempt; what is waited is the share of it that was drawn."""
    assert after(seconds) == verdict(TimedOut("late"), attempts, share)


def test_pauses_end_growing() -> None:
    """However often an entry was tried, it waits no longer than the longest delay."""
    terms = QueuePolicy(max_attempts=10_000, base_delay=1.0, max_delay=60.0)

    assert after(60) == verdict(TimedOut("late"), 7, terms=terms)
    assert after(60) == verdict(TimedOut("late"), 9_999, terms=terms)


@given(
    attempts=st.integers(1, 10_000),
    share=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 1e9),
)
def test_nothing_is_put_off_for_long(
    attempts: int, share: float, retry_after: float | None
) -> None:
    """Whatever the service asks for, no entry is due later than any entry may be."""
    terms = QueuePolicy(max_attempts=10_000, base_delay=900.0, max_delay=900.0)
    found = verdict(ServiceOverloaded("busy", retry_after=retry_after), attempts, share, terms)

    if attempts < 10_000:
        assert isinstance(found, Later)
        assert timedelta() <= found.due_at - EPOCH <= timedelta(seconds=LONGEST_WAIT)


@pytest.mark.parametrize(("attempts", "first"), [(1, False), (2, True), (9, True)])
def test_who_reads_first(attempts: int, first: bool) -> None:
    """With an attempt behind it that may have arrived, the record is looked for first."""
    assert first is must_read_first(attrs.evolve(ENTRY, attempts=attempts))


def test_what_settles_it() -> None:
    """Only a reading shows that the record is there."""
    assert is_there(a_reading(an_id(1)))
    assert not is_there(UnknownVariant(an_id(1)))


def test_terms_that_shrink_are_refused() -> None:
    """The first delay cannot be longer than the longest."""
    with pytest.raises(ValueError, match="base_delay is 5: it must be at most max_delay"):
        QueuePolicy(base_delay=5, max_delay=4)


def test_every_final_error_is_permanent() -> None:
    """No error that may pass by itself is final."""
    for error in (Conflict("c"), RequestRejected("r")):
        assert isinstance(error, InventoryError)
        assert not error.retryable
