"""An hour with a flapping service, in virtual time: pages are served, and are true."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import attrs
import pytest

from shelfport import (
    Freshness,
    InMemoryInventory,
    ProductVariantId,
    Settings,
    StockReading,
    Unavailable,
    UnavailableReason,
)
from shelfport.adapters.composition.stack import compose
from shelfport.adapters.facade.host_ids import CanonicalIds
from shelfport.adapters.layers import CircuitBreaker
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import IdFormat
from shelfport.domain.services import StockLookup
from shelfport.errors import ConnectionFailed, ServiceOverloaded
from shelfport.layers import ChaosLayer
from shelfport.ports import (
    Answer,
    Call,
    Initialized,
    InitialStock,
)
from shelfport.ports.signals import BreakerChanged, BreakerState, Signal
from tests.support.clocks import EPOCH, LoopClock
from tests.support.figures import Report
from tests.support.ports import Ids
from tests.support.values import ids

HOUR, VIEWS = 3600.0, 10_000
DEADLINE = 2.0
TICK = 1e-5
"""Instants are in microseconds."""
PASSING = {
    UnavailableReason.CIRCUIT_OPEN,
    UnavailableReason.OVERLOADED,
    UnavailableReason.TIMED_OUT,
    UnavailableReason.UNREACHABLE,
}


@attrs.define
class Diary:
    """A port between stack and service that records the service's answers and their times."""

    inner: ChaosLayer
    said: set[tuple[ProductVariantId, datetime, int]] = attrs.field(factory=set)
    reads: int = 0

    async def read(self, ids: Ids, call: Call) -> Mapping[ProductVariantId, Answer]:
        self.reads += 1
        answers = await self.inner.read(ids, call)
        for variant, answer in answers.items():
            assert isinstance(answer, StockReading)
            self.said.add((variant, answer.as_of, answer.level.available_quantity))
        return answers

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        return await self.inner.initialize(request, call)


def well(chaos: ChaosLayer) -> None:
    chaos.latency = 0.05


def failing(chaos: ChaosLayer) -> None:
    chaos.latency, chaos.error_rate = 0.01, 1.0


def flaky(chaos: ChaosLayer) -> None:
    chaos.latency, chaos.error_rate = 0.05, 0.4


def overloaded(chaos: ChaosLayer) -> None:
    chaos.error_rate = 0.9
    chaos.error = ServiceOverloaded("busy", retry_after=1.0)


def slow(chaos: ChaosLayer) -> None:
    chaos.latency = 0.6


def too_slow(chaos: ChaosLayer) -> None:
    chaos.latency = 3.0


def hanging(chaos: ChaosLayer) -> None:
    chaos.hang = True


def losing(chaos: ChaosLayer) -> None:
    chaos.latency, chaos.lose_answers = 0.05, True


MOODS: list[Callable[[ChaosLayer], None]] = [
    well,
    failing,
    well,
    flaky,
    overloaded,
    well,
    slow,
    too_slow,
    hanging,
    losing,
]


async def flap(chaos: ChaosLayer, chance: random.Random) -> None:
    """Change the service's fault every few seconds, with an outage of 7 minutes in the middle."""
    clock = LoopClock()
    while True:
        long = 1500 < clock.monotonic() < 1600
        chaos.latency, chaos.error_rate, chaos.hang, chaos.lose_answers = 0.0, 0.0, False, False
        chaos.error = ConnectionFailed("down")
        (failing if long else chance.choice(MOODS))(chaos)
        await asyncio.sleep(420 if long else chance.uniform(1, 25))


async def sell(
    service: InMemoryInventory, stock: list[ProductVariantId], chance: random.Random
) -> None:
    """Change stock continuously, during outages, too."""
    while True:
        service.set_stock(chance.choice(stock), chance.randrange(1000))
        await asyncio.sleep(chance.expovariate(5))


@attrs.define
class Shop:
    """Reads pages and checks each against the recorded answers."""

    lookup: StockLookup[ProductVariantId]
    diary: Diary
    settings: Settings
    shown: Counter[str] = attrs.field(factory=Counter)
    last_shown: dict[ProductVariantId, float] = attrs.field(factory=dict)
    """Of each variant, the `as_of` of the newest reading that any page showed."""
    slowest: float = 0.0

    async def view(self, asked: list[ProductVariantId]) -> None:
        clock = LoopClock()
        began = clock.monotonic()
        seen_before = dict(self.last_shown)

        page = await self.lookup.get_stock_levels(asked, Call(deadline=began + DEADLINE))

        self.slowest = max(self.slowest, clock.monotonic() - began)
        assert asked == list(page)
        for variant, shown in page.items():
            if isinstance(shown, Unavailable):
                self.shown[shown.reason.name] += 1
                assert shown.reason in PASSING
                seen = seen_before.get(variant)
                # A reading that one page showed is available to all pages until it is discarded.
                longest = self.settings.cache.discard_age - DEADLINE
                assert seen is None or began - seen > longest
            else:
                self.shown[shown.freshness.name] += 1
                self.check(variant, shown, began, clock)

    def check(
        self, variant: ProductVariantId, reading: StockReading, began: float, clock: LoopClock
    ) -> None:
        cache = self.settings.cache
        now = clock.monotonic()
        level = reading.level
        as_of = (reading.as_of - EPOCH).total_seconds()
        age = reading.age(clock.now()).total_seconds()

        assert (variant, reading.as_of, level.available_quantity) in self.diary.said
        assert variant == level.variant_id
        assert now - as_of == pytest.approx(age, abs=TICK)
        age_at_first = began - as_of
        match reading.freshness:
            case Freshness.LIVE:
                assert age_at_first <= TICK
            case Freshness.CACHED:
                assert -TICK <= age_at_first < cache.ttl + TICK
            case Freshness.STALE:
                # Windows are measured from the asking, as_of in this service is the answering.
                assert age_at_first > cache.ttl * (1 - cache.jitter) - DEADLINE - TICK
                assert age_at_first <= cache.discard_age + TICK
        self.last_shown[variant] = max(self.last_shown.get(variant, 0.0), as_of)


@pytest.mark.looptime
@pytest.mark.usefixtures("unlogged")
async def test_an_hour_of_flapping(report: Report) -> None:
    """Of 10,000 pages in an hour none raises, and each reading was true at its `as_of`."""
    random.seed(7)  # the container draws jitter from the module's generator
    chance = random.Random(7)
    clock, settings = LoopClock(), Settings()
    stock = ids(60)
    service = InMemoryInventory(clock=clock)
    for variant in stock:
        service.set_stock(variant, 100)
    diary = Diary(ChaosLayer(service, chance.uniform))
    signals: list[Signal] = []
    breaker = CircuitBreaker(settings.breaker, signals.append)
    async with Background() as background:
        stack = compose(
            diary,
            settings,
            clock=clock,
            background=background,
            breaker=breaker,
            listener=signals.append,
        )
        shop = Shop(
            StockLookup(stack.pages, stack.hits, CanonicalIds(IdFormat.UUID)), diary, settings
        )
        background.start(flap(diary.inner, chance), "flapping")
        background.start(sell(service, stock, chance), "selling")
        views: list[asyncio.Task[None]] = []
        while clock.monotonic() < HOUR:
            asked = chance.sample(stock, chance.randint(1, 12))
            views.append(asyncio.create_task(shop.view(asked)))
            await asyncio.sleep(HOUR / VIEWS)
        results = await asyncio.gather(*views, return_exceptions=True)
        await asyncio.sleep(DEADLINE)
        assert 2 == len(background)

    assert VIEWS <= len(views)
    assert [] == [result for result in results if result is not None][:3]
    opened = sum(isinstance(s, BreakerChanged) and s.after is BreakerState.OPEN for s in signals)
    report(
        f"{len(views)} views, {diary.reads} requests, the circuit opened {opened} times, "
        f"slowest view {shop.slowest:.3f} s; "
        + ", ".join(f"{count} {kind}" for kind, count in sorted(shop.shown.items()))
    )
    assert shop.slowest <= DEADLINE + TICK
    assert opened > 1
    assert {"LIVE", "CACHED", "STALE", "CIRCUIT_OPEN"} <= set(shop.shown)
