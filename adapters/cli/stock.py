"""`get` and `init`: one call through the library, as a host would make it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import attrs
from cyclopts import Parameter

from shelfport.adapters.cli import output
from shelfport.adapters.cli.running import Exit, Misuse, complain
from shelfport.adapters.container import build
from shelfport.adapters.integration import InventoryIntegration
from shelfport.adapters.settings_loader import load_settings
from shelfport.domain.model import Initialized, InventoryError, StockReading, variant_id


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class StockOptions:
    """What `get` and `init` have in common."""

    settings: Annotated[
        tuple[Path, ...],
        Parameter(
            negative=(),
            show_default=False,
            help="A TOML file with a table [shelfport]; may be repeated, later ones win. The "
            "variables SHELFPORT_… win over files.",
        ),
    ] = ()
    base_url: Annotated[
        str | None,
        Parameter(help="Where the Inventory Service lives; wins over every setting."),
    ] = None
    as_json: Annotated[
        bool,
        Parameter(
            name="--json", negative=(), show_default=False, help="Print one JSON document instead."
        ),
    ] = False
    deadline: Annotated[float | None, Parameter(help="Seconds until the answer must be there.")] = (
        None
    )
    correlation_id: Annotated[
        str | None,
        Parameter(help="Ties the requests to other records; without it, a new one."),
    ] = None
    verbose: Annotated[
        bool,
        Parameter(
            negative=(), show_default=False, help="Log to stderr; a bug comes with its traceback."
        ),
    ] = False

    def inventory(self) -> InventoryIntegration:
        """The integration that the settings and `--base-url` make, not open yet.

        Raises:
            Misuse: they make none.
        """
        with _misuse():
            settings = load_settings(*self.settings)
            if self.base_url is not None:
                settings = attrs.evolve(settings, base_url=self.base_url)
            if settings.base_url is not None:
                return build(settings)
        raise Misuse(
            "where is the Inventory Service? Give --base-url, or set SHELFPORT_BASE_URL, "
            "or base_url in a settings file"
        )


async def get_stock(
    ids: Sequence[str], *, max_staleness: float | None, options: StockOptions
) -> int:
    """Print the stock of `ids`; `Exit.NO` if it is not known of every one."""
    with _misuse():
        variants = [variant_id(text) for text in ids]
    correlation_id = options.correlation_id or uuid4().hex
    async with options.inventory() as inventory:
        with _misuse():
            page = await inventory.get_stock_levels(
                variants,
                max_staleness=max_staleness,
                deadline=options.deadline,
                correlation_id=correlation_id,
            )
    stock = {variant_id(ref): availability for ref, availability in page.items()}
    document = output.stock_document(stock, correlation_id)
    if options.as_json:
        output.print_json(document)
    else:
        output.print_stock(document)
    answered = all(isinstance(availability, StockReading) for availability in stock.values())
    return Exit.ANSWERED if answered else Exit.NO


async def initialize_stock(
    id_: str,
    *,
    quantity: int | None,
    low_stock_threshold: int | None,
    idempotency_key: UUID | None,
    options: StockOptions,
) -> int:
    """Open the inventory record of a variant, and print what came of it."""
    with _misuse():
        variant = variant_id(id_)
    correlation_id = options.correlation_id or uuid4().hex
    key = idempotency_key or uuid4()
    outcome: Initialized | InventoryError
    async with options.inventory() as inventory:
        try:
            with _misuse():
                outcome = await inventory.request_inventory_initialization(
                    variant,
                    initial_quantity=quantity,
                    low_stock_threshold=low_stock_threshold,
                    idempotency_key=key,
                    deadline=options.deadline,
                    correlation_id=correlation_id,
                )
        except InventoryError as error:
            outcome = error
    document = output.initialization_document(
        variant, outcome, idempotency_key=key, correlation_id=correlation_id
    )
    if options.as_json:
        output.print_json(document)
    elif not isinstance(outcome, InventoryError):
        output.print_initialization(document)
    if isinstance(outcome, InventoryError):
        again = f"; to try the same again, add --idempotency-key {key}" if outcome.retryable else ""
        complain(f"{outcome}{again}")
        return Exit.NO
    return Exit.ANSWERED


@contextmanager
def _misuse() -> Iterator[None]:
    """The library raises ValueError for bad arguments and settings, and for nothing else."""
    try:
        yield
    except ValueError as error:
        raise Misuse(str(error)) from error
