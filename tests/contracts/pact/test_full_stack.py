"""The whole stack against Pact's mock server: nothing on the way changes what is agreed."""

import pytest

from shelfport import (
    Created,
    InventoryIntegration,
    Settings,
    StockReading,
    UnavailableReason,
    build,
    request_context,
)
from shelfport.contracts.pact.consumer import TOKEN
from shelfport.contracts.pact.writing import new_pact
from shelfport.domain.model import Unavailable
from shelfport.errors import Unauthorized
from shelfport.options import RetryOptions
from tests.contracts.pact.generated import HTTP, PortCall, port_call_of


def the_stack(url: object) -> InventoryIntegration:
    # Without retries: a mismatch is answered 500, and a second attempt would hide the first.
    return build(Settings(base_url=str(url), token=TOKEN, retry=RetryOptions(max_attempts=1)))


def asked_for(description: str) -> PortCall:
    return port_call_of(HTTP[description])


async def test_a_page() -> None:
    """A page asks for its variants as agreed, and shows what the service says of them."""
    description = "getStockLevels of two variants with stock"
    asked = asked_for(description)

    with new_pact(HTTP[description]).serve() as service:
        async with the_stack(service.url) as inventory:
            with request_context(
                correlation_id=asked.correlation_id, traceparent=asked.traceparent
            ):
                page = await inventory.get_stock_levels(asked.ids)

    assert [100, 3] == [
        answer.level.available_quantity
        for answer in page.values()
        if isinstance(answer, StockReading)
    ]


async def test_a_variant_without_credentials() -> None:
    """A refused read is a page without stock, not an error."""
    description = "getStockLevel without valid credentials"
    asked = asked_for(description)

    with new_pact(HTTP[description]).serve() as service:
        async with the_stack(service.url) as inventory:
            with request_context(
                correlation_id=asked.correlation_id, traceparent=asked.traceparent
            ):
                answer = await inventory.get_stock_level(asked.ids[0])

    assert isinstance(answer, Unavailable)
    assert UnavailableReason.UNAUTHORIZED is answer.reason


@pytest.mark.parametrize(
    ("description", "refused"),
    [
        ("initializeInventory of a variant without a record", False),
        ("initializeInventory without permission", True),
    ],
)
async def test_an_initialization(description: str, refused: bool) -> None:
    """A new variant's record is asked for as agreed; a refusal is raised."""
    asked = asked_for(description)
    assert asked.stock is not None
    outcome: object
    with new_pact(HTTP[description]).serve() as service:
        async with the_stack(service.url) as inventory:
            with request_context(
                correlation_id=asked.correlation_id, traceparent=asked.traceparent
            ):
                try:
                    outcome = await inventory.request_inventory_initialization(
                        asked.stock.variant_id,
                        initial_quantity=asked.stock.initial_quantity,
                        low_stock_threshold=asked.stock.low_stock_threshold,
                        idempotency_key=asked.stock.idempotency_key,
                    )
                except Unauthorized as error:
                    outcome = error

    assert refused == isinstance(outcome, Unauthorized)
    assert refused != isinstance(outcome, Created)
