"""What the HTTP adapter makes of each answer of the contract: one line for each interaction."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import attrs

from shelfport import (
    AlreadyThere,
    Created,
    InventoryError,
    InventoryItem,
    StockLevel,
    StockReading,
    StockStatus,
    variant_id,
)
from shelfport.errors import (
    Conflict,
    OperationInProgress,
    ReachedService,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    Unauthorized,
)
from shelfport.ports import UnknownVariant
from tests.contracts.pact.generated import AfterTheExamples, PortCall

FIRST = variant_id("7f1c5f0e-52c1-4f0e-9d4c-3a1b6d3f8a10")
SECOND = variant_id("c9bf9e57-1685-4c89-bafb-ff5af830be8a")
CHANGED = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
NOW = AfterTheExamples().now()


@attrs.frozen(kw_only=True)
class Failure:
    """The attributes of an error that a caller relies on."""

    kind: type[InventoryError]
    status: int
    reached: ReachedService = ReachedService.YES
    retryable: bool = False
    retry_after: float | None = None
    detail: str
    """The service's own words, which the sentence quotes."""

    @classmethod
    def of(cls, error: InventoryError, asked: PortCall, detail: str) -> "Failure":
        """What `error` says; `detail` if its sentence quotes that."""
        assert (tuple(asked.ids), asked.correlation_id) == (error.ids, error.correlation_id)
        return cls(
            kind=type(error),
            status=error.status or 0,
            reached=error.reached_service,
            retryable=error.retryable,
            retry_after=error.retry_after,
            detail=detail if f"({detail})" in str(error) else str(error),
        )


LOW = StockLevel(SECOND, 3, StockStatus.LOW_STOCK, datetime(2026, 3, 14, 9, 20, tzinfo=UTC))
ITEM = InventoryItem(
    id=UUID("2f1d7c1b-9f0a-4f0b-8a55-7b8f4f0f5b11"),
    variant_id=SECOND,
    quantity=100,
    available_quantity=100,
    status=StockStatus.IN_STOCK,
    updated_at=CHANGED,
)


def _reading(level: StockLevel) -> StockReading:
    return StockReading(level, NOW, "http")


_ANSWERS: dict[str, object] = {
    "getStockLevels of two variants with stock": [
        _reading(StockLevel(FIRST, 100, StockStatus.IN_STOCK, CHANGED)),
        _reading(LOW),
    ],
    "getStockLevels of a variant with stock and one without a record": [
        _reading(StockLevel(FIRST, 100, StockStatus.IN_STOCK, CHANGED)),
        UnknownVariant(SECOND),
    ],
    "getStockLevels of variants without a record": [UnknownVariant(FIRST), UnknownVariant(SECOND)],
    "getStockLevel of a variant with stock": [
        _reading(StockLevel(SECOND, 100, StockStatus.IN_STOCK, CHANGED))
    ],
    "getStockLevel of a variant without a record": [UnknownVariant(SECOND)],
    "initializeInventory of a variant without a record": Created(ITEM),
    "initializeInventory repeated under the same key": Created(ITEM),
    "initializeInventory of a variant with a record": AlreadyThere(LOW),
    "initializeInventory while the same key is worked on": Failure(
        kind=OperationInProgress,
        status=409,
        retryable=True,
        retry_after=1,
        detail="Idempotency-Key 0b7a9a4e-6a0f-4b43-8f6f-2f5d3f1f2c77 is being worked on.",
    ),
    "initializeInventory under the key of another request": Failure(
        kind=Conflict,
        status=422,
        detail="Idempotency-Key 0b7a9a4e-6a0f-4b43-8f6f-2f5d3f1f2c77 came with another body.",
    ),
}

_REFUSALS = {
    "naming the nil id": Failure(
        kind=RequestRejected,
        status=400,
        detail="productVariantIds names 201 variants: at most 200 are allowed.",
    ),
    "without valid credentials": Failure(
        kind=Unauthorized, status=401, detail="The request carries no bearer token."
    ),
    "without permission": Failure(
        kind=Unauthorized,
        status=403,
        detail="The token may read stock, but not open inventory records.",
    ),
    "too often": Failure(
        kind=ServiceOverloaded,
        status=429,
        retryable=True,
        retry_after=1,
        detail="More requests came from this client than it may send.",
    ),
    "while the service fails": Failure(
        kind=ServiceFailed,
        status=500,
        reached=ReachedService.UNKNOWN,
        retryable=True,
        detail="The Inventory Service met an error that it did not expect.",
    ),
    "while the service is down": Failure(
        kind=ServiceOverloaded,
        status=503,
        retryable=True,
        retry_after=1,
        detail="The Inventory Service is down for the moment.",
    ),
}

EXPECTED: Mapping[str, object] = _ANSWERS | {
    f"{operation} {circumstance}": failure
    for operation in ("getStockLevel", "getStockLevels", "initializeInventory")
    for circumstance, failure in _REFUSALS.items()
}
"""Every interaction, by description: what a read's ids are answered, what an initialization is, or
how it fails."""
