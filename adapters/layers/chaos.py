"""`ChaosLayer`: trouble on demand, for a host's own tests (what does my page do when stock is slow?)."""

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
    TimedOut,
)
from shelfport.domain.model.validators import number
from shelfport.ports import InventoryPort

T = TypeVar("T")


@attrs.define(eq=False)
class ChaosLayer:
    """Delays calls, fails them, lets them hang, or lets them happen and loses the answer.

    The fields are switches, to be set at any time; at first none is on. What is drawn by chance
    comes from `uniform`, so a seeded `random.Random(7).uniform` makes a run repeatable.

    Right: `build(settings, adapter=Chaos(InMemoryInventory(…), random.Random(7).uniform))`: all
    layers meet the trouble as they would meet the service's.
    Wrong: `ChaosLayer(CacheLayer(…))`: the cache cannot help, and the test tells nothing of production.
    """

    inner: InventoryPort
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    """Draws a number between two others: `random.uniform`, or a seeded one."""
    latency: float = attrs.field(default=0.0, validator=number(0, unit="seconds"))
    """Seconds before a call is passed on."""
    error_rate: float = attrs.field(default=0.0, validator=number(0, 1, unit="of all calls"))
    """The share of calls that fail, before they are passed on."""
    error: InventoryError = attrs.field(
        factory=lambda: ConnectionFailed("chaos: the connection failed")
    )
    """What such a call fails with: each with a new error of this class, which knows the call."""
    hang: bool = False
    """Whether calls never come back. They end when the caller's deadline cancels them."""
    lose_answers: bool = False
    """Whether calls take effect and then time out: the caller cannot know that they did."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        return await self._trouble(lambda: self.inner.read(ids, call), Operation.READ, ids, call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        about = (request.variant_id,)
        return await self._trouble(
            lambda: self.inner.initialize(request, call), Operation.INITIALIZE, about, call
        )

    async def _trouble(
        self,
        go_on: Callable[[], Awaitable[T]],
        operation: Operation,
        ids: Sequence[ProductVariantId],
        call: Call,
    ) -> T:
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.hang:
            await asyncio.Event().wait()
        if self.error_rate and self.uniform(0.0, 1.0) < self.error_rate:
            raise self.error.about(
                operation, ids, correlation_id=call.correlation_id, attempts=call.attempt
            )
        result = await go_on()
        if self.lose_answers:
            raise TimedOut(
                "chaos: the answer was lost",
                operation=operation,
                ids=ids,
                correlation_id=call.correlation_id,
                attempts=call.attempt,
            )
        return result
