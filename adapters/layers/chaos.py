"""`ChaosLayer`: injects faults, for a host's own tests."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    ConnectionFailed,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    RequestContext,
    TimedOut,
)
from shelfport.domain.model.validators import number
from shelfport.ports import InventoryPort

T = TypeVar("T")


@attrs.define(eq=False)
class ChaosLayer:
    """Delays calls, fails them, lets them hang, or forwards them and loses the answer.

    The fields are switches that a test sets at any time; at first none is on. Random numbers come
    from `uniform`, so a seeded `random.Random(7).uniform` makes a run repeatable.

    Right: `build(settings, adapter=ChaosLayer(InMemoryInventory(…), random.Random(7).uniform))`:
    all layers handle the faults as in production.
    Wrong: `ChaosLayer(CacheLayer(…))`: the cache cannot help, so the test shows nothing about
    production.
    """

    inner: InventoryPort
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    """Draws a number between two others: `random.uniform`, or a seeded one."""
    latency: float = attrs.field(default=0.0, validator=number(0, unit="seconds"))
    """Seconds before a call is forwarded."""
    error_rate: float = attrs.field(default=0.0, validator=number(0, 1, unit="of all calls"))
    """The share of calls that fail before they are forwarded."""
    error: InventoryError = attrs.field(
        factory=lambda: ConnectionFailed("chaos: the connection failed")
    )
    """The failure of such a call: each raises a new error of this class, about its own request."""
    hang: bool = False
    """Whether calls hang until the caller's deadline cancels them."""
    lose_answers: bool = False
    """Whether calls take effect and then time out, so that the caller cannot know that they did."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        context = RequestContext(Operation.READ, ids, call)
        return await self._inject(lambda: self.inner.read(ids, call), context)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        context = RequestContext(Operation.INITIALIZE, (request.variant_id,), call)
        return await self._inject(lambda: self.inner.initialize(request, call), context)

    async def _inject(self, forward: Callable[[], Awaitable[T]], context: RequestContext) -> T:
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.hang:
            await asyncio.Event().wait()
        if self.error_rate and self.uniform(0.0, 1.0) < self.error_rate:
            raise context.repeated(self.error)
        result = await forward()
        if self.lose_answers:
            raise context.error(TimedOut, "chaos: the answer was lost")
        return result
