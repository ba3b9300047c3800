"""`CircuitBreakerLayer`: a service that fails is left alone for a while (R17)."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

import attrs

from shelfport.adapters.layers.circuit_breaker.breaker import CallOutcome, CircuitBreaker, Permit
from shelfport.domain.model import (
    Answer,
    Call,
    CircuitOpen,
    ContractViolation,
    Initialized,
    InitialStock,
    InsecureConnection,
    InventoryError,
    Operation,
    OperationInProgress,
    ProductVariantId,
    TransientError,
)
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import CallRejected

T = TypeVar("T")


@attrs.frozen(eq=False)
class CircuitBreakerLayer:
    """Asks the breaker before each call, and tells it what came of it.

    A failure is what the service did: no answer, 5xx, 429, an answer against the contract, a
    certificate that nobody can trust. A refusal of one request (4xx) says nothing of its health,
    nor does a caller who left, or whose deadline cut the call, before the call was slow.

    Right: `ConcurrencyLimitLayer(CircuitBreakerLayer(RecordingLayer(http)))`: it sees the time on the wire, request by request.
    Wrong: `CircuitBreakerLayer(ConcurrencyLimitLayer(…))`, or `CircuitBreakerLayer(BatchingLayer(…))`: it sees our own queue, or 5 requests as 1.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    breaker: CircuitBreaker
    listener: Listener = attrs.field(repr=False)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        permit = self._permit(Operation.READ, ids, call)
        return await self._told(permit, self.inner.read(ids, call))

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        permit = self._permit(Operation.INITIALIZE, (request.variant_id,), call)
        return await self._told(permit, self.inner.initialize(request, call))

    def _permit(self, operation: Operation, ids: Sequence[ProductVariantId], call: Call) -> Permit:
        permit = self.breaker.acquire(self.clock.monotonic())
        if permit is not None:
            return permit
        error = CircuitOpen(
            "the Inventory Service is not asked: its circuit is open, as it failed a moment ago",
            operation=operation,
            ids=ids,
            correlation_id=call.correlation_id,
            attempts=call.attempt,
        )
        self.listener(CallRejected(operation, error, call.correlation_id))
        raise error

    async def _told(self, permit: Permit, answer: Awaitable[T]) -> T:
        outcome = CallOutcome.IGNORED
        try:
            result = await answer
            outcome = CallOutcome.SUCCESS
        except InventoryError as error:
            outcome = _outcome_of(error)
            raise
        finally:
            # In every case, a cancelled call and a bug included: a probe's lease must not be lost.
            self.breaker.release(permit, outcome, self.clock.monotonic())
        return result


def _outcome_of(error: InventoryError) -> CallOutcome:
    match error:
        case OperationInProgress():
            return CallOutcome.SUCCESS  # it answers, and quickly
        case TransientError() | ContractViolation() | InsecureConnection():
            return CallOutcome.FAILURE
        case _:
            return CallOutcome.IGNORED
