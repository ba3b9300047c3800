"""What `queue` and `reconcile` print: documents for machines, tables for people."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec
from rich.text import Text

from shelfport.adapters.cli.output import SCHEMA, print_table, table
from shelfport.domain.model import QueuedInitialization, QueueStats


class QueueEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of a `QueueDocument`. Every field is always there; unknown ones are null."""

    idempotency_key: UUID
    variant_id: UUID
    state: Literal["WAITING", "HELD", "DEAD"]
    policy: str
    initial_quantity: int
    low_stock_threshold: int
    queued_at: datetime
    due_at: datetime
    attempts: int
    marked: bool
    holder: str | None
    correlation_id: str | None
    last_error: str | None
    dead_at: datetime | None
    death_reason: str | None


class QueueDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `queue list`, `queue dead` and `queue show` print with --json."""

    waiting: int
    dead: int
    oldest: datetime | None
    entries: Sequence[QueueEntry]
    schema: int = SCHEMA


class ChangeDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `queue retry` and `queue drop` print with --json."""

    changed: Sequence[UUID]
    not_found: Sequence[UUID]
    schema: int = SCHEMA


class MigrationDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `queue migrate --json` prints."""

    before: int
    after: int
    schema: int = SCHEMA


class UnreadableEntry(msgspec.Struct, frozen=True, rename="camel"):
    """A variant of a `ReconcileDocument` of which nobody knows whether it has a record."""

    variant_id: UUID
    reason: str


class ReconcileDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `reconcile --json` prints."""

    correlation_id: str
    dry_run: bool
    given: int
    present: int
    missing: Sequence[UUID]
    enqueued: int
    already_queued: Sequence[UUID]
    unreadable: Sequence[UnreadableEntry]
    not_given: Sequence[UUID]
    schema: int = SCHEMA


def queue_document(stats: QueueStats, entries: Sequence[QueuedInitialization]) -> QueueDocument:
    """The document of a queue and some of its entries."""
    return QueueDocument(
        stats.waiting, stats.dead_letters, stats.oldest, [_entry(e) for e in entries]
    )


def _entry(entry: QueuedInitialization) -> QueueEntry:
    request, death = entry.request, entry.death
    return QueueEntry(
        idempotency_key=request.idempotency_key,
        variant_id=request.variant_id,
        state="DEAD" if death is not None else "HELD" if entry.holder is not None else "WAITING",
        policy=entry.policy.value,
        initial_quantity=request.initial_quantity,
        low_stock_threshold=request.low_stock_threshold,
        queued_at=entry.queued_at,
        due_at=entry.due_at,
        attempts=entry.attempts,
        marked=entry.marked,
        holder=entry.holder,
        correlation_id=entry.correlation_id,
        last_error=entry.last_error,
        dead_at=None if death is None else death.at,
        death_reason=None if death is None else death.reason.value,
    )


def print_queue(document: QueueDocument, now: datetime) -> None:
    """Print how the queue stands in a line, and its entries in a table."""
    oldest = "" if document.oldest is None else f", the oldest for {age(document.oldest, now)}"
    print(f"{document.waiting} waiting{oldest}; {document.dead} dead")
    if not document.entries:
        return
    rows = table(
        "Idempotency key", "Variant", "State", "Age", "Attempts", "Last error", right="Attempts"
    )
    for entry in document.entries:
        state = entry.death_reason or entry.state.lower()
        rows.add_row(
            str(entry.idempotency_key),
            str(entry.variant_id),
            Text(state, "red" if entry.state == "DEAD" else ""),
            age(entry.queued_at, now),
            str(entry.attempts),
            _short(entry.last_error),
        )
    print_table(rows)


def print_entry(document: QueueDocument) -> None:
    """Print all that one entry says, a line each."""
    [entry] = document.entries
    for name, value in msgspec.to_builtins(entry).items():
        shown = "-" if value is None else str(value).lower() if isinstance(value, bool) else value
        print(f"{name:<18} {' '.join(str(shown).split())}")


def print_reconciled(document: ReconcileDocument) -> None:
    """Print what was found and done, a line each; then the variants that need a look."""
    missing, queued = len(document.missing), len(document.already_queued)
    print(f"{document.given} given, {document.present} have a record")
    done = "would be enqueued" if document.dry_run else "enqueued"
    count = missing - queued if document.dry_run else document.enqueued
    print(f"{missing} missing: {count} {done}, {queued} in the queue already")
    for variant in document.missing:
        print(f"missing     {variant}")
    for entry in document.unreadable:
        print(f"unreadable  {entry.variant_id}  {entry.reason.lower().replace('_', ' ')}")
    for variant in document.not_given:
        print(f"not given   {variant}  is in the queue")


def age(then: datetime, now: datetime) -> str:
    """How long ago `then` was, as people say it."""
    seconds = max(int((now - then.astimezone(UTC)).total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _short(error: str | None) -> str:
    words = " ".join((error or "-").split())
    return words if len(words) <= 60 else f"{words[:59]}…"
