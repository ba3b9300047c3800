"""Initialisation that is never lost: what a host chooses, what waits, and what came of it.

The queue is a transactional outbox: an entry is one logical operation, named by the one
idempotency key of its `InitialStock`, from the host's transaction to the Inventory Service.
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
"""Seconds that an entry may be put off, or held by a worker, at most. Whatever is due later than
this was dated by a clock that has been set back since, or that runs ahead: it is due now. So a
step of any clock costs an entry 15 minutes at most, and never its place for good."""


class InitializationPolicy(Enum):
    """What becomes of a product whose inventory record could not be opened at once."""

    ROLL_BACK = "ROLL_BACK"
    """The call raises, so that the host's transaction rolls the product back (R20)."""
    RETRY_LATER = "RETRY_LATER"
    """The product stays as it is, and the record is opened later, from the queue (R21)."""
    NOT_ORDERABLE = "NOT_ORDERABLE"
    """As RETRY_LATER; until the record is there, the host's catalogue keeps the product from
    being ordered (R22)."""

    def __str__(self) -> str:
        return self.value

    @property
    def queues(self) -> bool:
        """Whether what fails waits in the queue."""
        return self is not InitializationPolicy.ROLL_BACK


class DeadLetterReason(Enum):
    """Why an entry is not tried any more: a person decides what becomes of it."""

    REJECTED = "REJECTED"
    """The Inventory Service refuses the request for good."""
    KEY_REUSED = "KEY_REUSED"
    """Its idempotency key belongs to another request: somebody gave out one key twice."""
    EXHAUSTED = "EXHAUSTED"
    """It was tried as often as the settings allow."""


@attrs.frozen(kw_only=True)
class DeadLetter:
    """When an entry became a dead letter, and why; `last_error` of the entry says it in words."""

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
    """When it was made, in UTC: its age counts from here."""
    due_at: datetime = attrs.field(
        default=attrs.Factory(lambda self: self.queued_at, takes_self=True), validator=aware
    )
    """When it may be tried, in UTC. While a worker holds it, the end of that worker's lease."""
    correlation_id: str | None = attrs.field(default=None, converter=clean_id)
    """Of the host's request that asked for the record: every attempt goes out under it (R23)."""
    traceparent: str | None = attrs.field(default=None, converter=trace_context)
    """The W3C trace context of that request."""
    attempts: int = 0
    """Attempts that were begun, the caller's own before it was queued included. With one behind
    it, the record may be there already, unseen: it is read before the request is sent again."""
    marked: bool = False
    """Whether the host's catalogue was told that the product is not orderable."""
    holder: str | None = None
    """The worker that holds it, or held it last; None if it waits."""
    last_error: str | None = None
    """What the last attempt failed of, as a sentence."""
    death: DeadLetter | None = None

    @property
    def must_mark(self) -> bool:
        """Whether the catalogue has yet to be told that the product is not orderable."""
        return self.policy is InitializationPolicy.NOT_ORDERABLE and not self.marked


@attrs.frozen
class Claim:
    """An entry in the hands of one worker, until `entry.due_at`.

    The token is a fence (Kleppmann, "How to do distributed locking"): each claim of an entry gets
    a greater one, and whoever comes back with an older one changes nothing any more.
    """

    entry: QueuedInitialization
    token: int


@attrs.frozen(kw_only=True)
class QueueStats:
    """How a queue stands at one moment: what waits in it, and what a person must see to."""

    waiting: int
    """Entries that are yet to be done, those in a worker's hands included; dead ones are not."""
    oldest: datetime | None
    """When the oldest of them was made."""
    dead_letters: int


@attrs.frozen
class Queued:
    """The record could not be opened now. It will be: the entry is stored."""

    entry: QueuedInitialization
    error: InventoryError
    """Why not now."""


@attrs.frozen
class PermanentlyRejected:
    """The Inventory Service refuses this request for good: there is nothing to wait for."""

    error: InventoryError


@attrs.frozen
class NotInitialized:
    """One of several requests failed under ROLL_BACK; alone, it would have been raised."""

    error: InventoryError


InitializationOutcome = Created | AlreadyThere | Queued | PermanentlyRejected
"""What came of a request for a record: a closed union, for `match`."""

BulkOutcome = InitializationOutcome | NotInitialized
"""What came of one of several requests: where a single one raises, here is a value."""
