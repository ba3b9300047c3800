"""`AbandonedReadLayer`: a read whose callers have left runs on, so that its outcome counts."""

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import copy_context

import attrs

from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import (
    Answer,
    Call,
    DeadlineExceeded,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    OverloadedHere,
    ProductVariantId,
    RequestContext,
)
from shelfport.ports import Clock, InventoryPort

_Outcome = Mapping[ProductVariantId, Answer] | InventoryError

MOST_RUNNING_ON = 2
"""Reads that run on at once, at most."""
_LONGEST = 2.0
"""Times `attempt_timeout`, after which a read is cancelled that its adapter does not end."""


@attrs.define(eq=False)
class AbandonedReadLayer:
    """Callers who give less time than an attempt may take learn nothing of a service that hangs.

    Their reads are cut off before anyone can say whether the service would have answered. So when
    the deadline of such a read passes, the caller gets its `DeadlineExceeded`, and the read runs on
    until the adapter ends it: `MOST_RUNNING_ON` in this process at a time, the others are
    cancelled. One would be too few: the breaker would hear of five outcomes after seven seconds.

    Right: `AbandonedReadLayer(CircuitBreakerLayer(…))`: the breaker hears the outcome.
    Wrong: `CircuitBreakerLayer(AbandonedReadLayer(…))`: it hears of a deadline, and ignores it.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    background: Background = attrs.field(repr=False)
    attempt_timeout: float
    """Seconds that an attempt may take."""
    _running_on: set[asyncio.Task[_Outcome]] = attrs.field(init=False, factory=set, repr=False)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        left = None if call.deadline is None else call.deadline - self.clock.monotonic()
        if left is None or not 0 < left < self.attempt_timeout:
            return await self.inner.read(ids, call)
        work = self._outcome(tuple(ids), attrs.evolve(call, deadline=None))
        task = self.background.start(work, "inventory attempt", copy_context())
        try:
            await asyncio.wait({task}, timeout=left)
        finally:
            if not task.done():
                self._abandon(task)
        context = RequestContext(Operation.READ, ids, call)
        if not task.done():
            raise context.error(
                DeadlineExceeded, "the deadline passed while waiting for the Inventory Service"
            )
        if task.cancelled():
            raise context.error(OverloadedHere, "this process is shutting down")
        outcome = task.result()
        if isinstance(outcome, InventoryError):
            raise outcome
        return outcome

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Forward the call: a write is never left to itself."""
        return await self.inner.initialize(request, call)

    async def _outcome(self, ids: Sequence[ProductVariantId], call: Call) -> _Outcome:
        timeout = asyncio.timeout(_LONGEST * self.attempt_timeout)
        try:
            async with timeout:
                return await self.inner.read(ids, call)
        except InventoryError as error:
            return error
        except TimeoutError:
            if not timeout.expired():
                raise
            return {}  # the caller left long ago

    def _abandon(self, task: asyncio.Task[_Outcome]) -> None:
        if len(self._running_on) < MOST_RUNNING_ON:
            self._running_on.add(task)
            task.add_done_callback(self._running_on.discard)
        else:
            task.cancel()
