"""One run of a fleet for a day, in one way; it returns a `Recording`."""

import asyncio
import gc
import logging
import random
import time
from array import array
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any
from uuid import UUID

import attrs
import msgspec

from benchmarks.fleet.scenario import Day, Fleet, Views, draw_stock, draw_views
from benchmarks.fleet.service import BinnedCount, Service
from benchmarks.fleet.stock import Stock
from benchmarks.fleet.virtual_time import EPOCH, VirtualClock, VirtualLoop, simulate
from benchmarks.fleet.way import Host, Way, make_host
from shelfport.adapters.bus.in_process import BusUnavailable, InProcessBus
from shelfport.domain.model import (
    Availability,
    Call,
    InventoryError,
    ProductVariantId,
    StockReading,
    StockStatus,
    Unavailable,
)
from shelfport.ports.message_bus import Message
from shelfport.ports.signals import Signal
from tests.support.shared_store import ModelStore

STORE_DELAY = 0.0005
"""Seconds for a round trip to the shared cache."""
BUS_DELAY = 0.05
"""Seconds from a change to its event, on average; drawn from an exponential distribution."""
_DRAIN = 10.0
"""Seconds that a host which is being restarted gets for what it has begun."""


@attrs.frozen(kw_only=True)
class Recording:
    """The results of one run, of the sampled share; ages are in seconds."""

    way: str
    asked: list[int]
    """Requests at the service, by bins of `BinnedCount.BIN` seconds."""
    failed: list[int]
    views: list[int]
    unavailable: list[int]
    ages: "dict[str, array[float]]"
    """What viewers saw, by scene: its age when they saw it."""
    waits: "dict[str, array[float]]"
    """How long they waited for it; 0 from memory."""
    wrongly_in_stock: dict[int, tuple[int, int]]
    """By sell-out: views while it lasted, and the views among them that showed "in stock"."""
    signals: dict[str, int]
    kept: int
    """Variants in the memory of the fullest host at the end."""
    seconds: float
    """What the run took, in processor time."""

    @property
    def total(self) -> int:
        """Views, warm-up included."""
        return sum(self.views)


class _Run:
    def __init__(self, fleet: Fleet, day: Day, way: Way, loop: VirtualLoop) -> None:
        self.fleet, self.day, self.way, self.loop = fleet, day, way, loop
        self.clock = VirtualClock(loop)
        self.stock: Stock = draw_stock(fleet, day)
        self.arrivals: Views = draw_views(fleet, day)
        self.draw = random.Random(fleet.seed + 2)
        self.service = Service(
            fleet.capacity,
            day.troubles,
            self.stock,
            clock=self.clock,
            draw=random.Random(fleet.seed + 3),
            until=day.until,
        )
        self.store = ModelStore(self.clock)
        self.store.delay = STORE_DELAY
        self.bus = InProcessBus()
        self.hosts: list[Host] = []
        self.stacks: list[AsyncExitStack] = []
        self.signals: Counter[str] = Counter()
        self.views, self.unavailable = BinnedCount(day.until), BinnedCount(day.until)
        self.ages: dict[str, array[float]] = {}
        self.waits: dict[str, array[float]] = {}
        self.seen = [0] * len(self.stock.sell_outs)
        self.wrong = [0] * len(self.stock.sell_outs)
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        for _ in range(self.fleet.sampled_hosts if self.way.library else 0):
            await self._open(len(self.hosts))
        others = [self._own(self._publish_events())]
        if self.day.deploy_at is not None and self.way.library:
            others.append(self._own(self._deploy(self.day.deploy_at)))
        if self.day.bus_outage is not None:
            others.append(self._own(self._bus_outage(*self.day.bus_outage)))
        done = self.loop.create_future()
        self._at(0, done)
        await done
        for task in others:
            task.cancel()
        while self.tasks:
            await asyncio.wait(self.tasks)
        for stack in self.stacks:
            await stack.aclose()

    def _own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _open(self, number: int) -> None:
        host = make_host(
            self.way,
            self.service,
            clock=self.clock,
            store=self.store,
            bus=self.bus,
            listener=self._heard,
        )
        stack = AsyncExitStack()
        await stack.enter_async_context(host.integration)
        if number == len(self.hosts):
            self.hosts.append(host)
            self.stacks.append(stack)
        else:
            self.hosts[number] = host
            old, self.stacks[number] = self.stacks[number], stack
            await asyncio.sleep(_DRAIN)
            await old.aclose()

    def _heard(self, signal: Signal) -> None:
        self.signals[type(signal).__name__] += 1

    def _at(self, number: int, done: "asyncio.Future[None]") -> None:
        """Schedule the view of this number, which schedules the next one."""
        arrivals = self.arrivals
        if number == len(arrivals.at):
            done.set_result(None)
            return
        self.loop.call_at(arrivals.at[number], self._view, number, done)

    def _view(self, number: int, done: "asyncio.Future[None]") -> None:
        rank = self.arrivals.rank[number]
        variant = self.stock.ids[rank]
        self.views.count(self.loop.time())
        if not self.way.library:
            self._own(self._get(variant, rank))
        else:
            host = self.hosts[self.arrivals.host[number]]
            entry = host.cache.store.get(variant)
            if entry is not None and self.loop.time() < entry.windows.fresh_until:
                # Memory answers without waiting, so no task is needed.
                self._show(_now(host.integration.get_stock_level(variant)), rank, self.loop.time())
            else:
                self._own(self._look(host, variant, rank))
        self._at(number + 1, done)

    async def _look(self, host: Host, variant: ProductVariantId, rank: int) -> None:
        began = self.loop.time()
        self._show(await host.integration.get_stock_level(variant), rank, began)

    async def _get(self, variant: ProductVariantId, rank: int) -> None:
        """What a host without shelfport does."""
        began = self.loop.time()
        shown: Availability
        try:
            answers = await self.service.ask((variant,), Call(), self.way.settings.deadline)
        except InventoryError as error:
            shown = Unavailable(error.reason)
        else:
            answer = answers[variant]
            assert isinstance(answer, StockReading)
            shown = answer
        self._show(shown, rank, began)

    def _show(self, shown: Availability, rank: int, began: float) -> None:
        now = self.loop.time()
        scene = self.day.scene_at(began)
        self.waits.setdefault(scene, array("f")).append(now - began)
        if not isinstance(shown, StockReading):
            self.unavailable.count(began)
            return
        age = now - (shown.as_of - EPOCH).total_seconds()
        self.ages.setdefault(scene, array("f")).append(age)
        if (episode := self.stock.episode(rank, now)) is not None and began >= self.day.warm_until:
            self.seen[episode] += 1
            self.wrong[episode] += shown.level.status is not StockStatus.OUT_OF_STOCK

    async def _publish_events(self) -> None:
        """Publish an event for each change, in order; repeat while the bus is unavailable."""
        changes = [(s.begins, s.rank, "inventory.out-of-stock") for s in self.stock.sell_outs]
        changes += [(s.ends, s.rank, "inventory.back-in-stock") for s in self.stock.sell_outs]
        for number, (at, rank, channel) in enumerate(sorted(changes)):
            delay = self.draw.expovariate(1 / BUS_DELAY)
            await asyncio.sleep(max(at + delay - self.loop.time(), 0.0))
            payload = {
                "eventId": UUID(int=number + 1),
                "timestamp": self.clock.now(),
                "productVariantId": self.stock.ids[rank],
            }
            message = Message(msgspec.json.encode(payload), {}, channel)
            while True:
                with suppress(BusUnavailable):
                    await self.bus.publish(message)
                    break
                await asyncio.sleep(0.5)

    async def _deploy(self, at: float) -> None:
        await asyncio.sleep(at)
        await asyncio.gather(*(self._open(number) for number in range(0, len(self.hosts), 3)))

    async def _bus_outage(self, begins: float, ends: float) -> None:
        await asyncio.sleep(begins)
        self.bus.available = False
        await asyncio.sleep(ends - begins)
        self.bus.available = True


def _now(coroutine: Coroutine[Any, Any, Availability]) -> Availability:
    """The result of a coroutine that does not wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # typed as Any
    raise AssertionError("a view that memory answers waited for something")


def record(fleet: Fleet, day: Day, way: Way) -> Recording:
    """Run the day."""
    began = time.process_time()
    # Log records of failures would cost more than the calls.
    logging.disable(logging.CRITICAL)
    gc.set_threshold(200_000, 20, 20)
    random.seed(fleet.seed + 4)
    loop = VirtualLoop()
    run = _Run(fleet, day, way, loop)
    with way.in_force():
        simulate(run.run(), loop)
    logging.disable(logging.NOTSET)
    took = time.process_time() - began
    return Recording(
        way=way.name,
        asked=run.service.asked.bins,
        failed=run.service.failed.bins,
        views=run.views.bins,
        unavailable=run.unavailable.bins,
        ages=run.ages,
        waits=run.waits,
        wrongly_in_stock={
            number: (seen, wrong)
            for number, (seen, wrong) in enumerate(zip(run.seen, run.wrong, strict=True))
            if seen
        },
        signals=dict(run.signals),
        kept=max((len(host.cache.store) for host in run.hosts), default=0),
        seconds=took,
    )
