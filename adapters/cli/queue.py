"""The commands below `queue`: list, retry and drop its entries, and make its tables."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import attrs
from cyclopts import App, Parameter, validators

from shelfport.adapters.cli import help  # noqa: A004 - Python's help is not used here
from shelfport.adapters.cli.ids import NamedVariants
from shelfport.adapters.cli.options import (
    Flag,
    QueueCommandOptions,
    load_command_settings,
    misuse,
    require_queue,
    without_events,
)
from shelfport.adapters.cli.output import print_json
from shelfport.adapters.cli.queue_documents import (
    ChangeDocument,
    MigrationDocument,
    print_entry,
    print_queue,
    queue_document,
)
from shelfport.adapters.cli.running import Exit, Misuse, print_error, run_async
from shelfport.adapters.composition.queue_worker import make_queue
from shelfport.adapters.config.settings import Settings
from shelfport.domain.model import QueueFailed
from shelfport.ports import InitializationQueue

Limit = Annotated[int, Parameter(validator=validators.Number(gte=1))]

queue_app: Final = App(
    name="queue",
    help="Inspect and repair the queue of inventory records to be opened.",
    help_epilogue=help.QUEUE,
    help_format="plaintext",
)


@queue_app.command(name="list", help_epilogue=help.QUEUE)
def list_(
    *,
    limit: Limit = 100,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """List entries that wait and dead letters, oldest first.

    Args:
        limit: The greatest number of entries.
        options: Which queue.
    """
    return run_async(
        lambda: _list_entries(dead=None, limit=limit, options=options), verbose=options.verbose
    )


@queue_app.command(help_epilogue=help.QUEUE)
def dead(
    *,
    limit: Limit = 100,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """List dead letters, each with its reason.

    Args:
        limit: The greatest number of entries.
        options: Which queue.
    """
    return run_async(
        lambda: _list_entries(dead=True, limit=limit, options=options), verbose=options.verbose
    )


@queue_app.command(help_epilogue=help.QUEUE)
def show(
    key: Annotated[UUID, Parameter(name="KEY")],
    /,
    *,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """Show every field of an entry.

    Args:
        key: The entry's idempotency key.
        options: Which queue.
    """
    return run_async(lambda: _show_entry(key, options), verbose=options.verbose)


@queue_app.command(help_epilogue=help.QUEUE)
def retry(
    *keys: Annotated[UUID, Parameter(name="KEY", negative=())],
    all_dead: Flag = False,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """Reset entries: due now, not dead, unclaimed.

    Args:
        keys: The entries' idempotency keys.
        all_dead: Reset all dead letters instead.
        options: Which queue.
    """
    return run_async(
        lambda: _retry_entries(keys, all_dead=all_dead, options=options), verbose=options.verbose
    )


@queue_app.command(help_epilogue=help.QUEUE)
def drop(
    *keys: Annotated[UUID, Parameter(name="KEY", required=True, negative=())],
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """Delete entries: their records will not be opened.

    Args:
        keys: The entries' idempotency keys.
        options: Which queue.
    """
    return run_async(lambda: _drop_entries(keys, options), verbose=options.verbose)


@queue_app.command(help_epilogue=help.QUEUE)
def migrate(
    *,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """Make the queue's tables, or upgrade them to the installed version.

    Args:
        options: Which queue.
    """
    return run_async(lambda: _migrate(options), verbose=options.verbose)


async def _list_entries(*, dead: bool | None, limit: int, options: QueueCommandOptions) -> int:
    names = _named_variants(options)
    async with _open_queue(options) as queue:
        stats, entries = await queue.stats(), await queue.entries(dead=dead, limit=limit)
    document = queue_document(stats, entries, names.host_id_of)
    if options.as_json:
        print_json(document)
    else:
        print_queue(document, datetime.now(UTC))
    return Exit.ANSWERED


async def _show_entry(key: UUID, options: QueueCommandOptions) -> int:
    names = _named_variants(options)
    async with _open_queue(options) as queue:
        entry, stats = await queue.find(key), await queue.stats()
    if entry is None:
        print_error(_not_found([key]))
        return Exit.NO
    document = queue_document(stats, [entry], names.host_id_of)
    if options.as_json:
        print_json(document)
    else:
        print_entry(document)
    return Exit.ANSWERED


async def _retry_entries(
    keys: Sequence[UUID], *, all_dead: bool, options: QueueCommandOptions
) -> int:
    if bool(keys) == all_dead:
        raise Misuse("give either idempotency keys or --all-dead")
    async with _open_queue(options) as queue:
        if all_dead:
            entries = await queue.entries(dead=True, limit=(await queue.stats()).dead_letters)
            keys = [entry.request.idempotency_key for entry in entries]
        found = {key: await queue.retry(key, now=datetime.now(UTC)) for key in keys}
    return _print_changes(found, "due now", options)


async def _drop_entries(keys: Sequence[UUID], options: QueueCommandOptions) -> int:
    async with _open_queue(options) as queue:
        found = {key: await queue.drop(key) for key in keys}
    return _print_changes(found, "dropped", options)


async def _migrate(options: QueueCommandOptions) -> int:
    async with _open_queue(options, create_schema=True) as queue:
        await queue.stats()  # opening passes over a database that is away
        name, migration = repr(queue), getattr(queue, "migrated", None)
    if migration is None:
        raise Misuse(f"{name} has no tables")
    if options.as_json:
        print_json(MigrationDocument(migration.before, migration.after))
    elif migration.before == migration.after:
        print(f"{name} has schema version {migration.after}: there is nothing to do")
    else:
        print(f"{name} has schema version {migration.after} now; it was {migration.before}")
    return Exit.ANSWERED


@asynccontextmanager
async def _open_queue(
    options: QueueCommandOptions, *, create_schema: bool = False
) -> AsyncIterator[InitializationQueue]:
    """Open the queue that the settings name. Only `migrate` changes its tables.

    Raises:
        Misuse: they name no queue of another process, or it cannot be opened.
    """
    with misuse():
        settings = load_command_settings(options.settings, {}).settings
        queue = make_queue(with_external_queue(settings, create_schema=create_schema))
    assert queue is not None  # noqa: S101  # with_external_queue checked that
    try:
        async with queue:
            yield queue
    except QueueFailed as error:
        raise Misuse(str(error)) from error


def _named_variants(options: QueueCommandOptions) -> NamedVariants:
    with misuse():
        return NamedVariants.of(load_command_settings(options.settings, {}).settings)


def with_external_queue(settings: Settings, *, create_schema: bool) -> Settings:
    """`settings` for a command that uses the queue of other processes, without a worker.

    Raises:
        Misuse: they name no such queue.
    """
    require_queue(settings)
    queue = attrs.evolve(settings.queue, worker=False, create_schema=create_schema)
    return attrs.evolve(without_events(settings), queue=queue)


def _print_changes(found: dict[UUID, bool], state: str, options: QueueCommandOptions) -> int:
    changed = [key for key in found if found[key]]
    missing = [key for key in found if not found[key]]
    if options.as_json:
        print_json(ChangeDocument(changed, missing))
    else:
        print(f"{len(changed)} {'entry' if len(changed) == 1 else 'entries'} {state}")
    if missing:
        print_error(_not_found(missing))
    return Exit.NO if missing else Exit.ANSWERED


def _not_found(keys: Sequence[UUID]) -> str:
    return f"not in the queue (done or dropped): {', '.join(map(str, keys))}"
