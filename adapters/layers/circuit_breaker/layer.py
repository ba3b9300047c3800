"""`CircuitBreakerLayer`: refuses calls while the service fails."""

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
    RequestContext,
    TransientError,
)
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import CallRejected

T = TypeVar("T")


@attrs.frozen(eq=False)
class CircuitBreakerLayer:
    """Asks the breaker for a permit before each call, and reports the outcome of the call.

    A failure is a fault of the service: no answer, 5xx, 429, an answer against the contract, a
    certificate that cannot be trusted. A refusal of one request (4xx) is no sign of the service's
    health, and neither is a call that its caller or its deadline ended before it was slow.

    Right: `ConcurrencyLimitLayer(CircuitBreakerLayer(RecordingLayer(http)))`: it measures the time
    on the wire of each request.
    Wrong: `CircuitBreakerLayer(ConcurrencyLimitLayer(…))`: it measures the time in this process's
    queue, too.
    Wrong: `CircuitBreakerLayer(BatchingLayer(…))`: it counts 5 requests as 1.
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
        return await self._reported(permit, self.inner.read(ids, call))

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        permit = self._permit(Operation.INITIALIZE, (request.variant_id,), call)
        return await self._reported(permit, self.inner.initialize(request, call))

    def _permit(self, operation: Operation, ids: Sequence[ProductVariantId], call: Call) -> Permit:
        permit = self.breaker.acquire(self.clock.monotonic())
        if permit is not None:
            return permit
        error = RequestContext(operation, ids, call).error(
            CircuitOpen,
            "no request was sent: the circuit breaker is open, as the Inventory Service failed a "
            "moment ago",
        )
        self.listener(CallRejected(operation, error, call.correlation_id))
        raise error

    async def _reported(self, permit: Permit, answer: Awaitable[T]) -> T:
        outcome = CallOutcome.IGNORED
        try:
            result = await answer
            outcome = CallOutcome.SUCCESS
        except InventoryError as error:
            outcome = _outcome_of(error)
            raise
        finally:
            # In every case, also after a cancellation or a bug: a probe's lease must not be lost.
            self.breaker.release(permit, outcome, self.clock.monotonic())
        return result


def _outcome_of(error: InventoryError) -> CallOutcome:
    match error:
        case OperationInProgress():
            return CallOutcome.SUCCESS  # the service answers
        case TransientError() | ContractViolation() | InsecureConnection():
            return CallOutcome.FAILURE
        case _:
            return CallOutcome.IGNORED
