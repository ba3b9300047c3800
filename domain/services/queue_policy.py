"""What becomes of a queued initialization after an attempt: pure rules, no queue and no clock."""

from datetime import datetime, timedelta

import attrs

from shelfport.domain.model import (
    LONGEST_WAIT,
    Answer,
    Conflict,
    DeadLetterReason,
    FaultScope,
    InventoryError,
    QueuedInitialization,
    ReachedService,
    RequestRejected,
    StockReading,
)
from shelfport.domain.services.backoff import Backoff

MOST_CRASHES = 5
"""After so many claims in a row that ended with their process, an entry is a dead letter."""
_NOT_SENT = frozenset({FaultScope.CALLER, FaultScope.PROCESS})


@attrs.frozen(kw_only=True)
class QueuePolicy:
    """How often an entry is tried, how soon, and for how long."""

    max_attempts: int
    """After so many answers of the service that put it off, an entry becomes a dead letter."""
    max_age: float
    """Seconds after which an entry that fails again becomes a dead letter."""
    backoff: Backoff
    """The delays between tries."""


@attrs.frozen
class GiveBack:
    """This process refused to send the request: nothing is counted."""


@attrs.frozen
class RetryLater:
    """The failure may pass by itself: the next try is due at `due_at`."""

    due_at: datetime
    answered: bool
    """Whether the service itself answered, about this entry: it counts as an attempt."""


@attrs.frozen
class MoveToDeadLetters:
    """The entry is not tried any more: a person has to decide."""

    reason: DeadLetterReason


NextStep = GiveBack | RetryLater | MoveToDeadLetters
"""What the queue does with an entry after a failed attempt: a closed union, for `match`."""


def refusal_of(error: Exception) -> DeadLetterReason | None:
    """Why a request that failed with `error` will never succeed; None if it may.

    Only the service's own answer about *this request* is final. What something on the way
    answers, wrong credentials, an answer against the contract and a bug of an adapter pass, or
    concern all requests alike: when they are repaired, the waiting entries are done, and nothing
    has to be replayed.
    """
    match error:
        case Conflict():
            return DeadLetterReason.KEY_REUSED
        case RequestRejected():
            return DeadLetterReason.REJECTED
        case _:
            return None


def next_step(
    error: Exception,
    entry: QueuedInitialization,
    policy: QueuePolicy,
    *,
    now: datetime,
    share: float,
) -> NextStep:
    """What becomes of `entry`, whose attempt failed with `error` at `now`.

    Args:
        error: why; anything but an `InventoryError` is a failure of the host's catalog.
        entry: as it was claimed.
        policy: how often, how soon.
        now: the present instant, in UTC.
        share: the share of the longest delay that is waited, drawn between 0 and 1 (full jitter).
            A `Retry-After` of the service is added; together at most `LONGEST_WAIT`.
    """
    answered, retry_after = False, None
    if isinstance(error, InventoryError):
        if error.scope in _NOT_SENT and error.reached_service is ReachedService.NO:
            return GiveBack()
        reason = refusal_of(error)
        if reason is not None:
            return MoveToDeadLetters(reason)
        yes = error.reached_service is ReachedService.YES
        answered, retry_after = yes and error.scope is FaultScope.REQUEST, error.retry_after
    if answered and entry.attempts + 1 >= policy.max_attempts:
        return MoveToDeadLetters(DeadLetterReason.EXHAUSTED)
    if (now - entry.queued_at).total_seconds() >= policy.max_age:
        return MoveToDeadLetters(DeadLetterReason.EXPIRED)
    delay = policy.backoff.delay(entry.tries + 1, share, retry_after)
    return RetryLater(now + timedelta(seconds=min(LONGEST_WAIT, delay)), answered)


def has_crashed_workers(entry: QueuedInitialization) -> bool:
    """Whether a claimed entry's earlier claims ended with their process too often."""
    return entry.claims > MOST_CRASHES


def must_read_first(entry: QueuedInitialization) -> bool:
    """Whether an earlier try of a claimed entry may have arrived, so that reading settles it."""
    # While a fleet is upgraded, hosts and workers of the former edition count attempts only.
    return entry.tries > 0 or entry.attempts > 0 or entry.claims > 1


def is_there(answer: Answer) -> bool:
    """Whether a fresh answer shows that the record exists."""
    return isinstance(answer, StockReading)
