"""What shelfport sends to the Inventory Service, and what it reads from the answers.

The members come from the wire Structs, so that the contract requires exactly what the code reads.
Only problems are listed here: their Struct tolerates the documents of proxies.
"""

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from shelfport.adapters.http import wire
from shelfport.contracts.pact.matchers import Members

CONSUMER = "shelfport"
PROVIDER = "inventory-service"
TOKEN = "shelfport-contract"  # noqa: S105 - an example; a verification may replace it
"""The bearer token of every request."""


def members_of(struct: type[msgspec.Struct]) -> Members:
    """The members of a wire Struct, by their names on the wire."""
    return dict.fromkeys(struct.__struct_encode_fields__)


@attrs.frozen
class ConsumerOperation:
    """What the consumer sends for an operation, and what it reads from a success."""

    reads: Members
    parameters: tuple[str, ...]
    """Path and query parameters and headers, by name."""
    sends: "Members | None" = None
    """The members of the request's body."""


_TRACED = (wire.CORRELATION_ID, wire.TRACEPARENT)

OPERATIONS: Mapping[str, ConsumerOperation] = {
    "getStockLevels": ConsumerOperation(
        members_of(wire.InventoryStockLevelBody),
        ("productVariantIds", wire.CACHE_CONTROL, *_TRACED),
    ),
    "getStockLevel": ConsumerOperation(
        members_of(wire.InventoryStockLevelBody),
        ("productVariantId", wire.CACHE_CONTROL, *_TRACED),
    ),
    "initializeInventory": ConsumerOperation(
        members_of(wire.InventoryItemBody),
        (wire.IDEMPOTENCY_KEY, *_TRACED),
        members_of(wire.InitializeInventoryRequestBody),
    ),
}
"""Every operation that the consumer uses, by its `operationId`."""

_PROBLEM: Members = {"type": None, "detail": None}
"""`type` decides and `detail` is quoted; the title replaces a `detail` that a proxy left out."""


def reads_of_problem(slug: str) -> Members:
    """The members of a problem document that the consumer reads."""
    if slug == "record-exists":
        return {**_PROBLEM, "current": members_of(wire.InventoryStockLevelBody)}
    return _PROBLEM


READ_HEADERS: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("too-many-requests", "unavailable", "in-progress"), ("Retry-After",)
)
"""The headers that the consumer reads, by problem type; it reads none of other answers. In the
yaml some of them are optional, but its text promises them for these types."""


def example_of(expectation: Any) -> Any:
    """The example in an expectation, without the matchers."""
    match expectation:
        case {"pact:matcher:type": _, "value": value}:
            return example_of(value)
        case dict():
            return {name: example_of(value) for name, value in expectation.items()}
        case list():
            return [example_of(value) for value in expectation]
        case _:
            return expectation
