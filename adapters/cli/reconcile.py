"""`reconcile`: every variant of the host has an inventory record, or an entry in the queue."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Protocol
from uuid import uuid4

from dependency_injector import providers
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from shelfport.adapters.cli.options import CallOptions, misuse
from shelfport.adapters.cli.output import print_json
from shelfport.adapters.cli.queue import with_a_queue
from shelfport.adapters.cli.queue_output import (
    ReconcileDocument,
    UnreadableEntry,
    print_reconciled,
)
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

_AT_A_TIME = 200
"""Variants in one request; the contract allows as many."""


class Advance(Protocol):
    """Told how many variants have been looked at."""

    def __call__(self, count: int, /) -> None:
        """`count` more have been."""
        ...


async def reconcile(
    variants: Sequence[ProductVariantId], *, dry_run: bool, options: CallOptions
) -> int:
    """Look for the record of each of `variants`, and enqueue those that have none.

    Raises:
        Misuse: there is no queue, or it cannot be used.
    """
    call_id = options.correlation_id or uuid4().hex
    given = list(dict.fromkeys(variants))
    settings = options.loaded()
    settings = with_a_queue(settings, create_schema=settings.queue.create_schema)
    container = Container(settings=providers.Object(settings))
    try:
        with misuse():
            inventory, queue = container.integration(), container.queue()
        async with inventory:
            assert queue is not None  # noqa: S101  # with_a_queue refused that
            document = await _reconciled(
                inventory, queue, given, dry_run=dry_run, options=options, call_id=call_id
            )
    except QueueFailed as error:
        raise Misuse(str(error)) from error
    if options.as_json:
        print_json(document)
    else:
        print_reconciled(document)
    left = document.unreadable or (dry_run and document.missing)
    return Exit.NO if left else Exit.ANSWERED


async def _reconciled(
    inventory: InventoryIntegration,
    queue: InitializationQueue,
    given: Sequence[ProductVariantId],
    *,
    dry_run: bool,
    options: CallOptions,
    call_id: str,
) -> ReconcileDocument:
    stats = await queue.stats()
    entries = await queue.entries(limit=stats.waiting + stats.dead_letters)
    queued = list(dict.fromkeys(entry.request.variant_id for entry in entries))
    present = 0
    missing: list[ProductVariantId] = []
    unreadable: list[UnreadableEntry] = []
    with _progress(len(given)) as advance:
        rest = iter(given)
        while chunk := list(islice(rest, _AT_A_TIME)):
            with misuse():
                page = await inventory.get_stock_levels(
                    chunk, max_staleness=0, deadline=options.deadline, correlation_id=call_id
                )
            for variant in chunk:
                match page[variant]:
                    case StockReading():
                        present += 1
                    case Unavailable(UnavailableReason.UNKNOWN_VARIANT):
                        missing.append(variant)
                    case Unavailable(reason):
                        unreadable.append(UnreadableEntry(variant, reason.value))
            advance(len(chunk))
    known = set(queued)
    enqueued = 0
    if not dry_run:
        for variant in missing:
            if variant not in known:
                await queue.add(inventory.initialization_entry(variant, correlation_id=call_id))
                enqueued += 1
    theirs = set(given)
    return ReconcileDocument(
        correlation_id=call_id,
        dry_run=dry_run,
        given=len(given),
        present=present,
        missing=missing,
        enqueued=enqueued,
        already_queued=[variant for variant in missing if variant in known],
        unreadable=unreadable,
        not_given=[variant for variant in queued if variant not in theirs],
    )


@contextmanager
def _progress(total: int) -> Iterator[Advance]:
    """A bar on stderr, if a person looks at it."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    with Progress(
        TextColumn("Looking for records"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)
