"""`reconcile`: enqueues every variant of the host that has no inventory record."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from uuid import uuid4

import msgspec
from dependency_injector import providers
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from shelfport.adapters.cli.ids import NamedVariant, NamedVariants
from shelfport.adapters.cli.options import CallOptions, misuse
from shelfport.adapters.cli.output import SCHEMA, print_json
from shelfport.adapters.cli.queue import with_external_queue
from shelfport.adapters.cli.running import Exit, Misuse
from shelfport.adapters.composition.container import Container
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.domain.model import (
    ProductVariantId,
    QueueFailed,
    StockReading,
    Unavailable,
    UnavailableReason,
)
from shelfport.ports import InitializationQueue

_REQUEST_SIZE = 200
"""Variants in one request: the contract's maximum."""


class UnreadableEntry(msgspec.Struct, frozen=True, rename="camel"):
    """A variant of a `ReconcileDocument` whose record could not be read."""

    variant_id: ProductVariantId
    """The product variant."""
    host_id: str | None
    """The host's own id of it, where it differs."""
    reason: str
    """Why: a name of `UnavailableReason`."""


class ReconcileDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `reconcile --json` prints."""

    correlation_id: str
    """The id under which the requests were sent."""
    dry_run: bool
    """Whether nothing was enqueued, because of --dry-run."""
    given: int
    """How many distinct variants were given."""
    present: int
    """How many of them have a record."""
    missing: Sequence[str]
    """Variants without a record: as in each list of ids here, the host's own, where it has one."""
    enqueued: int
    """How many variants were enqueued."""
    already_queued: Sequence[str]
    """Missing variants that were in the queue before."""
    unreadable: Sequence[UnreadableEntry]
    """Variants whose records could not be read."""
    not_given: Sequence[str]
    """Variants in the queue that were not given."""
    schema: int = SCHEMA
    """The version of this document."""


async def reconcile(
    variants: Sequence[NamedVariant], *, dry_run: bool, options: CallOptions
) -> int:
    """Read the record of each of `variants`, and enqueue those that have none.

    Raises:
        Misuse: there is no queue, or it cannot be opened.
    """
    correlation_id = options.correlation_id or uuid4().hex
    given = {named.variant: named for named in variants}
    settings = options.load_settings()
    settings = with_external_queue(settings, create_schema=settings.queue.create_schema)
    container = Container(settings=providers.Object(settings))
    try:
        with misuse():
            inventory, queue = container.integration(), container.queue()
        async with inventory:
            assert queue is not None  # noqa: S101  # with_external_queue checked that
            document = await _reconcile(
                inventory,
                queue,
                given,
                NamedVariants.of(settings),
                dry_run=dry_run,
                options=options,
                correlation_id=correlation_id,
            )
    except QueueFailed as error:
        raise Misuse(str(error)) from error
    if options.as_json:
        print_json(document)
    else:
        _print_document(document)
    incomplete = document.unreadable or (dry_run and document.missing)
    return Exit.NO if incomplete else Exit.ANSWERED


async def _reconcile(
    inventory: InventoryIntegration,
    queue: InitializationQueue,
    given: Mapping[ProductVariantId, NamedVariant],
    names: NamedVariants,
    *,
    dry_run: bool,
    options: CallOptions,
    correlation_id: str,
) -> ReconcileDocument:
    stats = await queue.stats()
    entries = await queue.entries(limit=stats.waiting + stats.dead_letters)
    queued = {e.request.variant_id: e.request for e in entries}
    present = 0
    missing: list[ProductVariantId] = []
    unreadable: list[UnreadableEntry] = []
    with _progress(len(given)) as advance:
        remaining = iter(given)
        while chunk := list(islice(remaining, _REQUEST_SIZE)):
            with misuse():
                page = await inventory.get_stock_levels(
                    [given[variant].ref for variant in chunk],
                    max_staleness=0,
                    deadline=options.deadline,
                    correlation_id=correlation_id,
                )
            for variant in chunk:
                named = given[variant]
                match page[named.ref]:
                    case StockReading():
                        present += 1
                    case Unavailable(UnavailableReason.UNKNOWN_VARIANT):
                        missing.append(variant)
                    case Unavailable(reason):
                        unreadable.append(UnreadableEntry(variant, named.host_id, reason.value))
            advance(len(chunk))
    enqueued = 0
    if not dry_run:
        for variant in missing:
            if variant not in queued:
                await queue.add(
                    inventory.initialization_entry(
                        given[variant].ref, correlation_id=correlation_id
                    )
                )
                enqueued += 1
    return ReconcileDocument(
        correlation_id=correlation_id,
        dry_run=dry_run,
        given=len(given),
        present=present,
        missing=[given[variant].name for variant in missing],
        enqueued=enqueued,
        already_queued=[given[variant].name for variant in missing if variant in queued],
        unreadable=unreadable,
        not_given=[
            names.host_id_of(request) or variant
            for variant, request in queued.items()
            if variant not in given
        ],
    )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar if stderr is a terminal; yields a function that adds to its count."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    with Progress(
        TextColumn("Reading records"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)


def _print_document(document: ReconcileDocument) -> None:
    """Print the counts, then the missing, unreadable and surplus variants, a line each."""
    missing, queued = len(document.missing), len(document.already_queued)
    print(f"{document.given} given, {document.present} have a record")
    done = "would be enqueued" if document.dry_run else "enqueued"
    count = missing - queued if document.dry_run else document.enqueued
    print(f"{missing} missing: {count} {done}, {queued} in the queue already")
    for variant in document.missing:
        print(f"missing     {variant}")
    for entry in document.unreadable:
        variant = entry.host_id or entry.variant_id
        print(f"unreadable  {variant}  {entry.reason.lower().replace('_', ' ')}")
    for variant in document.not_given:
        print(f"not given   {variant}  is in the queue")
