"""`ConcurrencyLimitLayer`: so many requests of this process at once, and no more."""

import asyncio
from collections.abc import Mapping, Sequence

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    Initialized,
    InitialStock,
    Operation,
    OverloadedHere,
    ProductVariantId,
)
from shelfport.domain.model.validators import number
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import CallRejected


@attrs.frozen(kw_only=True)
class LimitOptions:
    """How much this process asks of the service at once."""

    max_concurrency: int = attrs.field(default=16, validator=number(1, 10_000, unit="requests"))
    """Requests under way, at most.

    Why: sixteen requests of 5 ms are 3,000 a second; what hangs takes no more sockets than that."""
    max_queue: int = attrs.field(default=1000, validator=number(0, 1_000_000, unit="calls"))
    """Calls that wait for one of them to end, at most.

    Why: a queue longer than this cannot be served before its deadlines."""


@attrs.define(eq=False)
class ConcurrencyLimitLayer:
    """A bulkhead: calls beyond `max_concurrency` wait in order, until their deadline, or are refused.

    Right: `ConcurrencyLimitLayer(CircuitBreakerLayer(…))`: the breaker measures the service alone.
    Wrong: `CircuitBreakerLayer(ConcurrencyLimitLayer(…))`: time in our own queue counts as the service being slow, and a
    burst of callers opens the breaker of a healthy service.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    options: LimitOptions
    listener: Listener = attrs.field(repr=False)
    waiting: int = attrs.field(init=False, default=0, repr=False)
    """How many calls wait for a slot now."""
    _slots: asyncio.Semaphore = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.options.max_concurrency)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        await self._enter(Operation.READ, ids, call)
        try:
            return await self.inner.read(ids, call)
        finally:
            self._slots.release()

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        await self._enter(Operation.INITIALIZE, (request.variant_id,), call)
        try:
            return await self.inner.initialize(request, call)
        finally:
            self._slots.release()

    async def _enter(
        self, operation: Operation, ids: Sequence[ProductVariantId], call: Call
    ) -> None:
        """Wait for a slot.

        Raises:
            OverloadedHere: too many wait already, or the deadline passed first.
        """
        if not self._slots.locked():
            await self._slots.acquire()  # at once: there is one, and nobody waits
            return
        if self.waiting >= self.options.max_queue:
            raise self._refusal("and as many wait as may", operation, ids, call)
        left = None if call.deadline is None else call.deadline - self.clock.monotonic()
        self.waiting += 1
        try:
            async with asyncio.timeout(left):
                await self._slots.acquire()
        except TimeoutError as error:
            raise self._refusal("and none ended in time", operation, ids, call) from error
        finally:
            self.waiting -= 1

    def _refusal(
        self, why: str, operation: Operation, ids: Sequence[ProductVariantId], call: Call
    ) -> OverloadedHere:
        error = OverloadedHere(
            f"this process has {self.options.max_concurrency} requests to the Inventory Service under "
            f"way, {why}",
            operation=operation,
            ids=ids,
            correlation_id=call.correlation_id,
            attempts=call.attempt,
        )
        self.listener(CallRejected(operation, error, call.correlation_id))
        return error
