"""`CircuitBreakerLayer`: refuses calls while the service fails."""

from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from http import HTTPStatus
from math import inf
from typing import TypeVar

import attrs

from shelfport.adapters.layers.circuit_breaker.breaker import CallOutcome, CircuitBreaker, Permit
from shelfport.adapters.runtime.loop_stall import StallMeter
from shelfport.domain.model import (
    Answer,
    Call,
    CircuitOpen,
    FaultScope,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    ReachedService,
    RequestContext,
    TimedOut,
)
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import CallRejected

T = TypeVar("T")

_ELSEWHERE = frozenset({FaultScope.PROCESS, FaultScope.CREDENTIALS})
"""The scopes of failures whose duration says nothing of the service."""


@attrs.define(eq=False)
class CircuitBreakerLayer:
    """Asks the breaker for a permit before each call, and reports the outcome of the call.

    A failure is a fault of the service, or of the way to it (`FaultScope.of_service`). What is the
    fault of one element, one request, the caller, this process or the credentials is none. The time
    in which this process stood still is no time of the service: it makes no call slow, and a
    timeout that it explains is none. A 500 to one variant counts once in the breaker's window, and
    is doubtful until `minimum_calls` variants have one: a service that fails fails many, and one
    bad record only one. A 500 to a batch is doubtful as well: `IsolationLayer` finds its reason.

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
    _stalls: StallMeter = attrs.field(init=False, factory=StallMeter, repr=False)
    _failed_variants: OrderedDict[ProductVariantId, float] = attrs.field(
        init=False, factory=OrderedDict, repr=False
    )
    """When a 500 to each variant was counted, in the breaker's window; the oldest first."""

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
        outcome, timed_out, elsewhere = CallOutcome.IGNORED, False, False
        begun = self._stalls.begin()
        try:
            result = await answer
            outcome = CallOutcome.SUCCESS
        except InventoryError as error:
            outcome, timed_out = self._outcome_of(error, permit), isinstance(error, TimedOut)
            elsewhere = error.scope in _ELSEWHERE
            raise
        finally:
            # In every case, also after a cancellation or a bug: a probe's lease must not be lost.
            now, stalled = self.clock.monotonic(), self._stalls.end(begun)
            if timed_out and 0 < now - permit.started <= 2 * stalled:
                outcome = CallOutcome.IGNORED
            self.breaker.release(permit, outcome, now, inf if elsewhere else stalled)
        return result

    def _outcome_of(self, error: InventoryError, permit: Permit) -> CallOutcome:
        if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            if error.scope is FaultScope.REQUEST:
                return CallOutcome.DOUBTFUL
            if len(error.ids) == 1:
                return self._outcome_of_500(error.ids[0], permit)
        if error.scope.of_service:
            return CallOutcome.FAILURE
        if error.scope is FaultScope.ELEMENT:
            return CallOutcome.SUCCESS  # the service answers
        if error.scope is FaultScope.REQUEST and error.reached_service is ReachedService.YES:
            return CallOutcome.SUCCESS
        return CallOutcome.IGNORED

    def _outcome_of_500(self, variant: ProductVariantId, permit: Permit) -> CallOutcome:
        failed, now = self._failed_variants, self.clock.monotonic()
        while failed and next(iter(failed.values())) <= now - self.breaker.options.window:
            failed.popitem(last=False)
        if variant in failed:
            return CallOutcome.IGNORED
        failed[variant] = now
        many = len(failed) >= self.breaker.options.minimum_calls
        return CallOutcome.FAILURE if many or permit.probe else CallOutcome.DOUBTFUL
