"""What the commands below `queue` print: JSON documents, or tables."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec
from rich.text import Text

from shelfport.adapters.cli.output import SCHEMA, print_table, table
from shelfport.domain.model import ProductVariantId, QueuedInitialization, QueueStats
from shelfport.ports import InitialStock


class QueueEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of a `QueueDocument`. Every field is always present; unknown values are null."""

    idempotency_key: UUID
    """The key of the operation: it names the entry."""
    variant_id: ProductVariantId
    """The product variant."""
    host_id: str | None
    """The host's own id of it, where it differs."""
    state: Literal["WAITING", "HELD", "DEAD"]
    """Whether the entry waits, is held by a worker, or is a dead letter."""
    policy: str
    """`RETRY_LATER` or `NOT_ORDERABLE`."""
    initial_quantity: int
    """Units on hand that the record starts with."""
    low_stock_threshold: int
    """The number of units at which stock is low."""
    queued_at: datetime
    """When the entry was made."""
    due_at: datetime
    """When the entry may be tried; of a held entry, the end of the lease."""
    tries: int
    """Tries that ended without the record, the host's own included."""
    attempts: int
    """Tries that the service itself answered, about this entry."""
    claims: int
    """Claims since a try last ended in order."""
    marked: bool
    """Whether the product is marked as not orderable in the catalog."""
    holder: str | None
    """The worker that holds the entry, or held it last."""
    correlation_id: str | None
    """The id of the host's request."""
    last_error: str | None
    """Why the last attempt failed, in a sentence."""
    dead_lettered_at: datetime | None
    """When the entry became a dead letter."""
    dead_letter_reason: str | None
    """Why it became a dead letter: `REJECTED`, `KEY_REUSED`, `EXHAUSTED`, `CRASHED` or
    `EXPIRED`."""


class QueueDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `queue list`, `queue dead` and `queue show` print with --json."""

    waiting: int
    """How many entries wait, those that a worker holds included."""
    dead_letters: int
    """How many entries are dead letters."""
    oldest: datetime | None
    """When the oldest waiting entry was made."""
    entries: Sequence[QueueEntry]
    """The selected entries, oldest first."""
    schema: int = SCHEMA
    """The version of this document."""


class ChangeDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `queue retry` and `queue drop` print with --json."""

    changed: Sequence[UUID]
    """Keys of entries that were changed."""
    not_found: Sequence[UUID]
    """Keys that no entry has."""
    schema: int = SCHEMA
    """The version of this document."""


class MigrationDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `queue migrate --json` prints."""

    before: int
    """The version of the schema before; 0 if there were no tables."""
    after: int
    """The version of the schema now."""
    schema: int = SCHEMA
    """The version of this document."""


def queue_document(
    stats: QueueStats,
    entries: Sequence[QueuedInitialization],
    host_id_of: Callable[[InitialStock], str | None],
) -> QueueDocument:
    """The document of a queue and some of its entries, with the host's ids by `host_id_of`."""
    return QueueDocument(
        stats.waiting,
        stats.dead_letters,
        stats.oldest,
        [_entry(e, host_id_of(e.request)) for e in entries],
    )


def _entry(entry: QueuedInitialization, host_id: str | None) -> QueueEntry:
    request, letter = entry.request, entry.dead_letter
    return QueueEntry(
        idempotency_key=request.idempotency_key,
        variant_id=request.variant_id,
        host_id=host_id,
        state="DEAD" if letter is not None else "HELD" if entry.holder is not None else "WAITING",
        policy=entry.policy.value,
        initial_quantity=request.initial_quantity,
        low_stock_threshold=request.low_stock_threshold,
        queued_at=entry.queued_at,
        due_at=entry.due_at,
        tries=entry.tries,
        attempts=entry.attempts,
        claims=entry.claims,
        marked=entry.marked,
        holder=entry.holder,
        correlation_id=entry.correlation_id,
        last_error=entry.last_error,
        dead_lettered_at=None if letter is None else letter.at,
        dead_letter_reason=None if letter is None else letter.reason.value,
    )


def print_queue(document: QueueDocument, now: datetime) -> None:
    """Print the counts in a line, and the entries in a table."""
    oldest = "" if document.oldest is None else f", the oldest for {age(document.oldest, now)}"
    print(f"{document.waiting} waiting{oldest}; {document.dead_letters} dead letters")
    if not document.entries:
        return
    rows = table("Idempotency key", "Variant", "State", "Age", "Tries", "Last error", right="Tries")
    for entry in document.entries:
        state = entry.dead_letter_reason or entry.state.lower()
        rows.add_row(
            str(entry.idempotency_key),
            entry.host_id or entry.variant_id,
            Text(state, "red" if entry.state == "DEAD" else ""),
            age(entry.queued_at, now),
            str(entry.tries),
            _short(entry.last_error),
        )
    print_table(rows)


def print_entry(document: QueueDocument) -> None:
    """Print the fields of one entry, a line each."""
    [entry] = document.entries
    for name, value in msgspec.to_builtins(entry).items():
        text = "-" if value is None else str(value).lower() if isinstance(value, bool) else value
        print(f"{name:<18} {' '.join(str(text).split())}")


def age(then: datetime, now: datetime) -> str:
    """How long ago `then` was, in the largest unit with a count of at least 2."""
    seconds = max(int((now - then.astimezone(UTC)).total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _short(error: str | None) -> str:
    words = " ".join((error or "-").split())
    return words if len(words) <= 60 else f"{words[:59]}…"
