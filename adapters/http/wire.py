"""The shapes on the wire, under the names that inventory-service.yaml gives them (R3, R5, R6, R14).

They live here and nowhere else: no signature of the library shows one (R24). Pure Structs; the
sandbox Inventory Service uses the same ones from its side.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from shelfport.domain.model import MAX_QUANTITY, ProductVariantId, StockStatus

Quantity = Annotated[int, msgspec.Meta(ge=0, le=MAX_QUANTITY)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]

IDEMPOTENCY_KEY = "Idempotency-Key"
"""Names one logical operation over all its attempts (IETF draft idempotency-key-header)."""
CORRELATION_ID = "X-Correlation-ID"
TRACEPARENT = "traceparent"
PROBLEM_JSON = "application/problem+json"
PROBLEM_TYPE = "https://inventory.example/problems/"
"""The prefix of every problem type of the contract (RFC 9457 §3.1.1)."""

MAX_IDS = 200
"""How many ids one `GET /inventory` may ask for."""
MAX_TARGET_BYTES = 8_000
"""How long its request target may be: what RFC 9110 §4.1 tells every server to accept."""


class InventoryStockLevelBody(msgspec.Struct, frozen=True, gc=False):
    """The stock of one variant: an element of `GET /inventory`, all of `GET /inventory/{id}`."""

    variant_id: ProductVariantId = msgspec.field(name="productVariantId")
    available_quantity: Quantity = msgspec.field(name="availableQuantity")
    status: StockStatus
    updated_at: Instant = msgspec.field(name="updatedAt")


class InitializeInventoryRequestBody(msgspec.Struct, frozen=True):
    """The body of `POST /inventory`; the two numbers have the contract's defaults."""

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
    """An RFC 9457 problem document; the client goes by `type`, never by the prose."""

    type: str = "about:blank"
    title: str = ""
    status: int | None = None
    detail: str = ""
    current: Any = None
    """With `record-exists`: the `InventoryStockLevelBody` of the record that is there."""

    @property
    def slug(self) -> str:
        """The type without the contract's prefix; a foreign type as it is."""
        return self.type.removeprefix(PROBLEM_TYPE)
