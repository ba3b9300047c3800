"""What shelfport sends to the Inventory Service and what it reads of its answers.

The members come from the wire Structs, so that the contract asks for what the code reads and no
more. Only problems need a word of their own: their Struct tolerates whatever a proxy sends.
"""

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from shelfport.adapters.http import wire
from shelfport.contracts.pact.matchers import Members

CONSUMER = "shelfport"
PROVIDER = "inventory-service"
TOKEN = "shelfport-contract"  # noqa: S105 - an example, which a verification may replace
"""The bearer token of every request."""


def members_of(struct: type[msgspec.Struct]) -> Members:
    """The members of a wire Struct, by their names on the wire."""
    return dict.fromkeys(struct.__struct_encode_fields__)


@attrs.frozen
class ConsumerOperation:
    """What the consumer sends with an operation, and what it reads of a success."""

    reads: Members
    parameters: tuple[str, ...]
    """Path and query parameters and headers, by name."""
    sends: "Members | None" = None
    """The members of the request's body."""


_TRACED = (wire.CORRELATION_ID, wire.TRACEPARENT)

OPERATIONS: Mapping[str, ConsumerOperation] = {
    "getStockLevels": ConsumerOperation(
        members_of(wire.InventoryStockLevelBody), ("productVariantIds", *_TRACED)
    ),
    "getStockLevel": ConsumerOperation(
        members_of(wire.InventoryStockLevelBody), ("productVariantId", *_TRACED)
    ),
    "initializeInventory": ConsumerOperation(
        members_of(wire.InventoryItemBody),
        (wire.IDEMPOTENCY_KEY, *_TRACED),
        members_of(wire.InitializeInventoryRequestBody),
    ),
}
"""Every operation that the consumer uses, by its `operationId`."""

_PROBLEM: Members = {"type": None, "detail": None}
"""`type` decides and `detail` is quoted; the title stands in only where a proxy leaves that out."""


def reads_of_problem(slug: str) -> Members:
    """What the consumer reads of a problem document."""
    if slug == "record-exists":
        return {**_PROBLEM, "current": members_of(wire.InventoryStockLevelBody)}
    return _PROBLEM


READ_HEADERS: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("too-many-requests", "unavailable", "in-progress"), ("Retry-After",)
)
"""The headers that the consumer reads, by problem type; of other answers it reads none. The yaml
lets an answer be without some of them, and its prose promises them for these types."""


def example_of(expectation: Any) -> Any:
    """The example in an expectation, without its matchers."""
    match expectation:
        case {"pact:matcher:type": _, "value": value}:
            return example_of(value)
        case dict():
            return {name: example_of(value) for name, value in expectation.items()}
        case list():
            return [example_of(value) for value in expectation]
        case _:
            return expectation
