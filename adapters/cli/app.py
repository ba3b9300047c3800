"""The commands and their help, as cyclopts parses and prints them."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from cyclopts import App, CycloptsError, Parameter, validators
from rich.console import Console

from shelfport.adapters.cli import help  # noqa: A004 - nothing here asks Python for help
from shelfport.adapters.cli.check import run_check
from shelfport.adapters.cli.completion import Shell, install_completion
from shelfport.adapters.cli.contracts import contracts_app
from shelfport.adapters.cli.event_commands import listen as listen_to_events
from shelfport.adapters.cli.event_commands import replay as replay_dead_letters
from shelfport.adapters.cli.ids import asked_variants, listed_variants
from shelfport.adapters.cli.options import CallOptions
from shelfport.adapters.cli.queue_app import queue_app
from shelfport.adapters.cli.reconcile import reconcile
from shelfport.adapters.cli.running import Exit, Misuse, guarded, run_async
from shelfport.adapters.cli.servers import play_demo, run_sandbox
from shelfport.adapters.cli.size import SizeOptions, print_size
from shelfport.adapters.cli.stock import get_stock, initialize_stock
from shelfport.adapters.cli.top import run_top
from shelfport.adapters.cli.worker import run_worker

_PIPE_WIDTH = 200

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
EventsUrl = Annotated[str | None, Parameter(name="--events")]
Files = Annotated[tuple[Path, ...], Parameter(name="--settings", negative=(), show_default=False)]
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
    """Show the stock of one or several product variants.

    Args:
        ids: Product variant ids: UUIDs. A single - reads them from standard input, one a line.
        max_staleness: The greatest age, in seconds, of a kept answer; 0 accepts none.
        options: Where to ask, and how.
    """
    return run_async(
        lambda: get_stock(asked_variants(ids), max_staleness=max_staleness, options=options),
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
        id_: The product variant's id: a UUID.
        quantity: Units on hand; without it, the settings' (0).
        low_stock_threshold: Units at which stock is low; without it, the settings' (10).
        idempotency_key: Names the operation: give the same one to repeat it safely.
        options: Where to ask, and how.
    """
    return run_async(
        lambda: initialize_stock(
            id_,
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
    """Find out what keeps stock from being read, and what to do about it.

    Args:
        variant: The product variant to read; without it, a made-up one.
        options: Where to ask, and how.
    """
    return run_async(lambda: run_check(variant=variant, options=options), verbose=options.verbose)


@app.command(help_epilogue=help.WORKER)
def worker(
    *,
    settings: Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)] = (),
    base_url: str | None = None,
    catalog: str | None = None,
) -> int:
    """Open the inventory records that wait in the queue, until Ctrl-C.

    Args:
        settings: A TOML file with a table [shelfport]; may be repeated, later ones win. The
            variables SHELFPORT_… win over files.
        base_url: Where the Inventory Service lives; wins over every setting.
        catalog: MODULE:NAME of what makes the host's catalogue.
    """
    return run_async(
        lambda: run_worker(files=settings, base_url=base_url, catalog=catalog), verbose=True
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
        source: A file of product variant ids, one a line; - reads standard input.
        dry_run: Look, and change nothing.
        options: Where to ask, and how.
    """
    return run_async(
        lambda: reconcile(listed_variants(source), dry_run=dry_run, options=options),
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
    events: EventsUrl = None,
    verbose: Flag = False,
) -> int:
    """Serve an Inventory Service for development, until Ctrl-C.

    Args:
        port: The TCP port; 0 takes a free one.
        host: The address to listen on.
        store: A file that keeps the records; without it, they are gone at the end.
        empty: Start without the records of the demo's catalogue.
        events: The bus to announce changes of stock on; without it, nothing is announced.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return run_async(
        lambda: run_sandbox(host=host, port=port, store=store, empty=empty, events=events),
        verbose=verbose,
    )


events_app: Final = App(
    name="events",
    help="What the Inventory Service announces, on a message bus.",
    help_epilogue=help.EVENTS,
)
app.command(events_app)


@events_app.command(help_epilogue=help.LISTEN)
def listen(
    *,
    events: EventsUrl = None,
    files: Files = (),
    work: Flag = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
    verbose: Flag = False,
) -> int:
    """Print events as they come, until Ctrl-C.

    Args:
        events: The bus; wins over every setting.
        files: A TOML file with a table [shelfport]; may be repeated, later ones win.
        work: Take events from the work queue, notify the teams, and acknowledge them: those are
            then handled, and come to no other replica.
        as_json: Print one JSON document a line instead.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return run_async(
        lambda: listen_to_events(files=files, url=events, work=work, as_json=as_json),
        verbose=verbose,
    )


@events_app.command(help_epilogue=help.REPLAY)
def replay(
    *,
    events: EventsUrl = None,
    files: Files = (),
    most: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    verbose: Flag = False,
) -> int:
    """Put dead letters back into the work queue.

    Args:
        events: The bus; wins over every setting.
        files: A TOML file with a table [shelfport]; may be repeated, later ones win.
        most: How many at most; without it, all that are there now.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return run_async(
        lambda: replay_dead_letters(files=files, url=events, most=most), verbose=verbose
    )


@app.command(help_epilogue=help.DEMO)
def demo(
    *,
    once: Flag = False,
    port: Port | None = None,
    verbose: Flag = False,
) -> int:
    """Serve a small Product Service with its Inventory Service, until Ctrl-C.

    Args:
        once: Tell a story with them instead, check every step of it, and end.
        port: The Product Service's TCP port; 0 takes a free one. Without it, 8000; with --once, a
            free one.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return run_async(lambda: play_demo(once=once, port=port), verbose=verbose)


@app.command(help_epilogue=help.SIZE)
def size(*, options: SizeOptions) -> int:
    """Compute settings for a fleet from what the Inventory Service can do.

    Args:
        options: The fleet, and the service.
    """
    return guarded(lambda: print_size(options))


@app.command(help_epilogue=help.TOP)
def top(
    url: Annotated[str, Parameter(name="URL")],
    /,
    *,
    every: Annotated[float, Parameter(validator=validators.Number(gte=0.1, lte=3600))] = 1.0,
    once: Flag = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
    verbose: Flag = False,
) -> int:
    """Show how a running host's integration is, live, until Ctrl-C.

    Args:
        url: Where its ops page is, such as http://127.0.0.1:8000/ops/.
        every: Seconds between two looks.
        once: Look once, and end; so it is into a pipe, too.
        as_json: Look once, and print the JSON document.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return run_async(
        lambda: run_top(url=url, every=every, once=once, as_json=as_json), verbose=verbose
    )


app.command(contracts_app)


@app.command(name="--install-completion", help_epilogue=help.COMPLETION)
def completion(*, shell: Shell | None = None, output: Path | None = None) -> int:
    """Install shell completion for this command.

    Args:
        shell: The shell to install it for; without it, the one that runs this.
        output: Write the script to this file, and change nothing else.
    """
    return guarded(lambda: install_completion(app, shell=shell, output=output))


class _PipeConsole(Console):
    """A console that leaves a closed pipe to `guarded`: rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


def run(arguments: list[str]) -> int:
    """Parse `arguments` and run the command that they name; the exit code.

    Raises:
        Misuse: they name none, or not as it wants them.
    """
    app.help_formatter = "default" if sys.stdout.isatty() else "plain"
    # Into a pipe, lines are left as they are: whoever reads it wraps them.
    console = None if sys.stdout.isatty() else _PipeConsole(width=_PIPE_WIDTH)
    try:
        code = app(arguments, console=console)
    except CycloptsError as error:
        raise Misuse(f"{str(error).rstrip('.')}; see shelfport --help") from error
    # Help and version return None.
    return code if isinstance(code, int) else Exit.ANSWERED
