"""One entry as one row: the columns, their order and their values.

All values are text, integers or flags, so that every driver takes the same parameters and people
can read them in the `sqlite3` shell. Instants are microseconds since 1970 in UTC. This module
imports no database library: a host that stores an entry through its own driver needs none of ours.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shelfport.domain.model import (
    DeadLetter,
    DeadLetterReason,
    InitializationPolicy,
    InitialStock,
    ProductVariantId,
    QueuedInitialization,
)

TABLE = "shelfport_initializations"
ENTRY_VERSION = 3
"""The version of the rows that this edition writes; it does not claim rows of later versions. Since
version 2 an id may be another text than a UUID, which version 1 could not read. Since version 3 a
host's own try is in `tries`, where an older worker does not see it, and would not read first."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def clean_text(text: str) -> str:
    """The text as any database stores it: no NUL, no lone surrogate, at most 2,000 characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:2000]


def to_row(entry: QueuedInitialization) -> dict[str, str | int | None]:
    """The values of a new entry, by column; the other columns have defaults.

    Its order is the order of `COLUMNS`.
    """
    request = entry.request
    return {
        "idempotency_key": str(request.idempotency_key),
        "variant_id": request.variant_id,
        "initial_quantity": request.initial_quantity,
        "low_stock_threshold": request.low_stock_threshold,
        "policy": entry.policy.value,
        "queued_at": to_micros(entry.queued_at),
        "due_at": to_micros(entry.due_at),
        "correlation_id": entry.correlation_id,
        "traceparent": entry.traceparent,
        "tries": entry.tries,
        "last_error": None if entry.last_error is None else clean_text(entry.last_error),
        "entry_version": ENTRY_VERSION,
        "host_id": None if request.host_id is None else clean_text(request.host_id),
    }


COLUMNS = (
    "idempotency_key", "variant_id", "initial_quantity", "low_stock_threshold", "policy",
    "queued_at", "due_at", "correlation_id", "traceparent", "tries", "last_error",
    "entry_version", "host_id",
)  # fmt: skip
"""The columns that a new entry fills, in the order of `to_row`."""


def insert_sql(*placeholders: str) -> str:
    """The one INSERT that stores an entry, for SQLite and PostgreSQL alike.

    If an entry has the same idempotency key, the statement changes nothing and does not fail, so
    the host's transaction goes on. Without placeholders, they are named (`:policy`).
    """
    names = placeholders or tuple(f":{column}" for column in COLUMNS)
    return (
        f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({', '.join(names)}) "  # noqa: S608  # our own names
        "ON CONFLICT (idempotency_key) DO NOTHING"
    )


def from_row(row: Mapping[str, Any]) -> QueuedInitialization:
    """The entry that a row of the table holds."""
    dead_letter = None
    if row["dead_at"] is not None:
        dead_letter = DeadLetter(
            at=from_micros(row["dead_at"]), reason=DeadLetterReason(row["dead_reason"])
        )
    return QueuedInitialization(
        request=InitialStock(
            variant_id=ProductVariantId(row["variant_id"]),
            initial_quantity=row["initial_quantity"],
            low_stock_threshold=row["low_stock_threshold"],
            idempotency_key=UUID(row["idempotency_key"]),
            host_id=row["host_id"],
        ),
        policy=InitializationPolicy(row["policy"]),
        queued_at=from_micros(row["queued_at"]),
        due_at=from_micros(row["due_at"]),
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
        tries=row["tries"],
        attempts=row["attempts"],
        claims=row["claims"],
        marked=bool(row["marked"]),
        holder=row["holder"],
        last_error=row["last_error"],
        dead_letter=dead_letter,
    )
