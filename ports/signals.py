"""What the layers report while they work: typed, for logs, metrics and the ops page alike.

A signal is made where something happens that an operator would want to know of. A page that is
answered from memory makes none.
"""

from datetime import datetime
from enum import Enum
from typing import Protocol

import attrs

from shelfport.domain.model.call import Call
from shelfport.domain.model.errors import InventoryError, Operation, QueueFailed
from shelfport.domain.model.events import InventoryEvent
from shelfport.domain.model.initialization import DeadLetterReason, QueuedInitialization
from shelfport.domain.model.text import one_line


class BreakerState(Enum):
    """What the circuit breaker does with a call."""

    CLOSED = "closed"
    """Lets it pass, and counts what becomes of it."""
    OPEN = "open"
    """Refuses it."""
    HALF_OPEN = "half-open"
    """Lets a few pass, to see whether the service is back."""


class AttemptOutcome(Enum):
    """What came of one attempt at one request."""

    ANSWERED = "answered"
    PARTIAL = "partial"
    """Answered, but for parts that nobody can read."""
    FAILED = "failed"
    LEFT = "left"
    """Whoever asked was gone before the answer; the service may have seen the request."""


@attrs.frozen
class Attempted:
    """One attempt at one request came to its end (R23)."""

    operation: Operation
    variants: int
    call: Call
    outcome: AttemptOutcome
    seconds: float
    """From the request to its outcome."""
    error: InventoryError | None = None
    """Why it failed; of a partial answer, why the first unreadable part could not be read."""
    unreadable: int = 0
    """How many parts of a partial answer could not be read."""


@attrs.frozen
class Retrying:
    """An attempt failed and will be repeated after `delay` seconds."""

    operation: Operation
    attempt: int
    """The attempt that failed, counted from 1."""
    delay: float
    error: InventoryError
    correlation_id: str | None


@attrs.frozen
class RetryBudgetExhausted:
    """An attempt failed and will not be repeated: too much is being repeated already."""

    operation: Operation
    error: InventoryError
    correlation_id: str | None


@attrs.frozen
class BreakerChanged:
    """The circuit breaker went from one state to another."""

    before: BreakerState
    after: BreakerState
    why: str


@attrs.frozen
class CallRejected:
    """A call was not made: the circuit is open, or this process is overloaded."""

    operation: Operation
    error: InventoryError
    correlation_id: str | None


@attrs.frozen
class ServedStale:
    """Readings past their fresh window were shown, since the service did not answer in time."""

    variants: int
    oldest: float
    """The age of the oldest of them, in seconds."""
    correlation_id: str | None


@attrs.frozen
class RefreshFailed:
    """What was shown from memory could not be refreshed behind."""

    variants: int
    error: InventoryError


@attrs.frozen
class SharedCacheDown:
    """The cache that replicas share does not answer: for a while nobody asks it."""

    why: str = attrs.field(converter=one_line)


@attrs.frozen
class SharedCacheRecovered:
    """The cache that replicas share answers again."""


@attrs.frozen
class SharedCacheWritesDropped:
    """Something was not written to the shared cache: others ask the service for it."""

    total: int
    """Since the start, in pages and fences."""
    why: str = attrs.field(converter=one_line)


@attrs.frozen
class BackplaneDisconnected:
    """What other replicas learn is not heard: memory is right by its windows alone."""

    why: str = attrs.field(converter=one_line)


@attrs.frozen
class BackplaneReconnected:
    """It is heard again; what memory kept from before is asked for before it is shown."""

    seconds: float
    """How long it was not."""


@attrs.frozen
class InitializationQueued:
    """A record could not be opened now; the entry is stored, and a worker will see to it."""

    entry: QueuedInitialization
    error: InventoryError


@attrs.frozen
class InitializationDone:
    """The record of a queued entry is there, and the entry is gone."""

    entry: QueuedInitialization
    took: float
    """Seconds since it was queued; what clocks disagree about counts as 0."""


@attrs.frozen
class InitializationPostponed:
    """An attempt at a queued entry failed; it is tried again."""

    entry: QueuedInitialization
    until: datetime
    error: Exception
    """An `InventoryError`, or what says that the host's catalogue failed."""


@attrs.frozen
class InitializationDeadLettered:
    """A queued entry is not tried any more: a person has to see to it."""

    entry: QueuedInitialization
    reason: DeadLetterReason
    error: Exception | None
    """None if the attempts were begun, and none of them came to an end."""


@attrs.frozen
class QueueUnavailable:
    """The worker cannot use its queue, for the first time since it last could."""

    error: QueueFailed


@attrs.frozen
class QueueRecovered:
    """The worker can use its queue again."""


class EventOutcome(Enum):
    """What became of an event that came off the bus, for the host's display status and teams."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    """It was handled before: nothing was done again."""
    LATE = "late"
    """It came after a newer one of its variant: it was not shown."""


@attrs.frozen
class EventHandled:
    """An event of the work subscription is done with."""

    event: InventoryEvent
    verdict: EventOutcome
    lag: float
    """Seconds from its timestamp to now, by two clocks; never negative."""
    correlation_id: str | None


@attrs.frozen
class EventDeadLettered:
    """A message of the work subscription cannot be handled, and is a dead letter now."""

    reason: str
    event: InventoryEvent | None
    """What it says; None if nobody can read it."""
    correlation_id: str | None


Signal = (
    Attempted
    | Retrying
    | RetryBudgetExhausted
    | BreakerChanged
    | CallRejected
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
"""A closed union, for `match`."""


class Listener(Protocol):
    """Takes the layers' signals; a plain function will do.

    It is called in the middle of somebody's request: it must be quick, must not block, and must
    not raise.
    """

    def __call__(self, signal: Signal, /) -> None:
        """Take note of `signal`."""
        ...
