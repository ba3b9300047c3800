"""The port to the Inventory Service: what every adapter and every layer implements."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from shelfport.domain.model import Answer, Call, Initialized, InitialStock, ProductVariantId


@runtime_checkable
class InventoryPort(Protocol):
    """Reads stock and opens inventory records.

    Obligations of every implementation, adapter or layer:

    - It is used from one event loop, by many tasks at once.
    - Cancelling one caller passes through to that caller and disturbs no other.
    - No exception but `InventoryError` (and cancellation) leaves it for anything that the
      network or the service does. `ValueError` is for a caller that breaks its side.
    - It keeps and changes nothing that it is given; what it returns belongs to the caller.
    - An implementation that holds resources is an async context manager as well. It is entered
      once, before the first call, and left after the last. Constructing it does no I/O.

    `runtime_checkable` is for hosts whose injection checks types; it sees method names only.
    """

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """Read the stock of `ids`.

        Must return exactly one entry for each distinct id, in first-asked order, and nothing
        else. Empty `ids` must return an empty mapping without asking anybody. An id without a
        record must be `UnknownVariant`. A `StockReading` must carry the level of the id that it
        stands under, and as `as_of` the instant at which the request was sent.

        Must honour `call.deadline`, and must not answer from memory with a reading older than
        `call.max_staleness`.

        Raises:
            InventoryError: not one id was answered. If at least one was, every failure must be
                an `Unreadable` value instead.
        """
        ...

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Open the inventory record that `request` asks for.

        Must return `Created` if this operation opened the record, also when this is a repetition
        under the same `idempotency_key`; `AlreadyThere` if the variant had one before, which
        must be left as it is. Must send `request.idempotency_key` unchanged. An adapter that can
        only read must raise a `PermanentError`.

        Raises:
            Conflict: the key was used for a different request.
            InventoryError: the record was not opened, or nobody knows; `reached_service` must
                not be NO unless the request certainly did not arrive.
        """
        ...
