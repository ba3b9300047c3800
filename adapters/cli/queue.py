"""`queue`: what waits, what is dead, and what a person does about it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import attrs

from shelfport.adapters.cli import queue_output as shown
from shelfport.adapters.cli.options import (
    QueueCommandOptions,
    load_given,
    misuse,
    without_events,
)
from shelfport.adapters.cli.output import print_json
from shelfport.adapters.cli.running import Exit, Misuse, complain
from shelfport.adapters.composition.queue_worker import make_queue
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.queue.options import MEMORY
from shelfport.domain.model import QueueFailed
from shelfport.ports import InitializationQueue


async def list_queue(*, dead: bool | None, limit: int, options: QueueCommandOptions) -> int:
    """Print how the queue stands, and its entries: all, or only dead ones."""
    async with opened(options) as queue:
        document = shown.queue_document(
            await queue.stats(), await queue.entries(dead=dead, limit=limit)
        )
    if options.as_json:
        print_json(document)
    else:
        shown.print_queue(document, datetime.now(UTC))
    return Exit.ANSWERED


async def show_entry(key: UUID, options: QueueCommandOptions) -> int:
    """Print one entry; `Exit.NO` if there is none under that key."""
    async with opened(options) as queue:
        entry, stats = await queue.find(key), await queue.stats()
    if entry is None:
        complain(_missing([key]))
        return Exit.NO
    document = shown.queue_document(stats, [entry])
    if options.as_json:
        print_json(document)
    else:
        shown.print_entry(document)
    return Exit.ANSWERED


async def retry_entries(
    keys: Sequence[UUID], *, all_dead: bool, options: QueueCommandOptions
) -> int:
    """Make entries due now, and dead ones alive; `Exit.NO` if one is not there.

    Raises:
        Misuse: neither keys nor all dead ones are named, or both.
    """
    if bool(keys) == all_dead:
        raise Misuse("which entries? Give their idempotency keys, or --all-dead")
    async with opened(options) as queue:
        if all_dead:
            entries = await queue.entries(dead=True, limit=(await queue.stats()).dead_letters)
            keys = [entry.request.idempotency_key for entry in entries]
        done = {key: await queue.retry(key, now=datetime.now(UTC)) for key in keys}
    return _told(done, "due now", options)


async def drop_entries(keys: Sequence[UUID], options: QueueCommandOptions) -> int:
    """Forget entries for good; `Exit.NO` if one is not there."""
    async with opened(options) as queue:
        done = {key: await queue.drop(key) for key in keys}
    return _told(done, "dropped", options)


async def migrate_queue(options: QueueCommandOptions) -> int:
    """Make the queue's tables, or upgrade them."""
    async with opened(options, create_schema=True) as queue:
        place, migrated = repr(queue), getattr(queue, "migrated", None)
    if migrated is None:
        raise Misuse(f"{place} has no tables")
    if options.as_json:
        print_json(shown.MigrationDocument(migrated.before, migrated.after))
    elif migrated.before == migrated.after:
        print(f"{place} has schema version {migrated.after}: there is nothing to do")
    else:
        print(f"{place} has schema version {migrated.after} now; it was {migrated.before}")
    return Exit.ANSWERED


@asynccontextmanager
async def opened(
    options: QueueCommandOptions, *, create_schema: bool = False
) -> AsyncIterator[InitializationQueue]:
    """The queue that the settings name. No command but `migrate` changes its tables.

    Raises:
        Misuse: there is none, it is no other process's, or it cannot be used.
    """
    with misuse():
        settings = load_given(options.settings, {}).settings
        queue = make_queue(with_a_queue(settings, create_schema=create_schema))
    assert queue is not None  # noqa: S101  # with_a_queue refused that
    try:
        async with queue:
            yield queue
    except QueueFailed as error:
        raise Misuse(str(error)) from error


def with_a_queue(settings: Settings, *, create_schema: bool) -> Settings:
    """`settings`, for a command that looks into the queue of other processes.

    Raises:
        Misuse: they name no such queue.
    """
    address = settings.queue.url
    if address is None:
        raise Misuse("where is the queue? Set SHELFPORT_QUEUE_URL, or queue.url in a settings file")
    if address.get_secret_value() == MEMORY:
        raise Misuse("queue.url is memory:, a queue that no other process can look into")
    queue = attrs.evolve(settings.queue, worker=False, create_schema=create_schema)
    return attrs.evolve(without_events(settings), queue=queue)


def _told(done: dict[UUID, bool], what: str, options: QueueCommandOptions) -> int:
    changed = [key for key, found in done.items() if found]
    missing = [key for key, found in done.items() if not found]
    if options.as_json:
        print_json(shown.ChangeDocument(changed, missing))
    else:
        print(f"{len(changed)} {'entry' if len(changed) == 1 else 'entries'} {what}")
    if missing:
        complain(_missing(missing))
    return Exit.NO if missing else Exit.ANSWERED


def _missing(keys: Sequence[UUID]) -> str:
    return f"not in the queue, as done or dropped: {', '.join(map(str, keys))}"
