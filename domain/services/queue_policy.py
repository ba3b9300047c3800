"""What becomes of a queued initialisation after an attempt: pure rules, no queue and no clock."""

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
from shelfport.domain.model.validators import number


@attrs.frozen(kw_only=True)
class QueuePolicy:
    """How often an entry is tried, and how soon. Durations are seconds."""

    max_attempts: int = attrs.field(default=25, validator=number(1, 10_000, unit="attempts"))
    """After so many attempts that were made and failed, an entry is a dead letter."""
    base_delay: float = attrs.field(default=1.0, validator=number(0, LONGEST_WAIT, unit="seconds"))
    """The bound of the pause after the first attempt; it doubles with each further one."""
    max_delay: float = attrs.field(default=600.0, validator=number(0, LONGEST_WAIT, unit="seconds"))
    """What that bound does not grow beyond."""

    def __attrs_post_init__(self) -> None:
        if self.base_delay > self.max_delay:
            raise ValueError(
                f"base_delay is {self.base_delay:g}: it must be at most max_delay "
                f"({self.max_delay:g} seconds)"
            )


@attrs.frozen
class NotTried:
    """This process did not ask: no attempt is counted, and the entry keeps its place."""


@attrs.frozen
class Later:
    """It may pass by itself: try again at `due_at`."""

    due_at: datetime


@attrs.frozen
class Dead:
    """A person has to decide."""

    reason: DeadLetterReason


Verdict = NotTried | Later | Dead
"""A closed union, for `match`."""


def refusal_of(error: Exception) -> DeadLetterReason | None:
    """Why a request that failed with `error` will never succeed; None if it may.

    Only what the service says of *this request* is final. Wrong credentials, an answer against
    the contract or a bug of an adapter befall every request alike: a person mends them, and what
    waits is done then, with nothing to replay.
    """
    match error:
        case Conflict():
            return DeadLetterReason.KEY_REUSED
        case RequestRejected():
            return DeadLetterReason.REJECTED
        case _:
            return None


def verdict_on(
    error: Exception,
    entry: QueuedInitialization,
    terms: QueuePolicy,
    *,
    now: datetime,
    share: float,
) -> Verdict:
    """What becomes of `entry`, whose attempt failed with `error` at `now`.

    Args:
        error: why; anything but an `InventoryError` is the host's catalogue that failed.
        entry: as it was claimed, this attempt counted.
        terms: how often, how soon.
        now: the present instant, in UTC.
        share: the share of the longest pause that is waited, drawn between 0 and 1 (full jitter),
            so that entries which failed together do not come back together. The time that the
            service asked for (`Retry-After`) comes on top. Together at most `LONGEST_WAIT`.
    """
    if isinstance(error, LocalRefusal) and error.reached_service is ReachedService.NO:
        return NotTried()
    reason = refusal_of(error)
    if reason is not None:
        return Dead(reason)
    if entry.attempts >= terms.max_attempts:
        return Dead(DeadLetterReason.EXHAUSTED)
    return Later(now + timedelta(seconds=pause_after(entry.attempts, error, terms, share)))


def pause_after(attempts: int, error: Exception, terms: QueuePolicy, share: float) -> float:
    """Seconds to wait after so many attempts, the last of which failed with `error`."""
    # Beyond 2**20 every bound is the longest one, and a float has its limits.
    bound = min(terms.max_delay, terms.base_delay * 2.0 ** min(max(attempts - 1, 0), 20))
    asked_for = (error.retry_after if isinstance(error, InventoryError) else None) or 0.0
    return min(LONGEST_WAIT, asked_for + share * bound)


def must_read_first(entry: QueuedInitialization) -> bool:
    """Whether an earlier attempt of a claimed entry may have arrived, so that reading settles it.

    The attempt that is about to be made is counted already.
    """
    return entry.attempts > 1


def is_there(answer: Answer) -> bool:
    """Whether a fresh answer shows that the record exists."""
    return isinstance(answer, StockReading)
