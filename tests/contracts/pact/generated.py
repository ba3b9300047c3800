"""The generated contract, and the calls that make shelfport send its requests."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import attrs

from shelfport import InventoryPort, ProductVariantId
from shelfport.contracts import (
    inventory_events_yaml,
    inventory_service_pact,
    inventory_service_yaml,
)
from shelfport.contracts.pact.consumer import example_of
from shelfport.contracts.pact.generate import interactions
from shelfport.contracts.pact.interactions import HttpInteraction
from shelfport.contracts.pact.messages import MessageInteraction
from shelfport.ports import Call, InitialStock

INTERACTIONS = interactions(inventory_service_yaml(), inventory_events_yaml())
HTTP = {each.description: each for each in INTERACTIONS if isinstance(each, HttpInteraction)}
MESSAGES = {each.description: each for each in INTERACTIONS if isinstance(each, MessageInteraction)}
COMMITTED: dict[str, Any] = {
    each["description"]: each for each in json.loads(inventory_service_pact())["interactions"]
}
"""The interactions of the committed pact, by description."""


class AfterTheExamples:
    """A clock at an instant after all those of the contract's examples."""

    def now(self) -> datetime:
        return datetime(2026, 3, 16, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


@attrs.frozen
class PortCall:
    """The arguments of the port's call for a request of the contract."""

    ids: list[ProductVariantId]
    correlation_id: str
    traceparent: str
    stock: InitialStock | None = None


def port_call_of(interaction: HttpInteraction) -> PortCall:
    """The port's call for the example of a request."""
    request = interaction.request
    headers = {name: example_of(value) for name, value in request.headers.items()}
    ids: list[str] = []
    stock = None
    if request.body is not None:
        body = example_of(request.body)
        ids = [body["productVariantId"]]
        # The nil id, which the service refuses, only a bug could send: the domain refuses it too.
        with attrs.validators.disabled():
            stock = InitialStock(
                variant_id=ProductVariantId(body["productVariantId"]),
                initial_quantity=body["initialQuantity"],
                low_stock_threshold=body["lowStockThreshold"],
                idempotency_key=UUID(headers["Idempotency-Key"]),
            )
    elif request.query:
        ids = example_of(request.query["productVariantIds"]).split(",")
    else:
        ids = [example_of(request.path).rpartition("/")[2]]
    return PortCall(
        [ProductVariantId(text) for text in ids],
        headers["X-Correlation-ID"],
        headers["traceparent"],
        stock,
    )


async def ask(port: InventoryPort, asked: PortCall) -> object:
    """Make the call that sends the request; returns the port's answer, a list for a read."""
    call = Call(correlation_id=asked.correlation_id, traceparent=asked.traceparent)
    if asked.stock is not None:
        return await port.initialize(asked.stock, call)
    answers = await port.read(asked.ids, call)
    return [answers[variant] for variant in asked.ids]
