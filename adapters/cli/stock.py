"""`get` and `init`: one call through the library, as a host makes it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID, uuid4

import msgspec
from msgspec import structs
from rich.text import Text

from shelfport.adapters.cli.ids import NamedVariant
from shelfport.adapters.cli.options import CallOptions, misuse
from shelfport.adapters.cli.output import SCHEMA, print_json, print_table, table
from shelfport.adapters.cli.running import Exit, print_error
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

_STYLES = {
    StockStatus.IN_STOCK: "green",
    StockStatus.LOW_STOCK: "yellow",
    StockStatus.OUT_OF_STOCK: "red",
}
_OUTCOMES = {"CREATED": "record opened", "ALREADY_THERE": "already there", "QUEUED": "queued"}


class StockEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One variant of a `StockDocument`. Every field is always present; unknown values are null."""

    variant_id: ProductVariantId
    """The product variant."""
    host_id: str | None
    """The host's own id of it, where it differs."""
    known: bool
    """Whether its stock is known."""
    reason: str | None
    """Why the stock is not known: a name of `UnavailableReason`."""
    status: StockStatus | None = None
    """The status that the Inventory Service reports."""
    available_quantity: int | None = None
    """Units that can be sold."""
    updated_at: datetime | None = None
    """When the stock last changed, by the service's clock."""
    as_of: datetime | None = None
    """The instant since which the answer may be out of date."""
    freshness: Freshness | None = None
    """Whether the service answered this call (`LIVE`), or a cache did."""
    source: str | None = None
    """The adapter that answered."""


class StockDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `get --json` prints."""

    correlation_id: str
    """The id under which the requests were sent."""
    stock: Sequence[StockEntry]
    """An entry for each distinct variant, in the order of the arguments."""
    schema: int = SCHEMA
    """The version of this document."""


class FailureEntry(msgspec.Struct, frozen=True, rename="camel"):
    """Why an `InitializationDocument` has no record."""

    type: str
    """The error's class, such as `TimedOut`."""
    message: str
    """What happened, in one sentence."""
    retryable: bool
    """Whether the same request may succeed later."""
    reached_service: str
    """Whether the request arrived: `yes`, `no` or `unknown`."""
    http_status: int | None
    """The HTTP status, if the service answered with one."""


class InitializationDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `init --json` prints. Every field is always present; unknown values are null."""

    variant_id: ProductVariantId
    """The product variant."""
    host_id: str | None
    """The host's own id of it, where it differs."""
    outcome: Literal["CREATED", "ALREADY_THERE", "QUEUED", "REFUSED", "FAILED"]
    """How the request ended. `QUEUED` and `REFUSED` need a policy that queues."""
    idempotency_key: UUID
    """The key of the operation; a request with the same key repeats it safely."""
    correlation_id: str
    """The id under which the request was sent."""
    item_id: UUID | None = None
    """The inventory record, if this request opened it."""
    status: StockStatus | None = None
    """The status that the Inventory Service reports."""
    available_quantity: int | None = None
    """Units that can be sold."""
    updated_at: datetime | None = None
    """When the stock last changed, by the service's clock."""
    error: FailureEntry | None = None
    """Why no record was opened; null if there is one."""
    schema: int = SCHEMA
    """The version of this document."""


def stock_document(page: Mapping[NamedVariant, Availability], correlation_id: str) -> StockDocument:
    """The document of the stock of several variants."""
    return StockDocument(correlation_id, [_entry(v, page[v]) for v in page])


def _entry(named: NamedVariant, availability: Availability) -> StockEntry:
    if not isinstance(availability, StockReading):
        reason = availability.reason.value
        return StockEntry(named.variant, named.host_id, known=False, reason=reason)
    level = availability.level
    return StockEntry(
        named.variant,
        named.host_id,
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
    named: NamedVariant,
    outcome: InitializationOutcome | InventoryError,
    *,
    idempotency_key: UUID,
    correlation_id: str,
) -> InitializationDocument:
    """The document of an initialization with any outcome."""
    document = InitializationDocument(
        named.variant, named.host_id, "FAILED", idempotency_key, correlation_id
    )
    match outcome:
        case Created(item):
            document = structs.replace(document, outcome="CREATED", item_id=item.id)
            level = item.level
        case AlreadyThere(level):
            document = structs.replace(document, outcome="ALREADY_THERE")
        case Queued(_, error):
            return structs.replace(document, outcome="QUEUED", error=_failure(error))
        case PermanentlyRejected(error):
            return structs.replace(document, outcome="REFUSED", error=_failure(error))
        case InventoryError():
            return structs.replace(document, error=_failure(outcome))
    return structs.replace(
        document,
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


async def get_stock(
    variants: Sequence[NamedVariant], *, max_staleness: float | None, options: CallOptions
) -> int:
    """Print the stock of `variants`; `Exit.NO` unless the stock of all of them is known."""
    correlation_id = options.correlation_id or uuid4().hex
    async with options.open_inventory() as inventory:
        with misuse():
            page = await inventory.get_stock_levels(
                [named.ref for named in variants],
                max_staleness=max_staleness,
                deadline=options.deadline,
                correlation_id=correlation_id,
            )
    stock = {named: page[named.ref] for named in variants}
    document = stock_document(stock, correlation_id)
    if options.as_json:
        print_json(document)
    else:
        print_stock(document)
    known = all(isinstance(availability, StockReading) for availability in stock.values())
    return Exit.ANSWERED if known else Exit.NO


async def initialize_stock(
    named: NamedVariant,
    *,
    quantity: int | None,
    low_stock_threshold: int | None,
    idempotency_key: UUID | None,
    options: CallOptions,
) -> int:
    """Open the inventory record of a variant, and print the outcome."""
    correlation_id = options.correlation_id or uuid4().hex
    key = idempotency_key or uuid4()
    outcome: InitializationOutcome | InventoryError
    async with options.open_inventory(with_queue=True) as inventory:
        try:
            with misuse():
                outcome = await inventory.request_inventory_initialization(
                    named.ref,
                    initial_quantity=quantity,
                    low_stock_threshold=low_stock_threshold,
                    idempotency_key=key,
                    deadline=options.deadline,
                    correlation_id=correlation_id,
                )
        except InventoryError as error:
            outcome = error
    failure = outcome.error if isinstance(outcome, PermanentlyRejected) else outcome
    document = initialization_document(
        named, outcome, idempotency_key=key, correlation_id=correlation_id
    )
    if options.as_json:
        print_json(document)
    elif not isinstance(failure, InventoryError):
        print_initialization(document)
    if isinstance(failure, InventoryError):
        hint = f"; to repeat this request, add --idempotency-key {key}" if failure.retryable else ""
        print_error(f"{failure}{hint}")
        return Exit.NO
    return Exit.ANSWERED


def print_stock(document: StockDocument) -> None:
    """Print a table with a row for each variant."""
    rows = table("Variant", "Status", "Available", "Freshness, as of", right="Available")
    for entry in document.stock:
        variant = entry.host_id or entry.variant_id
        if entry.status is None or entry.freshness is None or entry.as_of is None:
            reason = (entry.reason or "").lower().replace("_", " ")
            rows.add_row(variant, Text("unavailable", "dim"), "-", Text(reason, "dim"))
        else:
            rows.add_row(
                variant,
                _colored(entry.status),
                str(entry.available_quantity),
                # No reading is cached for a day: the time is enough, and keeps the line short.
                f"{entry.freshness.value.lower()} {entry.as_of.astimezone(UTC):%H:%M:%S}Z",
            )
    print_table(rows)


def print_initialization(document: InitializationDocument) -> None:
    """Print a table with one row: an initialization that did not fail."""
    rows = table("Variant", "Status", "Available", "Outcome", right="Available")
    rows.add_row(
        document.host_id or document.variant_id,
        "-" if document.status is None else _colored(document.status),
        "-" if document.available_quantity is None else str(document.available_quantity),
        _OUTCOMES[document.outcome],
    )
    print_table(rows)


def _colored(status: StockStatus) -> Text:
    return Text(status.value, _STYLES[status])
