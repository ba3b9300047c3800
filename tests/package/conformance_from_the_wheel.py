"""Run away from the checkout: the conformance suites of the wheel, as an author runs them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from shelfport import (
    InMemoryInventory,
    InventoryPort,
    ProductVariantId,
    StockReading,
    SystemClock,
)
from shelfport.contracts.conformance import (
    Capabilities,
    Harness,
    InitializationQueueConformance,
    InventoryPortConformance,
    QueueHarness,
)
from shelfport.outbox import InitializationQueue, InMemoryQueue
from shelfport.ports import DEFAULT_CALL


class MemoryHarness(Harness):
    """What the suite needs to know of the memory adapter."""

    def __init__(self) -> None:
        self.memory = InMemoryInventory(clock=SystemClock())

    def adapter(self) -> AbstractAsyncContextManager[InventoryPort]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[InventoryPort]:
            yield self.memory

        return opened()

    async def set_stock(
        self, variant: ProductVariantId, quantity: int, *, low_stock_threshold: int = 10
    ) -> None:
        self.memory.set_stock(variant, quantity, low_stock_threshold=low_stock_threshold)

    async def remove(self, variant: ProductVariantId) -> None:
        self.memory.remove(variant)

    async def stored(self, variant: ProductVariantId) -> int | None:
        answer = (await self.memory.read([variant], DEFAULT_CALL))[variant]
        return answer.level.available_quantity if isinstance(answer, StockReading) else None

    async def records(self) -> int:
        return int(repr(self.memory).split("(")[1].split()[0])


class TestMemory(InventoryPortConformance):
    """The cases that its capabilities call for."""

    capabilities = Capabilities()

    @pytest.fixture
    def harness(self) -> Harness:
        """A new adapter for each case."""
        return MemoryHarness()


class OwnQueue(InMemoryQueue):
    """A host's own queue."""


class OwnQueueHarness(QueueHarness):
    """What the suite needs to know of that queue: how to make clients of it."""

    def __init__(self) -> None:
        self.own = OwnQueue()

    def queue(self) -> InitializationQueue:
        return self.own


class TestOwnQueue(InitializationQueueConformance):
    """Every case of a queue."""

    @pytest.fixture
    def harness(self) -> QueueHarness:
        """A new queue for each case."""
        return OwnQueueHarness()
