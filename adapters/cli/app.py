"""The commands and their options, as cyclopts parses them."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from cyclopts import App, CycloptsError, Parameter, validators
from rich.console import Console

from shelfport.adapters.cli import help  # noqa: A004 - Python's help is not used here
from shelfport.adapters.cli.check import run_check
from shelfport.adapters.cli.completion import Shell, install_completion
from shelfport.adapters.cli.contracts import contracts_app
from shelfport.adapters.cli.events import events_app
from shelfport.adapters.cli.ids import NamedVariants
from shelfport.adapters.cli.options import CallOptions, Flag, Json, SettingsFiles, Verbose
from shelfport.adapters.cli.queue import queue_app
from shelfport.adapters.cli.reconcile import reconcile
from shelfport.adapters.cli.running import Exit, Misuse, guarded, run_async
from shelfport.adapters.cli.servers import play_demo, run_sandbox
from shelfport.adapters.cli.size import SizeOptions, print_size
from shelfport.adapters.cli.stock import get_stock, initialize_stock
from shelfport.adapters.cli.top import run_top
from shelfport.adapters.cli.worker import run_worker
from shelfport.domain.model import IdFormat

_PIPE_WIDTH = 200

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))]

app: Final = App(
    name="shelfport",
    help="Stock from an external Inventory Service.",
    help_epilogue=help.SHELFPORT,
    help_format="plaintext",
    version=lambda: f"shelfport {version('shelfport')}",
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
)


@app.command(help_epilogue=help.GET)
def get(
    *ids: Annotated[
        str, Parameter(name="ID", required=True, negative=(), allow_leading_hyphen=True)
    ],
    max_staleness: float | None = None,
    options: CallOptions = CallOptions(),  # noqa: B008 - frozen
) -> int:
    """Show the stock of product variants.

    Args:
        ids: Product variants: UUIDs, or what the settings id_format and mapper say. A single -
            reads them from standard input, one a line.
        max_staleness: The greatest age of a cached answer, in seconds; 0 accepts none.
        options: The service, and the call.
    """
    return run_async(
        lambda: get_stock(
            NamedVariants.by(options).from_arguments(ids),
            max_staleness=max_staleness,
            options=options,
        ),
        verbose=options.verbose,
    )


@app.command(help_epilogue=help.INIT)
def init(
    id_: Annotated[str, Parameter(name="ID")],
    /,
    *,
    quantity: int | None = None,
    low_stock_threshold: int | None = None,
    idempotency_key: UUID | None = None,
    options: CallOptions = CallOptions(),  # noqa: B008 - frozen
) -> int:
    """Open the inventory record of a new product variant.

    Args:
        id_: The product variant: a UUID, or what the settings id_format and mapper say.
        quantity: Units on hand; default: the setting initialization.default_quantity.
        low_stock_threshold: Units at which stock is low; default: the setting
            initialization.default_low_stock_threshold.
        idempotency_key: The key of the operation: the same key repeats it safely. Default: random.
        options: The service, and the call.
    """
    return run_async(
        lambda: initialize_stock(
            NamedVariants.by(options).from_argument(id_),
            quantity=quantity,
            low_stock_threshold=low_stock_threshold,
            idempotency_key=idempotency_key,
            options=options,
        ),
        verbose=options.verbose,
    )


@app.command(help_epilogue=help.CHECK)
def check(
    *,
    variant: str | None = None,
    options: CallOptions = CallOptions(),  # noqa: B008 - frozen
) -> int:
    """Find out why stock cannot be read, and what to do about it.

    Args:
        variant: The product variant to read; default: one that no service knows.
        options: The service, and the call.
    """
    return run_async(lambda: run_check(variant=variant, options=options), verbose=options.verbose)


@app.command(help_epilogue=help.WORKER)
def worker(
    *,
    files: SettingsFiles = (),
    base_url: str | None = None,
    catalog: str | None = None,
) -> int:
    """Open the inventory records that wait in the queue, until Ctrl-C.

    Args:
        base_url: The Inventory Service's address; wins over files and variables.
        catalog: MODULE:NAME of a class or a function that makes the host's catalog.
    """
    return run_async(
        lambda: run_worker(files=files, base_url=base_url, catalog=catalog), verbose=True
    )


@app.command(name="reconcile", help_epilogue=help.RECONCILE)
def reconcile_records(
    source: Annotated[str, Parameter(name="FILE", allow_leading_hyphen=True)],
    /,
    *,
    dry_run: Flag = False,
    options: CallOptions = CallOptions(),  # noqa: B008 - frozen
) -> int:
    """Enqueue the variants that have no inventory record.

    Args:
        source: A file of product variants, one a line; - reads standard input.
        dry_run: Only read: enqueue nothing.
        options: The service, and the call.
    """
    return run_async(
        lambda: reconcile(
            NamedVariants.by(options).from_file(source),
            dry_run=dry_run,
            options=options,
        ),
        verbose=options.verbose,
    )


app.command(queue_app)


@app.command(help_epilogue=help.SANDBOX)
def sandbox(
    *,
    port: Port = 8080,
    host: str = "127.0.0.1",
    store: Path | None = None,
    empty: Flag = False,
    events: Annotated[str | None, Parameter(name="--events")] = None,
    id_format: IdFormat = IdFormat.UUID,
    verbose: Verbose = False,
) -> int:
    """Serve an Inventory Service for development, until Ctrl-C.

    Args:
        port: The TCP port; 0 takes a free one.
        host: The address to listen on.
        store: A file that stores the records; without it, they are lost when the command ends.
        empty: Start without the records of the demo's catalog.
        events: The address of a bus; the sandbox publishes changes of stock to it.
        id_format: What ids look like: uuid, or text for a service with SKUs.
    """
    return run_async(
        lambda: run_sandbox(
            host=host, port=port, store=store, empty=empty, events=events, id_format=id_format
        ),
        verbose=verbose,
    )


app.command(events_app)


@app.command(help_epilogue=help.DEMO)
def demo(
    *,
    once: Flag = False,
    port: Port | None = None,
    verbose: Verbose = False,
) -> int:
    """Serve a small Product Service with its Inventory Service, until Ctrl-C.

    Args:
        once: Play a scenario with them instead, check every step of it, and end.
        port: The Product Service's TCP port; 0 takes a free one. Default: 8000; with --once, a
            free one.
    """
    return run_async(lambda: play_demo(once=once, port=port), verbose=verbose)


@app.command(help_epilogue=help.SIZE)
def size(*, options: SizeOptions) -> int:
    """Compute the settings of a fleet from the capacity of the Inventory Service.

    Args:
        options: The fleet, and the service.
    """
    return guarded(lambda: print_size(options))


@app.command(help_epilogue=help.TOP)
def top(
    url: Annotated[str, Parameter(name="URL")],
    /,
    *,
    interval: Annotated[float, Parameter(validator=validators.Number(gte=0.1, lte=3600))] = 1.0,
    once: Flag = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Show the state of a running host's integration, live, until Ctrl-C.

    Args:
        url: The address of its ops page, such as http://127.0.0.1:8000/ops/.
        interval: Seconds between two requests.
        once: Print the state once, and end. A pipe implies it.
    """
    return run_async(
        lambda: run_top(url=url, interval=interval, once=once, as_json=as_json), verbose=verbose
    )


app.command(contracts_app)


@app.command(name="--install-completion", help_epilogue=help.COMPLETION)
def completion(*, shell: Shell | None = None, output: Path | None = None) -> int:
    """Install shell completion for this command.

    Args:
        shell: The shell; default: the one that runs this command.
        output: Write the script to this file, and change nothing else.
    """
    return guarded(lambda: install_completion(app, shell=shell, output=output))


class _PipeConsole(Console):
    """A console that leaves a closed pipe to `guarded`: rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


def run(arguments: list[str]) -> int:
    """Parse `arguments`, run the command that they name, and return its exit code.

    Raises:
        Misuse: they name no command, or do not fit it.
    """
    app.help_formatter = "default" if sys.stdout.isatty() else "plain"
    # Into a pipe, lines are not wrapped.
    console = None if sys.stdout.isatty() else _PipeConsole(width=_PIPE_WIDTH)
    try:
        code = app(arguments, console=console)
    except CycloptsError as error:
        raise Misuse(f"{str(error).rstrip('.')}; see shelfport --help") from error
    # Help and version return None.
    return code if isinstance(code, int) else Exit.ANSWERED
