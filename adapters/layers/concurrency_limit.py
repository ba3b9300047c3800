"""`ConcurrencyLimitLayer`: limits the requests of this process in flight at once (a bulkhead)."""

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
    RequestContext,
)
from shelfport.domain.model.validators import number
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import CallRejected


@attrs.frozen(kw_only=True)
class LimitOptions:
    """How many requests this process sends at once, and how many calls may wait."""

    max_concurrency: int = attrs.field(default=16, validator=number(1, 10_000, unit="requests"))
    """Requests in flight, at most.

    Why: sixteen requests of 5 ms are 3,000 a second; requests that hang use sixteen sockets at
    most."""
    max_queue: int = attrs.field(default=1000, validator=number(0, 1_000_000, unit="calls"))
    """Calls that wait for a free slot, at most.

    Why: a queue longer than this cannot be served before its deadlines."""


@attrs.define(eq=False)
class ConcurrencyLimitLayer:
    """A bulkhead: calls beyond `max_concurrency` wait in order, until their deadline.

    A call is refused if `max_queue` calls wait already, or if its deadline passes first.

    Right: `ConcurrencyLimitLayer(CircuitBreakerLayer(…))`: the breaker measures the service alone.
    Wrong: `CircuitBreakerLayer(ConcurrencyLimitLayer(…))`: the time in this process's queue counts
    as a slow service, and a burst of callers opens the breaker of a healthy service.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    options: LimitOptions
    listener: Listener = attrs.field(repr=False)
    waiting: int = attrs.field(init=False, default=0, repr=False)
    """How many calls wait for a slot now."""
    _slots: asyncio.Semaphore = attrs.field(init=False, repr=False)
    _loop: asyncio.AbstractEventLoop | None = attrs.field(init=False, default=None, repr=False)
    """The loop of `_slots`: a semaphore belongs to the loop in which a call first waits for it."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        slots = await self._enter(Operation.READ, ids, call)
        try:
            return await self.inner.read(ids, call)
        finally:
            slots.release()

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        slots = await self._enter(Operation.INITIALIZE, (request.variant_id,), call)
        try:
            return await self.inner.initialize(request, call)
        finally:
            slots.release()

    async def _enter(
        self, operation: Operation, ids: Sequence[ProductVariantId], call: Call
    ) -> asyncio.Semaphore:
        """Wait for a slot of the semaphore that is returned.

        Raises:
            OverloadedHere: too many wait already, or the deadline passed first.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the integration was opened again, in another loop
            self._loop, self.waiting = loop, 0
            self._slots = asyncio.Semaphore(self.options.max_concurrency)
        slots = self._slots
        if not slots.locked():
            await slots.acquire()  # without a wait: a slot is free, and no call waits for it
            return slots
        if self.waiting >= self.options.max_queue:
            why = f"and {self.waiting} calls wait, the maximum"
            raise self._refusal(why, operation, ids, call)
        left = None if call.deadline is None else call.deadline - self.clock.monotonic()
        self.waiting += 1
        try:
            async with asyncio.timeout(left):
                await slots.acquire()
        except TimeoutError as error:
            why = "and none ended before the deadline"
            raise self._refusal(why, operation, ids, call) from error
        finally:
            self.waiting -= 1
        return slots

    def _refusal(
        self, why: str, operation: Operation, ids: Sequence[ProductVariantId], call: Call
    ) -> OverloadedHere:
        error = RequestContext(operation, ids, call).error(
            OverloadedHere,
            f"this process has {self.options.max_concurrency} requests to the Inventory Service in "
            f"flight, {why}",
        )
        self.listener(CallRejected(operation, error, call.correlation_id))
        return error
