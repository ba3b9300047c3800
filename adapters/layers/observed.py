"""`Observed`: one record for every attempt, with its correlation id (R23)."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    Unreadable,
)
from shelfport.ports import Clock, InventoryPort

logger = logging.getLogger("shelfport.calls")
"""Where the records go. Configuring it is the host's."""


@attrs.frozen(eq=False)
class Observed:
    """Logs each call that passes: what was asked, how long it took, what came of it.

    An answer is INFO; a failure that may pass by itself, an answer with unreadable parts, and an
    attempt that its caller left are WARNING; a failure that needs a person is ERROR. The fields
    stand in the record's `extra`.

    Right: `Retried(Guarded(Observed(http)))`: a record an attempt, none for a call not made.
    Wrong: `Observed(Retried(http))`: three attempts make one record, with the time of all.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        started = self.clock.monotonic()
        try:
            answers = await self.inner.read(ids, call)
        except (InventoryError, asyncio.CancelledError) as error:
            self._failed(Operation.READ, ids, call, started, error)
            raise
        unreadable = [a.error for a in answers.values() if type(a) is Unreadable]
        if unreadable:
            self._partly_failed(ids, call, started, unreadable)
        elif logger.isEnabledFor(logging.INFO):
            self._answered(Operation.READ, ids, call, started)
        return answers

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        ids = (request.variant_id,)
        started = self.clock.monotonic()
        try:
            outcome = await self.inner.initialize(request, call)
        except (InventoryError, asyncio.CancelledError) as error:
            self._failed(Operation.INITIALIZE, ids, call, started, error)
            raise
        if logger.isEnabledFor(logging.INFO):
            self._answered(Operation.INITIALIZE, ids, call, started)
        return outcome

    def _answered(
        self, operation: Operation, ids: Sequence[ProductVariantId], call: Call, started: float
    ) -> None:
        took = self.clock.monotonic() - started
        logger.info(
            "inventory %s of %d answered in %.1f ms (attempt %d, correlation id %s)",
            operation.value,
            len(ids),
            took * 1000,
            call.attempt,
            call.correlation_id,
            extra=_fields(operation, ids, call, took, outcome="answered"),
        )

    def _partly_failed(
        self,
        ids: Sequence[ProductVariantId],
        call: Call,
        started: float,
        errors: Sequence[InventoryError],
    ) -> None:
        took = self.clock.monotonic() - started
        logger.warning(
            "inventory read of %d answered all but %d in %.1f ms (attempt %d, correlation id %s): "
            "%s",
            len(ids),
            len(errors),
            took * 1000,
            call.attempt,
            call.correlation_id,
            errors[0],
            extra=_fields(Operation.READ, ids, call, took, outcome="partial", error=errors[0]),
        )

    def _failed(
        self,
        operation: Operation,
        ids: Sequence[ProductVariantId],
        call: Call,
        started: float,
        error: InventoryError | asyncio.CancelledError,
    ) -> None:
        took = self.clock.monotonic() - started
        permanent = isinstance(error, InventoryError) and not error.retryable
        logger.log(
            logging.ERROR if permanent else logging.WARNING,
            "inventory %s of %d failed after %.1f ms (attempt %d, correlation id %s): %s",
            operation.value,
            len(ids),
            took * 1000,
            call.attempt,
            call.correlation_id,
            error if isinstance(error, InventoryError) else "the caller left before the answer",
            extra=_fields(operation, ids, call, took, outcome="failed", error=error),
        )


def _fields(
    operation: Operation,
    ids: Sequence[ProductVariantId],
    call: Call,
    took: float,
    *,
    outcome: str,
    error: InventoryError | asyncio.CancelledError | None = None,
) -> dict[str, object]:
    return {
        "event": "inventory.call",
        "operation": operation.value,
        "variants": len(ids),
        "attempt": call.attempt,
        "correlation_id": call.correlation_id,
        "waiters": call.waiters,
        "duration": took,
        "outcome": outcome,
        "error": type(error).__name__ if error is not None else None,
        "status": error.status if isinstance(error, InventoryError) else None,
    }
