"""The port to the Inventory Service: what every adapter and every layer implements."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from shelfport.domain.model import Answer, Call, Initialized, InitialStock, ProductVariantId


@runtime_checkable
class InventoryPort(Protocol):
    """Reads stock and opens inventory records.

    Obligations of every implementation, adapter or layer:

    - It is used from one event loop at a time, by many tasks at once.
    - Cancelling one caller raises in that caller and disturbs no other.
    - For a failure of the network or the service it raises `InventoryError` only (or cancellation).
      `ValueError` is for a caller that breaks its obligations.
    - It neither keeps nor changes its arguments; its results belong to the caller.
    - An implementation with resources is an async context manager as well. It is entered before
      the first call, and left after the last; then it can be entered again, in another event loop.
      Constructing it does no I/O.

    `runtime_checkable` is for hosts whose injection checks types; it checks method names only.
    """

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """Read the stock of `ids`.

        Must return exactly one entry for each distinct id, in the order of first occurrence. Empty
        `ids` must return an empty mapping without a request. An id without a record must be
        `UnknownVariant`. A `StockReading` must have the level of its key, and as `as_of` the
        instant at which the request was sent.

        Must honour `call.deadline`, and must not return a reading from memory that is older than
        `call.max_staleness`.

        Raises:
            InventoryError: no id was answered. If at least one was, every failure must be an
                `Unreadable` value instead.
        """
        ...

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Open the inventory record of `request`.

        Must return `Created` if this operation opened the record, also if this is a repetition with
        the same `idempotency_key`; `AlreadyThere` if the variant had a record before, which must
        not change. Must send `request.idempotency_key` unchanged. An adapter that can only read
        must raise a `PermanentError`.

        Raises:
            Conflict: the key was used for another request.
            InventoryError: the record was not opened, or the outcome is unknown; `reached_service`
                must be NO only if the request certainly did not arrive.
        """
        ...
