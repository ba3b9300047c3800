"""`get` and `init`: one call through the library, as a host would make it."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from shelfport.adapters.cli import output
from shelfport.adapters.cli.options import CallOptions, misuse
from shelfport.adapters.cli.running import Exit, complain
from shelfport.domain.model import (
    InitializationOutcome,
    InventoryError,
    PermanentlyRejected,
    ProductVariantId,
    StockReading,
    variant_id,
)


async def get_stock(
    variants: Sequence[ProductVariantId], *, max_staleness: float | None, options: CallOptions
) -> int:
    """Print the stock of `variants`; `Exit.NO` if it is not known of every one."""
    correlation_id = options.correlation_id or uuid4().hex
    async with options.opened() as inventory:
        with misuse():
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
    options: CallOptions,
) -> int:
    """Open the inventory record of a variant, and print what came of it."""
    with misuse():
        variant = variant_id(id_)
    correlation_id = options.correlation_id or uuid4().hex
    key = idempotency_key or uuid4()
    outcome: InitializationOutcome | InventoryError
    async with options.opened(queueing=True) as inventory:
        try:
            with misuse():
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
    failure = outcome.error if isinstance(outcome, PermanentlyRejected) else outcome
    document = output.initialization_document(
        variant, outcome, idempotency_key=key, correlation_id=correlation_id
    )
    if options.as_json:
        output.print_json(document)
    elif not isinstance(failure, InventoryError):
        output.print_initialization(document)
    if isinstance(failure, InventoryError):
        again = f"; to try the same again, add --idempotency-key {key}" if failure.retryable else ""
        complain(f"{failure}{again}")
        return Exit.NO
    return Exit.ANSWERED
