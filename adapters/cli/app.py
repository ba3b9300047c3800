"""The commands and their help, as cyclopts parses and prints them."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from cyclopts import App, CycloptsError, Parameter, validators
from rich.console import Console

from shelfport.adapters.cli.running import Exit, Misuse, run_async
from shelfport.adapters.cli.servers import play_demo, run_sandbox
from shelfport.adapters.cli.stock import StockOptions, get_stock, initialize_stock

_PIPE_WIDTH = 200

_EXIT_CODES = """\
Exit codes:
  0    all was answered
  1    something was answered "no": a variant is unknown, its stock is
       unavailable, a record was not opened, or a story was not as told
  2    bad use or bad settings
  70   a bug in shelfport
  74   the output could not be written
  130  interrupted
  141  whoever read the output left
"""

_GET = f"""\
Examples:
  shelfport get ID --base-url https://inventory.internal
  shelfport get ID ID ID --settings shelfport.toml
  shelfport get ID --json | jq '.stock[0].availableQuantity'

An ID is a UUID, such as c9bf9e57-1685-4c89-bafb-ff5af830be8a.

--json prints {{"correlationId": ..., "stock": [...], "schema": 1}}; an entry has
variantId, known, reason, status, availableQuantity, updatedAt, asOf, freshness
and source, with null for what is not known. reason says why nothing is known,
such as TIMED_OUT or UNKNOWN_VARIANT.

{_EXIT_CODES}"""

_INIT = f"""\
A record that is there already is left as it is; that is exit code 0 as well.

Examples:
  shelfport init ID --quantity 20 --base-url https://inventory.internal
  shelfport init ID --quantity 0 --low-stock-threshold 5 --json
  shelfport init ID --idempotency-key 2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a

--json prints an object with variantId, outcome (CREATED, ALREADY_THERE or
FAILED), idempotencyKey, correlationId, itemId, status, availableQuantity,
updatedAt, error and schema (1), with null for what there is not. error has
type, message, retryable, reachedService (yes, no, unknown) and httpStatus.

{_EXIT_CODES}"""

_SANDBOX = f"""\
It keeps inventory-service.yaml, opens records, and misbehaves on demand. It
asks nobody for credentials: leave it on this machine.

Examples:
  shelfport sandbox
  shelfport sandbox --port 0 --empty
  shelfport sandbox --store stock.sqlite
  curl -X PUT http://127.0.0.1:8080/_sandbox/faults \\
       -H 'Content-Type: application/json' -d '{{"mode": "down"}}'

{_EXIT_CODES}"""

_DEMO = f"""\
Examples:
  shelfport demo
  shelfport demo --once

{_EXIT_CODES}"""

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))]

app: Final = App(
    name="shelfport",
    help="Stock from an external Inventory Service.",
    help_epilogue=_EXIT_CODES,
    help_format="plaintext",
    version=lambda: f"shelfport {version('shelfport')}",
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
)


@app.command(help_epilogue=_GET)
def get(
    *ids: Annotated[str, Parameter(name="ID", required=True, negative=())],
    max_staleness: float | None = None,
    options: StockOptions = StockOptions(),  # noqa: B008 - frozen
) -> int:
    """Show the stock of one or several product variants.

    Args:
        ids: Product variant ids: UUIDs.
        max_staleness: The greatest age, in seconds, of a kept answer; 0 accepts none.
        options: Where to ask, and how.
    """
    return run_async(
        lambda: get_stock(ids, max_staleness=max_staleness, options=options),
        verbose=options.verbose,
    )


@app.command(help_epilogue=_INIT)
def init(
    id_: Annotated[str, Parameter(name="ID")],
    /,
    *,
    quantity: int | None = None,
    low_stock_threshold: int | None = None,
    idempotency_key: UUID | None = None,
    options: StockOptions = StockOptions(),  # noqa: B008 - frozen
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


@app.command(help_epilogue=_SANDBOX)
def sandbox(
    *,
    port: Port = 8080,
    host: str = "127.0.0.1",
    store: Path | None = None,
    empty: Flag = False,
    verbose: Flag = False,
) -> int:
    """Serve an Inventory Service for development, until Ctrl-C.

    Args:
        port: The TCP port; 0 takes a free one.
        host: The address to listen on.
        store: A file that keeps the records; without it, they are gone at the end.
        empty: Start without the records of the demo's catalogue.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return run_async(
        lambda: run_sandbox(host=host, port=port, store=store, empty=empty), verbose=verbose
    )


@app.command(help_epilogue=_DEMO)
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
