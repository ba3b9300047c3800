"""docs/failure.md is true about the entries of the queue: the code decides as its rows say."""

import re
from datetime import timedelta

import attrs
import pytest

from shelfport import InventoryError
from shelfport.domain.services.queue_policy import (
    MOST_CRASHES,
    GiveBack,
    MoveToDeadLetters,
    RetryLater,
    has_crashed_workers,
    next_step,
)
from shelfport.errors import (
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    OperationInProgress,
    OverloadedHere,
    PathFailed,
    ReachedService,
    RequestBlocked,
    RequestRejected,
    ServiceOverloaded,
    Unauthorized,
)
from shelfport.options import QueueOptions
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from tests.docs.failure_page import ROWS, row
from tests.support.clocks import EPOCH
from tests.support.values import an_initial_stock

ENTRY = QueuedInitialization(request=an_initial_stock(), queued_at=EPOCH, claims=1)
WORN = attrs.evolve(ENTRY, tries=1000, attempts=QueueOptions().max_attempts - 1)
"""An entry that the next answer of the service about it makes a dead letter."""
WAITS = "A queued entry meets"
GIVEN_BACK = "This process does not send the request of a queued entry"


@pytest.mark.parametrize(
    ("start", "error", "entry"),
    [
        ("The service rejects a queued entry", RequestRejected("422"), ENTRY),
        ("The service rejects a queued entry", Conflict("another request"), ENTRY),
        (
            "The service itself postpones",
            OperationInProgress("409"),
            WORN,
        ),
        (WAITS, ConnectionFailed("gone"), WORN),
        (WAITS, ServiceOverloaded("503", retry_after=1e6), WORN),
        (WAITS, PathFailed("404 of a router"), WORN),
        (WAITS, Unauthorized("401"), WORN),
        (WAITS, RequestBlocked("403 of a firewall"), WORN),
        (GIVEN_BACK, CircuitOpen("open"), WORN),
        (GIVEN_BACK, OverloadedHere("full"), WORN),
        (
            GIVEN_BACK,
            DeadlineExceeded("too late", reached_service=ReachedService.NO),
            WORN,
        ),
        (
            "A queued entry cannot be opened for",
            ConnectionFailed("gone"),
            attrs.evolve(ENTRY, queued_at=EPOCH - timedelta(days=30)),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_row_about_an_entry_is_true(
    start: str, error: InventoryError, entry: QueuedInitialization
) -> None:
    """What becomes of a queued entry is what its row says, and the fault is of the row's scopes."""
    step = next_step(error, entry, QueueOptions().policy(), now=EPOCH, share=1.0)

    assert error.scope.value in row(start).scopes
    match step:
        case MoveToDeadLetters(reason):
            assert f"`{reason.value}`" in row(start).sees
        case RetryLater(due_at):
            assert WAITS == start
            assert due_at <= EPOCH + timedelta(minutes=15)
        case GiveBack():
            assert GIVEN_BACK == start


def test_numbers_of_the_queue() -> None:
    """The age and the claims that make a dead letter are those of the code."""
    days = timedelta(seconds=QueueOptions().max_age).days

    assert f"({days} days)" in row("A queued entry cannot be opened for").what
    assert f", {MOST_CRASHES} times in a row" in row("A queued entry's claims").what


def test_an_entry_that_crashes_its_workers() -> None:
    """As many claims as the row says, and the next one makes a dead letter of the entry."""
    crashed = row("A queued entry's claims end with their process")

    assert not has_crashed_workers(attrs.evolve(ENTRY, claims=MOST_CRASHES))
    assert has_crashed_workers(attrs.evolve(ENTRY, claims=MOST_CRASHES + 1))
    assert f"`{DeadLetterReason.CRASHED.value}`" in crashed.sees


def test_every_end_of_an_entry_is_in_the_table() -> None:
    """Each reason of a dead letter is in a row about opening records."""
    sees = " ".join(row.sees for row in ROWS if row.section == "Opening records")

    assert set() == {f"`{reason.value}`" for reason in DeadLetterReason} - set(
        re.findall(r"`[A-Z_]+`", sees)
    )
