"""Initialization: the host's policy, the entries of the queue, and the outcomes.

The queue is a transactional outbox: an entry is one logical operation, identified by the
idempotency key of its `InitialStock` from the host's transaction to the Inventory Service.
"""

from datetime import datetime
from enum import Enum
from typing import Any

import attrs

from shelfport.domain.model.answer import AlreadyThere, Created
from shelfport.domain.model.call import clean_id, trace_context
from shelfport.domain.model.errors import InventoryError
from shelfport.domain.model.item import InitialStock
from shelfport.domain.model.validators import aware, member_of

LONGEST_WAIT = 900.0
"""Seconds that an entry may be postponed, or held by a worker, at most. An entry that is due later
was dated by a clock that ran ahead, or that was set back since: it is due now. So a step of a clock
delays an entry by 15 minutes at most."""


class InitializationPolicy(Enum):
    """What becomes of a product whose inventory record could not be opened at once."""

    ROLL_BACK = "ROLL_BACK"
    """The call raises, so that the host's transaction rolls the product back."""
    RETRY_LATER = "RETRY_LATER"
    """The product stays as it is; a worker opens the record later, from the queue."""
    NOT_ORDERABLE = "NOT_ORDERABLE"
    """As RETRY_LATER; until the record exists, the host's catalog marks the product as not
    orderable."""

    @classmethod
    def _missing_(cls, value: object) -> None:
        allowed = ", ".join(member.value for member in cls)
        raise ValueError(f"policy is {value!r}: it must be one of {allowed}")

    def __str__(self) -> str:
        return self.value

    @property
    def queues(self) -> bool:
        """Whether a failed initialization is queued."""
        return self is not InitializationPolicy.ROLL_BACK


class DeadLetterReason(Enum):
    """Why an entry is not tried any more: a person has to decide."""

    REJECTED = "REJECTED"
    """The Inventory Service refuses the request for good."""
    KEY_REUSED = "KEY_REUSED"
    """Its idempotency key belongs to another request: two requests were given one key."""
    EXHAUSTED = "EXHAUSTED"
    """The Inventory Service itself put it off `queue.max_attempts` times."""
    CRASHED = "CRASHED"
    """Its claims ended with their process, time after time: the entry may crash its worker."""
    EXPIRED = "EXPIRED"
    """It could not be opened for `queue.max_age` seconds."""


@attrs.frozen(kw_only=True)
class DeadLetter:
    """When an entry became a dead letter, and why; the entry's `last_error` has the details."""

    at: datetime = attrs.field(validator=aware)
    reason: DeadLetterReason = attrs.field(validator=member_of(DeadLetterReason))


def _queues(_instance: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, InitializationPolicy) or not value.queues:
        raise ValueError(
            f"{field.name} is {value}: it must be RETRY_LATER or NOT_ORDERABLE to be queued"
        )


@attrs.frozen(kw_only=True)
class QueuedInitialization:
    """An entry of the queue. `request.idempotency_key` is its identity."""

    request: InitialStock
    policy: InitializationPolicy = attrs.field(
        default=InitializationPolicy.RETRY_LATER, validator=_queues
    )
    queued_at: datetime = attrs.field(validator=aware)
    """When it was made, in UTC; its age counts from here."""
    due_at: datetime = attrs.field(
        default=attrs.Factory(lambda self: self.queued_at, takes_self=True), validator=aware
    )
    """When it may be tried, in UTC; while a worker holds it, the end of the worker's lease."""
    correlation_id: str | None = attrs.field(default=None, converter=clean_id)
    """Of the host's request for the record; every attempt carries it."""
    traceparent: str | None = attrs.field(default=None, converter=trace_context)
    """The W3C trace context of that request; every attempt carries it."""
    tries: int = 0
    """Tries that ended without the record, the caller's own before it was queued included. After
    the first one the record may exist already: it is read before the request is sent again."""
    attempts: int = 0
    """Tries that the service itself answered, about this entry. An outage, a fault on the way, the
    credentials and this process's own troubles do not count."""
    claims: int = 0
    """Claims since a try last ended in order, the present one included: more than one means that
    processes ended while they held the entry."""
    marked: bool = False
    """Whether the host's catalog has marked the product as not orderable."""
    holder: str | None = None
    """The worker that holds it, or held it last; None if it waits."""
    last_error: str | None = None
    """Why the last attempt failed, as a sentence."""
    dead_letter: DeadLetter | None = None
    """Set when it is a dead letter; None while it waits."""

    @property
    def must_mark(self) -> bool:
        """Whether the catalog has yet to mark the product as not orderable."""
        return self.policy is InitializationPolicy.NOT_ORDERABLE and not self.marked


@attrs.frozen
class Claim:
    """An entry that one worker holds, until `entry.due_at`.

    The token is a fencing token (Kleppmann, "How to do distributed locking"): each claim of an
    entry gets a greater one, and a worker with an older one can change nothing.
    """

    entry: QueuedInitialization
    token: int


@attrs.frozen(kw_only=True)
class QueueStats:
    """The statistics of a queue at one moment."""

    waiting: int
    """Entries that are not done, those that a worker holds included, dead letters not."""
    oldest: datetime | None
    """When the oldest of them was made; None without any."""
    dead_letters: int


@attrs.frozen
class Queued:
    """The record could not be opened now; the entry is stored, and a worker will open it."""

    entry: QueuedInitialization
    error: InventoryError
    """Why the first attempt failed."""


@attrs.frozen
class PermanentlyRejected:
    """The Inventory Service refuses this request for good; it is not queued."""

    error: InventoryError


@attrs.frozen
class NotInitialized:
    """One of several requests failed under ROLL_BACK; a single request would have raised."""

    error: InventoryError


InitializationOutcome = Created | AlreadyThere | Queued | PermanentlyRejected
"""The outcome of a request for a record: a closed union, for `match`."""

BulkOutcome = InitializationOutcome | NotInitialized
"""The outcome of one of several requests: a value where a single request raises."""
