"""`InMemoryInventory`: an Inventory Service of one's own, inside the process."""

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
    """An `InventoryPort` that keeps its records in a dict, by the Inventory Service's own rules.

    It answers as the real service would, to the same rule of idempotency keys: nothing to mock.
    Fill it with `set_stock`, break it with `fail_with`.

    Args:
        clock: dates the readings and the changes.
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
        """Put a variant's stock at `quantity` units, opening its record if there is none.

        The threshold of a record that is there stays as it is.
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
        """Forget a variant's record; one that is not there is no error."""
        self._records.pop(variant, None)

    def fail_with(self, error: InventoryError | None) -> None:
        """Fail every call as `error` says, until told None; a call that fails changes nothing.

        What is raised is a new error of its class, which knows the call that it befell.
        """
        self._failure = error

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        self._admit(Operation.READ, ids, call)
        as_of = self._clock.now()
        return {variant: self._answer(variant, as_of) for variant in dict.fromkeys(ids)}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        self._admit(Operation.INITIALIZE, (request.variant_id,), call)
        known = self._operations.get(request.idempotency_key)
        if known is not None:
            first, created = known
            if first != request:
                raise Conflict(
                    f"the idempotency key {request.idempotency_key} belongs to another request",
                    operation=Operation.INITIALIZE,
                    ids=(request.variant_id,),
                    correlation_id=call.correlation_id,
                    attempts=call.attempt,
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

    def _admit(self, operation: Operation, ids: Sequence[ProductVariantId], call: Call) -> None:
        if call.deadline is not None and call.deadline <= self._clock.monotonic():
            raise DeadlineExceeded(
                "the deadline passed before the Inventory Service could be asked",
                operation=operation,
                ids=ids,
                correlation_id=call.correlation_id,
                attempts=call.attempt,
                reached_service=ReachedService.NO,
            )
        if self._failure is not None:
            raise self._failure.about(
                operation, ids, correlation_id=call.correlation_id, attempts=call.attempt
            )

    def _answer(self, variant: ProductVariantId, as_of: datetime) -> Answer:
        record = self._records.get(variant)
        if record is None:
            return UnknownVariant(variant)
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
