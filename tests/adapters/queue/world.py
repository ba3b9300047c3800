"""A queue, a service and a host's catalog for a worker; all record what was done."""

from collections.abc import Callable
from datetime import datetime

import attrs

from shelfport import (
    AlreadyThere,
    InventoryError,
    InventoryEvent,
    InventoryPort,
    ProductVariantId,
    StockStatus,
)
from shelfport.adapters.layers import CircuitBreakerLayer
from shelfport.adapters.queue.entry_processor import EntryProcessor
from shelfport.adapters.queue.worker import Worker
from shelfport.domain.model import Claim
from shelfport.layers import CircuitBreaker
from shelfport.options import BreakerOptions, QueueOptions
from shelfport.outbox import InMemoryQueue, QueuedInitialization
from shelfport.ports import (
    Call,
    Clock,
    Initialized,
    InitialStock,
    UnknownVariant,
)
from shelfport.signals import InitializationDone, Signal
from tests.support.clocks import ManualClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_level, a_reading, an_initial_stock

Log = list[str]


class Catalog:
    """A host's catalog; `orderable` has the last mark of each variant."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.orderable: dict[ProductVariantId, bool] = {}
        self.failure: Exception | None = None

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        self._set(variant, orderable=False)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        self._set(variant, orderable=True)

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        raise AssertionError("no worker shows a status")

    def _set(self, variant: ProductVariantId, *, orderable: bool) -> None:
        self.log.append("mark_orderable" if orderable else "mark_not_orderable")
        if self.failure is not None:
            raise self.failure
        self.orderable[variant] = orderable


class Service(ScriptedPort):
    """A service that fails as a test sets it, for one variant or all, before or after it wrote."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log
        self.records: set[ProductVariantId] = set()
        self.reading: InventoryError | None = None
        self.writing: Callable[[InitialStock], InventoryError | None] = lambda _: None
        self.writes_first = False
        """Whether it fails only after it wrote."""

    async def read(self, ids: Ids, call: Call) -> Answers:
        self.reads.append((list(ids), call))
        self.log.append("read")
        if self.reading is not None:
            raise self.reading
        return {v: a_reading(v) if v in self.records else UnknownVariant(v) for v in ids}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        self.log.append("initialize")
        error = self.writing(request)
        there = request.variant_id in self.records
        if error is None or self.writes_first:
            self.records.add(request.variant_id)
        self.initializations.append((request, call))
        if error is not None:
            raise error
        if there:
            return AlreadyThere(a_level(request.variant_id))
        return await ScriptedPort().initialize(request, call)


@attrs.frozen
class Cache:
    """A cache that records the writes that it is told of."""

    name: str
    told: list[tuple[str, ProductVariantId]]

    async def apply_event(self, event: InventoryEvent) -> None:
        raise AssertionError("no worker receives events")

    async def apply_write(self, variants: Ids) -> None:
        self.told.extend((self.name, variant) for variant in variants)


@attrs.define
class World:
    """All parts of an attempt; `log` has the calls to the outside, in order."""

    options: QueueOptions = attrs.field(factory=QueueOptions)
    queue: InMemoryQueue = attrs.field(factory=InMemoryQueue)
    clock: Clock = attrs.field(factory=ManualClock)
    log: Log = attrs.field(factory=list)
    signals: list[Signal] = attrs.field(factory=list)
    invalidated: list[tuple[str, ProductVariantId]] = attrs.field(factory=list)
    """Each write that a cache was told of: the cache and the variant, in order."""
    with_catalogue: bool = True
    service: Service = attrs.field(init=False)
    catalog: Catalog = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.service = Service(self.log)
        self.catalog = Catalog(self.log)

    def processor(self, port: InventoryPort | None = None) -> EntryProcessor:
        return EntryProcessor(
            queue=self.queue,
            port=port or self.service,
            catalog=self.catalog if self.with_catalogue else None,
            clock=self.clock,
            options=self.options,
            draw=lambda: 1.0,
            invalidators=(Cache("inner", self.invalidated), Cache("outer", self.invalidated)),
            listener=self.signals.append,
        )

    async def claim(self, holder: str = "w") -> Claim:
        [claim] = await self.queue.claim(
            holder=holder, limit=1, now=self.clock.now(), lease=self.options.lease
        )
        return claim

    async def find(self, entry: QueuedInitialization) -> QueuedInitialization | None:
        return await self.queue.find(entry.request.idempotency_key)


@attrs.define
class Shop(World):
    """A world in the loop's time, with workers."""

    breaker: CircuitBreaker = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        options = BreakerOptions(minimum_calls=3, open_duration=30.0, slow_call_duration=100.0)
        self.breaker = CircuitBreaker(options, self.signals.append)

    def worker(self, name: str = "w", port: InventoryPort | None = None) -> Worker:
        guarded = CircuitBreakerLayer(
            port or self.service, self.clock, self.breaker, self.signals.append
        )
        return Worker(
            self.processor(guarded),
            self.breaker.snapshot,
            name=lambda: name,
            clock=self.clock,
            uniform=lambda _, most: most,
            listener=self.signals.append,
        )

    async def put(self, count: int = 1) -> list[QueuedInitialization]:
        entries = [
            QueuedInitialization(request=an_initial_stock(), queued_at=self.clock.now())
            for _ in range(count)
        ]
        for entry in entries:
            await self.queue.add(entry)
        return entries

    async def waiting(self) -> int:
        return (await self.queue.stats()).waiting

    def done(self) -> int:
        return sum(isinstance(signal, InitializationDone) for signal in self.signals)


def advance(world: World, seconds: float) -> None:
    """Time passes, for a world whose clock stands still otherwise."""
    assert isinstance(world.clock, ManualClock)
    world.clock.advance(seconds)


async def attempted(world: World, entry: QueuedInitialization) -> bool:
    """Queue `entry`, claim it and make one attempt; whether the request was sent."""
    await world.queue.add(entry)
    return await world.processor().process(await world.claim())
