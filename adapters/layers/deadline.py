"""`DeadlineLayer`: gives every call a deadline and a correlation id, and enforces the deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    DeadlineExceeded,
    Initialized,
    InitialStock,
    Operation,
    ProductVariantId,
    ReachedService,
    RequestContext,
)
from shelfport.domain.model.call import begun_trace
from shelfport.ports import Clock, InventoryPort

T = TypeVar("T")


@attrs.frozen(eq=False)
class DeadlineLayer:
    """Fills in what a caller left open, and ends the wait when the deadline passes.

    The adapter keeps the deadline too, and knows better whether its request arrived; this layer is
    for all the other waiting: a queue, an in-flight read, a pause between attempts.

    Right: `CacheLayer(DeadlineLayer(…))`: a call answered from memory pays for no timer and no id.
    Wrong: `DeadlineLayer(CacheLayer(…))`: every hit pays, and a deadline cuts off the cache's own
    fallback.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    new_correlation_id: Callable[[], str] = attrs.field(repr=False)
    default: float
    """Seconds that a call without a deadline may take."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        call, seconds = self._completed(call)
        context = RequestContext(Operation.READ, ids, call)
        return await self._in_time(seconds, lambda: self.inner.read(ids, call), context)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        call, seconds = self._completed(call)
        context = RequestContext(Operation.INITIALIZE, (request.variant_id,), call)
        return await self._in_time(seconds, lambda: self.inner.initialize(request, call), context)

    def _completed(self, call: Call) -> tuple[Call, float]:
        """The call with all its terms, and the seconds left until its deadline."""
        now = self.clock.monotonic()
        deadline, correlation_id = call.deadline, call.correlation_id
        if deadline is None:
            deadline = now + self.default
        if correlation_id is None:
            correlation_id = self.new_correlation_id()
        call = attrs.evolve(
            call,
            deadline=deadline,
            correlation_id=correlation_id,
            traceparent=call.traceparent or begun_trace(correlation_id),
        )
        return call, deadline - now

    @staticmethod
    async def _in_time(
        seconds: float, ask: Callable[[], Awaitable[T]], context: RequestContext
    ) -> T:
        if seconds <= 0:
            raise context.error(
                DeadlineExceeded,
                "the caller's deadline passed before the Inventory Service was asked",
                reached_service=ReachedService.NO,
            )
        timeout = asyncio.timeout(seconds)
        try:
            async with timeout:
                return await ask()
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise context.error(
                DeadlineExceeded,
                "the caller's deadline passed while waiting for the Inventory Service",
            ) from error
