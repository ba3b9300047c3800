"""The bodies of requests and answers, with the names of inventory-service.yaml.

No public signature has one. The sandbox Inventory Service uses the same Structs.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from shelfport.domain.model import MAX_QUANTITY, ProductVariantId, StockStatus

Quantity = Annotated[int, msgspec.Meta(ge=0, le=MAX_QUANTITY)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]

IDEMPOTENCY_KEY = "Idempotency-Key"
"""Identifies one operation in all its attempts (IETF draft idempotency-key-header)."""
CORRELATION_ID = "X-Correlation-ID"
CACHE_CONTROL = "Cache-Control"
TRACEPARENT = "traceparent"
PROBLEM_JSON = "application/problem+json"
PROBLEM_TYPE = "https://inventory.example/problems/"
"""The prefix of every problem type of the contract (RFC 9457 §3.1.1)."""

MAX_IDS = 200
"""How many ids one `GET /inventory` may ask for."""
MAX_TARGET_BYTES = 8_000
"""The longest request target: RFC 9110 §4.1 asks every server to accept that much."""


class InventoryStockLevelBody(msgspec.Struct, frozen=True, gc=False):
    """A variant's stock: an element of `GET /inventory`, the body of `GET /inventory/{id}`."""

    variant_id: ProductVariantId = msgspec.field(name="productVariantId")
    available_quantity: Quantity = msgspec.field(name="availableQuantity")
    status: StockStatus
    updated_at: Instant = msgspec.field(name="updatedAt")
    # Without it, each conversion to a `StockLevel` raises an AttributeError inside msgspec, and
    # decoding takes 1.8 times as long.
    reported_status = None
    """No member of the document: its status is one of the contract's."""


class InitializeInventoryRequestBody(msgspec.Struct, frozen=True):
    """The body of `POST /inventory`, with the contract's defaults."""

    variant_id: ProductVariantId = msgspec.field(name="productVariantId")
    initial_quantity: Quantity = msgspec.field(name="initialQuantity", default=0)
    low_stock_threshold: Quantity = msgspec.field(name="lowStockThreshold", default=10)


class InventoryItemBody(msgspec.Struct, frozen=True):
    """An inventory record: the body of a 201."""

    id: UUID
    variant_id: ProductVariantId = msgspec.field(name="productVariantId")
    quantity: Quantity
    available_quantity: Quantity = msgspec.field(name="availableQuantity")
    status: StockStatus
    updated_at: Instant = msgspec.field(name="updatedAt")


ProblemSlug = Literal[
    "invalid-request",
    "unauthenticated",
    "forbidden",
    "unknown-variant",
    "record-exists",
    "in-progress",
    "key-reused",
    "too-many-requests",
    "internal-error",
    "unavailable",
]
"""Every problem type of the contract, without the prefix."""


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """An RFC 9457 problem document; the client decides by `type`, never by the text."""

    type: str = "about:blank"
    title: str = ""
    status: int | None = None
    detail: str = ""
    current: Any = None
    """With `record-exists`: the `InventoryStockLevelBody` of the existing record."""

    @property
    def is_there(self) -> bool:
        """Whether the answer was a problem document at all: it has a type, or a title and status.

        What stands before the service (a router, a firewall) answers with other JSON, or none.
        """
        return self.type != "about:blank" or (self.title != "" and self.status is not None)

    @property
    def slug(self) -> str:
        """The type without the contract's prefix; another type unchanged."""
        return self.type.removeprefix(PROBLEM_TYPE)
