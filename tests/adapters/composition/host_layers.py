"""A layer of a host that records what it sees, and stock in memory for it."""

from collections.abc import Mapping, Sequence

import attrs

from shelfport import (
    InMemoryInventory,
    InventoryIntegration,
    InventoryPort,
    ProductVariantId,
    StockReading,
    SystemClock,
)
from shelfport.layers import Layer
from shelfport.ports import Answer, Call, Initialized, InitialStock
from tests.support.values import an_id

A = an_id(1)
Seen = list[str]


@attrs.frozen
class Recorder:
    """A layer of the host, which records the calls that it sees."""

    inner: InventoryPort
    name: str = "own"
    seen: Seen = attrs.field(factory=list)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        self.seen.append(f"{self.name} reads {len(ids)}")
        return await self.inner.read(ids, call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        self.seen.append(f"{self.name} initializes")
        return await self.inner.initialize(request, call)


def recording(name: str, seen: Seen) -> Layer:
    """Make a function that puts a `Recorder` around a port."""
    return lambda port: Recorder(port, name, seen)


def in_memory() -> InMemoryInventory:
    memory = InMemoryInventory(clock=SystemClock())
    memory.set_stock(A, 3)
    return memory


async def quantity(inventory: InventoryIntegration) -> int | None:
    """The stock of `A`; the integration also makes its snapshot."""
    assert inventory.snapshot().cache is not None
    reading = await inventory.get_stock_level(A)
    return reading.level.available_quantity if isinstance(reading, StockReading) else None
