"""`InMemoryInventory`: an Inventory Service inside the process."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import attrs

from shelfport.domain.model import (
    AlreadyThere,
    Answer,
    Call,
    Conflict,
    Created,
    DeadlineExceeded,
    Initialized,
    InitialStock,
    InventoryError,
    InventoryItem,
    Operation,
    ProductVariantId,
    ReachedService,
    RequestContext,
    StockReading,
    StockStatus,
    UnknownVariant,
)
from shelfport.ports import Clock

SOURCE = "memory"


@attrs.define
class _Record:
    item: InventoryItem
    low_stock_threshold: int


class InMemoryInventory:
    """An `InventoryPort` over records in a dict, with the rules of the Inventory Service.

    It answers as the real service does, idempotency keys included, so that a test needs no mock.
    `set_stock` sets the stock of a variant; `fail_with` makes every call fail.

    Args:
        clock: gives the time of readings and changes.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[ProductVariantId, _Record] = {}
        self._operations: dict[UUID, tuple[InitialStock, Created]] = {}
        self._failure: InventoryError | None = None

    def __repr__(self) -> str:
        return f"InMemoryInventory({len(self._records)} records)"

    def set_stock(
        self, variant: ProductVariantId, quantity: int, *, low_stock_threshold: int = 10
    ) -> None:
        """Set a variant's stock to `quantity` units; open its record if there is none.

        The threshold of an existing record stays as it is.
        """
        record = self._records.get(variant)
        if record is None:
            self._open(variant, quantity, low_stock_threshold)
            return
        record.item = attrs.evolve(
            record.item,
            quantity=quantity,
            available_quantity=quantity,
            status=_status(quantity, record.low_stock_threshold),
            updated_at=self._clock.now(),
        )

    def remove(self, variant: ProductVariantId) -> None:
        """Delete a variant's record, if there is one."""
        self._records.pop(variant, None)

    def fail_with(self, error: InventoryError | None) -> None:
        """Make every call fail as `error`; None ends that. A call that fails changes nothing.

        Each call raises a new error of the same class, about its own request.
        """
        self._failure = error

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        self._may_fail(RequestContext(Operation.READ, ids, call))
        as_of, asked = self._clock.now(), dict.fromkeys(ids)
        return {variant: self._answer(variant, as_of, alone=len(asked) == 1) for variant in asked}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        context = RequestContext(Operation.INITIALIZE, (request.variant_id,), call)
        self._may_fail(context)
        known = self._operations.get(request.idempotency_key)
        if known is not None:
            first, created = known
            if first != request:
                raise context.error(
                    Conflict,
                    f"the idempotency key {request.idempotency_key} belongs to another request",
                )
            return created
        record = self._records.get(request.variant_id)
        if record is not None:
            return AlreadyThere(record.item.level)
        created = Created(
            self._open(request.variant_id, request.initial_quantity, request.low_stock_threshold)
        )
        self._operations[request.idempotency_key] = (request, created)
        return created

    def _may_fail(self, context: RequestContext) -> None:
        deadline = context.call.deadline
        if deadline is not None and deadline <= self._clock.monotonic():
            raise context.error(
                DeadlineExceeded,
                "the deadline passed before the Inventory Service could be asked",
                reached_service=ReachedService.NO,
            )
        if self._failure is not None:
            raise context.repeated(self._failure)

    def _answer(self, variant: ProductVariantId, as_of: datetime, *, alone: bool) -> Answer:
        record = self._records.get(variant)
        if record is None:
            return UnknownVariant(variant, confirmed=alone)
        return StockReading(record.item.level, as_of, SOURCE)

    def _open(self, variant: ProductVariantId, quantity: int, threshold: int) -> InventoryItem:
        item = InventoryItem(
            id=uuid4(),
            variant_id=variant,
            quantity=quantity,
            available_quantity=quantity,
            status=_status(quantity, threshold),
            updated_at=self._clock.now(),
        )
        self._records[variant] = _Record(item, threshold)
        return item


def _status(quantity: int, threshold: int) -> StockStatus:
    if quantity == 0:
        return StockStatus.OUT_OF_STOCK
    if quantity <= threshold:
        return StockStatus.LOW_STOCK
    return StockStatus.IN_STOCK
