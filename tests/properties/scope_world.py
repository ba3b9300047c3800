"""A model of an Inventory Service and of a shop in front of it, in virtual time.

The model knows the history of each variant, and nothing of the library: what a page shows is judged
by the history alone.
"""

import asyncio
import os
import random
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from math import inf
from typing import Any, TypeVar

import attrs
import looptime
from dependency_injector import providers

from shelfport import (
    Container,
    Freshness,
    InventoryIntegration,
    ProductVariantId,
    Settings,
    StockLevel,
    StockReading,
    StockStatus,
)
from shelfport.domain.model import Operation, RequestContext
from shelfport.errors import DeadlineExceeded, TimedOut
from shelfport.ports import Answer, Call, Initialized, InitialStock
from shelfport.signals import BreakerChanged, BreakerState, Signal
from tests.support.clocks import EPOCH, LoopClock
from tests.support.ports import Answers, Ids
from tests.support.values import ids

T = TypeVar("T")

LONG = bool(os.environ.get("SHELFPORT_LONG")) or os.environ.get("HYPOTHESIS_PROFILE") == "long"
CATALOGUE = ids(300)
QUICKEST, SLOWEST = 0.005, 0.06
"""Seconds that the healthy service takes for an answer."""
TICK = 1e-4
"""Instants are in microseconds."""
CACHE = Settings().cache

Trouble = Callable[[RequestContext], Awaitable[Mapping[ProductVariantId, Answer] | None]]
"""What happens to a request: it raises, takes its time, or returns other answers for some ids."""


@attrs.define
class History:
    """The quantities of one variant, each with the moment from which on it was true."""

    moments: list[float] = attrs.field(factory=lambda: [-inf])
    quantities: list[int] = attrs.field(factory=lambda: [0])

    def change(self, moment: float, quantity: int) -> None:
        """From `moment` on it is `quantity`."""
        self.moments.append(moment)
        self.quantities.append(quantity)

    def at(self, moment: float) -> tuple[float, int]:
        """Since when, and which quantity was true at `moment`."""
        place = bisect_right(self.moments, moment) - 1
        return self.moments[place], self.quantities[place]

    def between(self, first: float, last: float) -> list[int]:
        """What was true at some moment from `first` to `last`."""
        return self.quantities[
            bisect_right(self.moments, first) - 1 : bisect_left(self.moments, last)
        ]


@attrs.define
class Service:
    """A healthy service that answers in 5 to 60 ms, and the trouble that a test makes."""

    chance: random.Random
    trouble: Trouble | None = None
    requests: int = 0
    history: dict[ProductVariantId, History] = attrs.field(
        factory=lambda: {variant: History() for variant in CATALOGUE}
    )
    attempt_timeout: float = attrs.field(factory=lambda: Settings().http.attempt_timeout)

    async def read(self, ids: Ids, call: Call) -> Answers:
        """As an adapter's: it gives up at the deadline, and when an attempt takes too long."""
        self.requests += 1
        context = RequestContext(Operation.READ, ids, call)
        left = inf if call.deadline is None else call.deadline - LoopClock().monotonic()
        try:
            async with asyncio.timeout(min(left, self.attempt_timeout)):
                return await self._answers(context)
        except TimeoutError as error:
            kind = DeadlineExceeded if left < self.attempt_timeout else TimedOut
            raise context.error(kind, "no answer in time") from error

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """No test opens records."""
        raise NotImplementedError

    async def sell(self) -> None:
        """Stock changes now and then."""
        while True:
            await asyncio.sleep(self.chance.expovariate(2))
            history = self.history[self.chance.choice(CATALOGUE)]
            history.change(LoopClock().monotonic(), self.chance.randrange(1, 10**6))

    async def _answers(self, context: RequestContext) -> Answers:
        clock = LoopClock()
        sent, took = clock.now(), self.chance.uniform(QUICKEST, SLOWEST)
        before = took * self.chance.random()
        await asyncio.sleep(before)
        levels = {variant: self._level(variant, clock.monotonic()) for variant in context.ids}
        await asyncio.sleep(took - before)
        others = {} if self.trouble is None else await self.trouble(context) or {}
        return {
            variant: others.get(variant) or StockReading(level, sent, "model")
            for variant, level in levels.items()
        }

    def _level(self, variant: ProductVariantId, moment: float) -> StockLevel:
        since, quantity = self.history[variant].at(moment)
        status = StockStatus.IN_STOCK if quantity else StockStatus.OUT_OF_STOCK
        return StockLevel(variant, quantity, status, EPOCH + timedelta(seconds=max(since, 0.0)))

    def judge(self, reading: StockReading, began: float) -> None:
        """A reading that a page shows was true, and is no older than it promises.

        Args:
            reading: what the page shows now.
            began: when the visitor asked for it.
        """
        as_of = (reading.as_of - EPOCH).total_seconds()
        promised = CACHE.discard_age if reading.freshness is Freshness.STALE else CACHE.ttl
        assert began - as_of <= promised + TICK
        true = self.history[reading.level.variant_id].between(as_of, LoopClock().monotonic())
        assert reading.level.available_quantity in true


@attrs.define
class Circuit:
    """Hears when the circuit changes its state."""

    changes: list[tuple[float, BreakerState]] = attrs.field(factory=list)

    def __call__(self, signal: Signal, /) -> None:
        if isinstance(signal, BreakerChanged):
            self.changes.append((LoopClock().monotonic(), signal.after))

    def when(self, state: BreakerState, since: float = 0.0) -> list[float]:
        """The moments since `since` at which it changed to `state`."""
        return [moment for moment, after in self.changes if after is state and moment >= since]


@asynccontextmanager
async def shop(
    service: Service, circuit: Circuit
) -> AsyncIterator[InventoryIntegration[ProductVariantId]]:
    """A host's whole integration with `service`, while its stock changes."""
    container = Container(
        settings=providers.Object(Settings()),
        adapter=providers.Object(service),
        clock=providers.Object(LoopClock()),
        listener=providers.Object(circuit),
    )
    async with container.integration() as inventory:
        sells = asyncio.create_task(service.sell())
        try:
            yield inventory
        finally:
            sells.cancel()


async def stall(seconds: float) -> None:
    """The loop stands still: time goes on, and no callback runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, looptime.LoopTimeEventLoop)
    loop.setup_looptime(start=loop.time() + seconds, noop_cycles=0)


def in_virtual_time(seed: int, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of `work()` in a loop whose time is virtual; `seed` decides all jitter."""
    state = random.getstate()
    random.seed(seed)  # the container draws from the module's generator
    with asyncio.Runner(
        loop_factory=lambda: looptime.new_event_loop(start=0, noop_cycles=0)
    ) as runner:
        try:
            return runner.run(work())
        finally:
            random.setstate(state)
            asyncio.set_event_loop(None)
