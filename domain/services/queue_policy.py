"""What becomes of a queued initialization after an attempt: pure rules, no queue and no clock."""

from datetime import datetime, timedelta

import attrs

from shelfport.domain.model import (
    LONGEST_WAIT,
    Answer,
    Conflict,
    DeadLetterReason,
    InventoryError,
    LocalRefusal,
    QueuedInitialization,
    ReachedService,
    RequestRejected,
    StockReading,
)
from shelfport.domain.services.backoff import Backoff


@attrs.frozen(kw_only=True)
class QueuePolicy:
    """How often an entry is tried, and how soon."""

    max_attempts: int
    """After so many failed attempts, an entry becomes a dead letter."""
    backoff: Backoff
    """The delays between attempts."""


@attrs.frozen
class GiveBack:
    """This process refused to send the request: the attempt is not counted."""


@attrs.frozen
class RetryLater:
    """The failure may pass by itself: the next attempt is due at `due_at`."""

    due_at: datetime


@attrs.frozen
class MoveToDeadLetters:
    """The entry is not tried any more: a person has to decide."""

    reason: DeadLetterReason


NextStep = GiveBack | RetryLater | MoveToDeadLetters
"""What the queue does with an entry after a failed attempt: a closed union, for `match`."""


def refusal_of(error: Exception) -> DeadLetterReason | None:
    """Why a request that failed with `error` will never succeed; None if it may.

    Only an answer of the service about *this request* is final. Wrong credentials, an answer
    against the contract and a bug of an adapter concern all requests alike: when a person has
    repaired them, the waiting entries are done, and nothing has to be replayed.
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
        entry: as it was claimed, this attempt counted.
        policy: how often, how soon.
        now: the present instant, in UTC.
        share: the share of the longest delay that is waited, drawn between 0 and 1 (full jitter).
            A `Retry-After` of the service is added; together at most `LONGEST_WAIT`.
    """
    if isinstance(error, LocalRefusal) and error.reached_service is ReachedService.NO:
        return GiveBack()
    reason = refusal_of(error)
    if reason is not None:
        return MoveToDeadLetters(reason)
    if entry.attempts >= policy.max_attempts:
        return MoveToDeadLetters(DeadLetterReason.EXHAUSTED)
    retry_after = error.retry_after if isinstance(error, InventoryError) else None
    delay = policy.backoff.delay(entry.attempts, share, retry_after)
    return RetryLater(now + timedelta(seconds=min(LONGEST_WAIT, delay)))


def must_read_first(entry: QueuedInitialization) -> bool:
    """Whether an earlier attempt of a claimed entry may have arrived, so that reading settles it.

    The attempt that is about to be made is counted already.
    """
    return entry.attempts > 1


def is_there(answer: Answer) -> bool:
    """Whether a fresh answer shows that the record exists."""
    return isinstance(answer, StockReading)
