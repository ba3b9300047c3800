"""Signals: what the parts of the library report, for logs, metrics, spans and the ops page.

A part makes a signal when something happens that an operator may want to know. A page that the
cache answers makes none.
"""

from datetime import datetime
from enum import Enum
from typing import Protocol

import attrs

from shelfport.domain.model.call import Call
from shelfport.domain.model.errors import InventoryError, QueueFailed
from shelfport.domain.model.events import InventoryEvent
from shelfport.domain.model.fault import Operation
from shelfport.domain.model.initialization import DeadLetterReason, QueuedInitialization
from shelfport.domain.model.text import one_line


class BreakerState(Enum):
    """The states of the circuit breaker."""

    CLOSED = "closed"
    """Calls pass, and their outcomes are counted."""
    OPEN = "open"
    """Calls are rejected."""
    HALF_OPEN = "half-open"
    """A few calls pass, to find out whether the service is back."""


class AttemptOutcome(Enum):
    """How one attempt at a request ended."""

    ANSWERED = "answered"
    PARTIAL = "partial"
    """Answered, but parts of the answer could not be read."""
    FAILED = "failed"
    LEFT = "left"
    """The caller left before the answer; the service may have received the request."""


@attrs.frozen
class Attempted:
    """One attempt at a request ended."""

    operation: Operation
    variants: int
    call: Call
    outcome: AttemptOutcome
    seconds: float
    """From the request to its end."""
    error: InventoryError | None = None
    """Why it failed; for a partial answer, why its first unreadable part could not be read."""
    unreadable: int = 0
    """Parts of a partial answer that could not be read."""


@attrs.frozen
class Retrying:
    """An attempt failed and is repeated after `delay` seconds."""

    operation: Operation
    attempt: int
    """The attempt that failed, counted from 1."""
    delay: float
    error: InventoryError
    correlation_id: str | None


@attrs.frozen
class RetryBudgetExhausted:
    """An attempt failed and is not repeated, because the retry budget is exhausted."""

    operation: Operation
    error: InventoryError
    correlation_id: str | None


@attrs.frozen
class BreakerChanged:
    """The circuit breaker changed its state."""

    before: BreakerState
    after: BreakerState
    why: str


@attrs.frozen
class CallRejected:
    """This process rejected a call: the circuit is open, or too many calls are under way."""

    operation: Operation
    error: InventoryError
    correlation_id: str | None


@attrs.frozen
class BatchShrunk:
    """A request was refused for its length; this process asks for fewer variants at once now."""

    size: int
    """How many, at most."""
    error: InventoryError


@attrs.frozen
class AnswerRepaired:
    """A member of an answer broke the contract; the rest of its element was read all the same."""

    member: str
    """The member, or the header, by its name in the answer."""
    elements: int
    """In how many elements of the answer."""
    example: str = attrs.field(converter=one_line)
    """What one of them had in place of what the contract allows, and what was read instead."""
    correlation_id: str | None


@attrs.frozen
class ClockSkewed:
    """This host's clock and the service's differ by more than a minute, by an answer's `Date`."""

    seconds: float
    """By how much the service's clock is ahead; negative if it is behind."""


@attrs.frozen
class ReadingsHeldBack:
    """A read brought levels that are older than the known ones, by the service's own `updatedAt`.

    A lagging replica of the service may have answered. They are believed if it is still so after
    one `ttl`.
    """

    variants: int


@attrs.frozen
class AbsenceDoubted:
    """An answer lacked variants whose stock is known, and none of them is believed to be absent.

    One of them was asked for alone, and that did not confirm that it has no record.
    """

    variants: int
    correlation_id: str | None


@attrs.frozen
class ServedStale:
    """Stale readings were served, because the service did not answer in time."""

    variants: int
    oldest: float
    """The age of the oldest of them, in seconds."""
    correlation_id: str | None


@attrs.frozen
class RefreshFailed:
    """A background refresh of cached readings failed."""

    variants: int
    error: InventoryError


@attrs.frozen
class SharedCacheDown:
    """The shared cache does not answer; it is bypassed until it answers a probe."""

    why: str = attrs.field(converter=one_line)


@attrs.frozen
class SharedCacheRecovered:
    """The shared cache answers again."""


@attrs.frozen
class SharedCacheWritesDropped:
    """A write to the shared cache was dropped; other replicas ask the service instead."""

    total: int
    """Dropped pages and fences since the start."""
    why: str = attrs.field(converter=one_line)


@attrs.frozen
class BackplaneDisconnected:
    """The backplane is disconnected: only the cache's windows bound the age of readings."""

    why: str = attrs.field(converter=one_line)


@attrs.frozen
class BackplaneReconnected:
    """The backplane is connected again; the cache reads earlier readings anew."""

    seconds: float
    """How long it was disconnected."""


@attrs.frozen
class InitializationQueued:
    """A record could not be opened now; a worker opens it from the stored entry."""

    entry: QueuedInitialization
    error: InventoryError


@attrs.frozen
class InitializationDone:
    """The record of a queued entry exists, and the entry is removed."""

    entry: QueuedInitialization
    took: float
    """Seconds since it was queued; never negative, even if clocks differ."""


@attrs.frozen
class InitializationPostponed:
    """An attempt at a queued entry failed; the entry is tried again at `until`."""

    entry: QueuedInitialization
    until: datetime
    error: Exception
    """An `InventoryError`, or the error of the host's catalog."""


@attrs.frozen
class InitializationDeadLettered:
    """A queued entry became a dead letter: an operator must retry or drop it."""

    entry: QueuedInitialization
    reason: DeadLetterReason
    error: Exception | None
    """None if no attempt that began has ended."""


@attrs.frozen
class QueueUnavailable:
    """The worker's queue became unavailable. One signal for each outage."""

    error: QueueFailed


@attrs.frozen
class QueueRecovered:
    """The worker's queue is available again."""


class EventOutcome(Enum):
    """How the consumer group handled a stock event."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    """It was handled before, and is discarded."""
    LATE = "late"
    """It came after a newer event of its variant, and is discarded."""


@attrs.frozen
class EventHandled:
    """The consumer group handled a stock event."""

    event: InventoryEvent
    outcome: EventOutcome
    lag: float
    """Seconds from its timestamp to now; never negative, even if clocks differ."""
    correlation_id: str | None


@attrs.frozen
class EventDeadLettered:
    """A message of the consumer group became a dead letter."""

    reason: str
    event: InventoryEvent | None
    """None if the message could not be read."""
    correlation_id: str | None


Signal = (
    Attempted
    | Retrying
    | RetryBudgetExhausted
    | BreakerChanged
    | CallRejected
    | BatchShrunk
    | AnswerRepaired
    | ClockSkewed
    | ReadingsHeldBack
    | AbsenceDoubted
    | ServedStale
    | RefreshFailed
    | SharedCacheDown
    | SharedCacheRecovered
    | SharedCacheWritesDropped
    | BackplaneDisconnected
    | BackplaneReconnected
    | InitializationQueued
    | InitializationDone
    | InitializationPostponed
    | InitializationDeadLettered
    | QueueUnavailable
    | QueueRecovered
    | EventHandled
    | EventDeadLettered
)
"""Every signal: a closed union, for `match`."""


class Listener(Protocol):
    """Takes signals; a plain function is enough.

    It is called on the path of a request: it must be quick, must not block, and must not raise.
    """

    def __call__(self, signal: Signal, /) -> None:
        """Take `signal`."""
        ...
