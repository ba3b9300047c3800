"""`queue` and its commands, as cyclopts parses them."""

from typing import Annotated, Final
from uuid import UUID

from cyclopts import App, Parameter, validators

from shelfport.adapters.cli import help  # noqa: A004 - nothing here asks Python for help
from shelfport.adapters.cli import queue as work
from shelfport.adapters.cli.options import QueueCommandOptions
from shelfport.adapters.cli.running import run_async

Limit = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Flag = Annotated[bool, Parameter(negative=(), show_default=False)]

queue_app: Final = App(
    name="queue",
    help="Look into the queue of inventory records to be opened, and mend it.",
    help_epilogue=help.QUEUE,
    help_format="plaintext",
)


@queue_app.command(name="list", help_epilogue=help.QUEUE)
def list_(
    *,
    limit: Limit = 100,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """List what waits and what is dead, those queued first first.

    Args:
        limit: So many entries, at most.
        options: Which queue.
    """
    return run_async(
        lambda: work.list_queue(dead=None, limit=limit, options=options), verbose=options.verbose
    )


@queue_app.command(help_epilogue=help.QUEUE)
def dead(
    *,
    limit: Limit = 100,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """List dead letters, each with its reason.

    Args:
        limit: So many entries, at most.
        options: Which queue.
    """
    return run_async(
        lambda: work.list_queue(dead=True, limit=limit, options=options), verbose=options.verbose
    )


@queue_app.command(help_epilogue=help.QUEUE)
def show(
    key: Annotated[UUID, Parameter(name="KEY")],
    /,
    *,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """Show all that an entry says.

    Args:
        key: Its idempotency key.
        options: Which queue.
    """
    return run_async(lambda: work.show_entry(key, options), verbose=options.verbose)


@queue_app.command(help_epilogue=help.QUEUE)
def retry(
    *keys: Annotated[UUID, Parameter(name="KEY", negative=())],
    all_dead: Flag = False,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """Have entries tried now, dead ones as well.

    Args:
        keys: Their idempotency keys.
        all_dead: All dead letters instead.
        options: Which queue.
    """
    return run_async(
        lambda: work.retry_entries(keys, all_dead=all_dead, options=options),
        verbose=options.verbose,
    )


@queue_app.command(help_epilogue=help.QUEUE)
def drop(
    *keys: Annotated[UUID, Parameter(name="KEY", required=True, negative=())],
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """Forget entries for good: their records will not be opened.

    Args:
        keys: Their idempotency keys.
        options: Which queue.
    """
    return run_async(lambda: work.drop_entries(keys, options), verbose=options.verbose)


@queue_app.command(help_epilogue=help.QUEUE)
def migrate(
    *,
    options: QueueCommandOptions = QueueCommandOptions(),  # noqa: B008 - frozen
) -> int:
    """Make the queue's tables, or upgrade them to this edition.

    Args:
        options: Which queue.
    """
    return run_async(lambda: work.migrate_queue(options), verbose=options.verbose)
