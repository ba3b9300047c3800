"""What `get` and `init` print: documents for machines, tables for people."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import structs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shelfport.domain.model import (
    AlreadyThere,
    Availability,
    Created,
    Freshness,
    InitializationOutcome,
    InventoryError,
    PermanentlyRejected,
    ProductVariantId,
    Queued,
    StockReading,
    StockStatus,
)

SCHEMA = 1
"""The version of the documents: a field may be added within it, but none is taken or changed."""

_WIDTH = 200
"""Columns that a table may take, whatever the terminal has: more than any row needs."""

_STYLES = {
    StockStatus.IN_STOCK: "green",
    StockStatus.LOW_STOCK: "yellow",
    StockStatus.OUT_OF_STOCK: "red",
}


_OUTCOMES = {"CREATED": "record opened", "ALREADY_THERE": "already there", "QUEUED": "queued"}


class StockEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One variant of a `StockDocument`. Every field is always there; unknown ones are null."""

    variant_id: UUID
    known: bool
    reason: str | None
    """Where it is not known, why: a name of `UnavailableReason`."""
    status: StockStatus | None = None
    available_quantity: int | None = None
    updated_at: datetime | None = None
    as_of: datetime | None = None
    freshness: Freshness | None = None
    source: str | None = None


class StockDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `get --json` prints."""

    correlation_id: str
    stock: Sequence[StockEntry]
    schema: int = SCHEMA


class FailureEntry(msgspec.Struct, frozen=True, rename="camel"):
    """Why an `InitializationDocument` tells of no record."""

    type: str
    message: str
    retryable: bool
    reached_service: str
    http_status: int | None


class InitializationDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `init --json` prints. Every field is always there; unknown ones are null."""

    variant_id: UUID
    outcome: Literal["CREATED", "ALREADY_THERE", "QUEUED", "REFUSED", "FAILED"]
    idempotency_key: UUID
    correlation_id: str
    item_id: UUID | None = None
    status: StockStatus | None = None
    available_quantity: int | None = None
    updated_at: datetime | None = None
    error: FailureEntry | None = None
    schema: int = SCHEMA


def stock_document(
    page: Mapping[ProductVariantId, Availability], correlation_id: str
) -> StockDocument:
    """The document of a page of stock."""
    return StockDocument(correlation_id, [_entry(v, page[v]) for v in page])


def _entry(variant: ProductVariantId, availability: Availability) -> StockEntry:
    if not isinstance(availability, StockReading):
        return StockEntry(variant, known=False, reason=availability.reason.value)
    level = availability.level
    return StockEntry(
        variant,
        known=True,
        reason=None,
        status=level.status,
        available_quantity=level.available_quantity,
        updated_at=level.updated_at,
        as_of=availability.as_of,
        freshness=availability.freshness,
        source=availability.source,
    )


def initialization_document(
    variant: ProductVariantId,
    outcome: InitializationOutcome | InventoryError,
    *,
    idempotency_key: UUID,
    correlation_id: str,
) -> InitializationDocument:
    """The document of an initialisation, whatever came of it."""
    known = InitializationDocument(variant, "FAILED", idempotency_key, correlation_id)
    match outcome:
        case Created(item):
            known = structs.replace(known, outcome="CREATED", item_id=item.id)
            level = item.level
        case AlreadyThere(level):
            known = structs.replace(known, outcome="ALREADY_THERE")
        case Queued(_, error):
            return structs.replace(known, outcome="QUEUED", error=_failure(error))
        case PermanentlyRejected(error):
            return structs.replace(known, outcome="REFUSED", error=_failure(error))
        case InventoryError():
            return structs.replace(known, error=_failure(outcome))
    return structs.replace(
        known,
        status=level.status,
        available_quantity=level.available_quantity,
        updated_at=level.updated_at,
    )


def _failure(error: InventoryError) -> FailureEntry:
    return FailureEntry(
        type(error).__name__,
        str(error),
        retryable=error.retryable,
        reached_service=error.reached_service.value,
        http_status=error.status,
    )


def print_json(document: msgspec.Struct) -> None:
    """Print one JSON document, and nothing else."""
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def print_stock(document: StockDocument) -> None:
    """Print a page of stock as a table: a row for each variant."""
    rows = table("Variant", "Status", "Available", "Freshness, as of", right="Available")
    for entry in document.stock:
        variant = str(entry.variant_id)
        if entry.status is None or entry.freshness is None or entry.as_of is None:
            reason = (entry.reason or "").lower().replace("_", " ")
            rows.add_row(variant, Text("unavailable", "dim"), "-", Text(reason, "dim"))
        else:
            rows.add_row(
                variant,
                _colored(entry.status),
                str(entry.available_quantity),
                # No reading is kept for a day: the time tells enough, and leaves room on a line.
                f"{entry.freshness.value.lower()} {entry.as_of.astimezone(UTC):%H:%M:%S}Z",
            )
    print_table(rows)


def print_initialization(document: InitializationDocument) -> None:
    """Print an initialisation that did not fail as a table of one row."""
    rows = table("Variant", "Status", "Available", "Outcome", right="Available")
    rows.add_row(
        str(document.variant_id),
        "-" if document.status is None else _colored(document.status),
        "-" if document.available_quantity is None else str(document.available_quantity),
        _OUTCOMES[document.outcome],
    )
    print_table(rows)


def _colored(status: StockStatus) -> Text:
    return Text(status.value, _STYLES[status])


def table(*columns: str, right: str) -> Table:
    """An empty table, with numbers in the column `right`."""
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        rows.add_column(column, justify="right" if column == right else "left")
    return rows


def print_text(line: Text) -> None:
    """Print a line as long as it is, coloured where colours are wanted."""
    _print(line, soft_wrap=True)


def print_table(rows: Table) -> None:
    """Print without folding: an id that is cut in two is no use to anybody."""
    _print(rows)


def _print(what: Table | Text, *, soft_wrap: bool = False) -> None:
    console = Console(file=sys.stdout, width=_WIDTH, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(what, soft_wrap=soft_wrap)
    for line in captured.get().splitlines():
        print(line.rstrip())
