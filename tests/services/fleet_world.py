"""The world of the model of a fleet: clocks, a service with a cache before it, and replicas."""

import asyncio
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import attrs

from shelfport import ProductVariantId, StockLevel, StockReading, StockStatus
from shelfport.adapters.layers import (
    Backplane,
    CacheLayer,
    CoalescingLayer,
    ReadingStore,
    SharedCacheClient,
    SharedCacheLayer,
)
from shelfport.adapters.redis import RedisStore
from shelfport.adapters.runtime.background import Background
from shelfport.errors import ContractViolation, FaultScope, TimedOut
from shelfport.options import CacheOptions, SharedCacheOptions
from shelfport.ports import Answer, Call, UnknownVariant, Unreadable
from tests.services.virtual_redis import VirtualRedis
from tests.support.clocks import EPOCH
from tests.support.listening import Heard, midway
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import ids

VARIANTS = ids(2)
WINDOWS = CacheOptions(
    ttl=5,
    stale_while_revalidate=10,
    stale_if_error=55,
    soft_timeout=0.5,
    negative_ttl=3,
    jitter=0.2,
    max_background_refreshes=2,
    refresh_backoff=1,
)
OPTIONS = SharedCacheOptions(timeout=0.05, lease=0.5, reconnect_interval=0.5)


@attrs.frozen
class Fact:
    """What holds of a variant from a moment on; no quantity: it has no record."""

    since: float
    quantity: int | None


@attrs.frozen
class Told:
    """A level that the service told: as of when, and what it was."""

    as_of: float
    fact: Fact


@attrs.define(eq=False)
class World:
    """True time, and what holds in it. All moments are seconds after `EPOCH`."""

    loop_time: Callable[[], float]
    jumped: float = 0.0
    """True time that the event loop did not see: a host was suspended meanwhile."""
    history: dict[ProductVariantId, list[Fact]] = attrs.field(
        factory=lambda: {variant: [Fact(-1000.0, 0)] for variant in VARIANTS}
    )

    def now(self) -> float:
        """The true time."""
        return self.loop_time() + self.jumped

    def microseconds(self) -> int:
        """The true time, in microseconds since 1970: the clock of the Redis server."""
        return round((EPOCH.timestamp() + self.now()) * 1_000_000)

    def at(self, variant: ProductVariantId, moment: float) -> Fact:
        """What held at `moment`."""
        return next(fact for fact in reversed(self.history[variant]) if fact.since <= moment)

    def between(self, variant: ProductVariantId, begin: float, end: float) -> set[int | None]:
        """Every quantity that held at some moment from `begin` to `end`."""
        facts = {fact.quantity for fact in self.history[variant] if begin < fact.since <= end}
        return facts | {self.at(variant, begin).quantity}


@attrs.define(eq=False)
class HostClock:
    """A host's three scales."""

    world: World
    ahead: float = 0.0
    """By how much the wall clock is ahead of the true time."""
    suspended: float = 0.0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.world.now() + self.ahead)

    def monotonic(self) -> float:
        return self.world.now() - self.suspended

    def boottime(self) -> float:
        return self.world.now()


@attrs.define(eq=False)
class Service:
    """Answers later, with what was true when the request was sent; or with what is not an answer.

    Single reads are always about their variant.
    """

    world: World
    delay: float = 0.0
    failing: bool = False
    kept: float = 0.0
    """For how many seconds a cache on the way keeps answers, at most."""
    obeys: bool = True
    """Whether that cache goes by `Cache-Control: max-age`, which the adapter sends."""
    lag: float = 0.0
    """By how many seconds the service's replica is behind."""
    lacking: str = ""
    """What a read of several gets: `nothing`, or the first one and `others`."""
    told: dict[ProductVariantId, list[Told]] = attrs.field(
        factory=lambda: {variant: [] for variant in VARIANTS}
    )
    lagged: bool = False
    """Whether its replica has ever been behind."""
    aged: bool = False
    """Whether a cache on the way has ever kept answers."""

    def port(self, clock: HostClock) -> ScriptedPort:
        """The adapter of a host with this clock."""

        async def answer(asked: Ids, call: Call) -> Answers:
            return await self._answer(asked, call, clock)

        return ScriptedPort(answer)

    async def _answer(self, asked: Ids, call: Call, clock: HostClock) -> Answers:
        sent, failing, lacking = self.world.now(), self.failing, self.lacking
        began, age = clock.now(), self._age(call)
        facts = {variant: self.world.at(variant, sent - age - self.lag) for variant in asked}
        if self.delay:
            await asyncio.sleep(self.delay)
        if failing:
            raise TimedOut("down")
        if len(facts) > 1 and lacking == "nothing":
            return {variant: UnknownVariant(variant) for variant in facts}
        for variant, fact in facts.items():
            self.told[variant].append(Told(sent - age, fact))
        alone = len(facts) == 1
        answers = {v: _told(v, fact, began, age, alone=alone) for v, fact in facts.items()}
        if len(facts) > 1 and lacking == "others":
            foreign = ContractViolation("about others", ids=asked, scope=FaultScope.ELEMENT)
            answers |= dict.fromkeys(list(facts)[1:], Unreadable(foreign))
        return answers

    def _age(self, call: Call) -> float:
        if not self.obeys:
            return self.kept
        limit = WINDOWS.ttl if call.max_staleness is None else call.max_staleness
        return min(self.kept, float(int(min(limit, WINDOWS.ttl))))


def _told(
    variant: ProductVariantId, fact: Fact, sent: datetime, age: float, *, alone: bool
) -> Answer:
    as_of = sent - timedelta(seconds=age)
    if fact.quantity is None:
        return UnknownVariant(variant, as_of if age else None, age, confirmed=alone)
    updated_at = EPOCH + timedelta(seconds=fact.since)
    level = StockLevel(variant, fact.quantity, StockStatus.IN_STOCK, updated_at)
    return StockReading(level, as_of, "model", upstream_age=age)


@attrs.define(eq=False)
class Replica:
    """One process, with its memory."""

    clock: HostClock
    background: Background
    cached: CacheLayer
    shared: SharedCacheLayer
    fences: dict[ProductVariantId, float]
    """What it shows as current must be from after this: what it learned, or, if that was before
    its start, what the shared cache knew by then."""
    best: dict[ProductVariantId, tuple[float, float]] = attrs.field(factory=dict)
    """When a view ended, and when what it showed was asked for."""


async def started(
    world: World, service: Service, redis: VirtualRedis, fences: dict[ProductVariantId, float]
) -> Replica:
    """A replica that has just been started."""
    clock, background = HostClock(world), Background()
    await background.__aenter__()
    store = RedisStore(redis, redis.prefix, os.urandom(8), lambda: uuid4().hex)
    client = SharedCacheClient(store, OPTIONS, clock, background, Heard())
    shared = SharedCacheLayer(
        service.port(clock), clock, client, WINDOWS, background, midway, lambda: uuid4().hex
    )
    coalesced = CoalescingLayer(shared, clock, background)
    cached = CacheLayer(coalesced, clock, ReadingStore(WINDOWS, midway), background, Heard())
    await client.__aenter__()
    await Backplane(client, cached, clock, midway, background, Heard()).__aenter__()
    return Replica(clock, background, cached, shared, dict(fences))
