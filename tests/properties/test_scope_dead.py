"""A dead service is found out by every crowd and in every kind of failure, and noticed when back.

At length (SHELFPORT_LONG=1, or the long profile) with more crowds.
"""

import asyncio
import random
from collections.abc import Iterator, Mapping
from math import inf

import attrs
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shelfport import InventoryIntegration, ProductVariantId, StockReading
from shelfport.domain.model import FaultScope, PathFailed, ReachedService, RequestContext
from shelfport.errors import ConnectionFailed, ContractViolation, ServiceFailed
from shelfport.ports import Answer
from shelfport.signals import BreakerState
from tests.properties.scope_world import (
    CATALOGUE,
    LONG,
    Circuit,
    Service,
    Trouble,
    in_virtual_time,
    shop,
)
from tests.support.clocks import LoopClock
from tests.support.figures import FIGURES

FOUND_WITHIN, FRESH_WITHIN = 5.0, 15.0
SLOWEST_PACE = 2.0
"""Requests a second. With fewer, `breaker.minimum_calls` outcomes take longer."""
Others = Mapping[ProductVariantId, Answer]


async def refused(context: RequestContext) -> Others:
    raise context.error(ConnectionFailed, "refused", reached_service=ReachedService.NO)


async def hung(context: RequestContext) -> Others:
    await asyncio.Event().wait()
    return {}


async def slow(context: RequestContext) -> Others:
    """Some answers come in time, and some do not."""
    await asyncio.sleep(random.uniform(0.9, 1.2))
    return {}


async def slow_but_in_time(context: RequestContext) -> Others:
    await asyncio.sleep(0.9)
    return {}


async def garbling(context: RequestContext) -> Others:
    if len(context.ids) > 1 and random.random() < 0.5:
        raise context.error(ContractViolation, "no array", status=200)
    raise context.error(PathFailed, "no JSON", status=200)


async def failing(context: RequestContext) -> Others:
    """A problem document with the status 500 to everything."""
    scope = FaultScope.REQUEST if len(context.ids) > 1 else FaultScope.SERVICE
    raise context.error(ServiceFailed, "500", status=500, scope=scope)


TROUBLES: list[Trouble] = [refused, hung, slow, slow_but_in_time, garbling, failing]


@attrs.frozen
class Crowd:
    """Who asks, for what, and how often."""

    seed: int
    pace: float
    """Calls a second."""
    listings: float
    """The share of listings, of 24 to 50 variants; the others ask for one."""
    deadlines: tuple[float | None, ...]
    """One of them is each caller's."""
    max_staleness: float | None
    """With 0, each call is a request."""
    dead_for: float


crowds = st.builds(
    Crowd,
    seed=st.integers(0, 2**32),
    pace=st.sampled_from([2.0, 3.0, 5.0, 10.0, 40.0]),
    listings=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    deadlines=st.sampled_from([(None,), (0.5,), (0.05,), (None, 0.5, 0.05)]),
    max_staleness=st.sampled_from([0.0, None]),
    dead_for=st.floats(FOUND_WITHIN, 60),
)


@attrs.define
class Outage:
    """A shop, and the death and the return of its service."""

    crowd: Crowd
    trouble: Trouble
    circuit: Circuit = attrs.field(factory=Circuit)
    service: Service = attrs.field(init=False)
    asked: int = 0
    """Requests in the first seconds after the death."""
    found_after: float = inf
    """Seconds from the death until the circuit was open."""
    fresh_after: float = 0.0
    """Seconds from the return until a visitor's page was fresh, and stayed so."""

    def __attrs_post_init__(self) -> None:
        self.service = Service(self.chance("service"))

    def chance(self, what: str) -> random.Random:
        return random.Random(f"{self.crowd.seed} {what}")

    async def run(self) -> None:
        """The crowd asks from the beginning to the end."""
        clock, chance = LoopClock(), self.chance("outage")
        async with shop(self.service, self.circuit) as inventory:
            asking = asyncio.create_task(self.ask(inventory))
            await asyncio.sleep(chance.uniform(5, 30))
            assert [] == self.circuit.changes
            died = clock.monotonic()

            self.service.trouble, before = self.trouble, self.service.requests
            await asyncio.sleep(FOUND_WITHIN)
            self.asked = self.service.requests - before
            await asyncio.sleep(self.crowd.dead_for - FOUND_WITHIN)
            if opened := self.circuit.when(BreakerState.OPEN):
                self.found_after = opened[0] - died

            self.service.trouble = None
            await self.reload(inventory)
            asking.cancel()
            await asyncio.wait({asking})

    async def ask(self, inventory: InventoryIntegration[ProductVariantId]) -> None:
        """The calls of the crowd."""
        crowd, chance = self.crowd, self.chance("crowd")
        async with asyncio.TaskGroup() as asking:
            while True:
                size = chance.randint(24, 50) if chance.random() < crowd.listings else 1
                page = inventory.get_stock_levels(
                    chance.sample(CATALOGUE, size),
                    max_staleness=crowd.max_staleness,
                    deadline=chance.choice(crowd.deadlines),
                )
                asking.create_task(page)
                await asyncio.sleep(1 / crowd.pace)

    async def reload(self, inventory: InventoryIntegration[ProductVariantId]) -> None:
        """A patient visitor looks at the same page every second."""
        clock, page = LoopClock(), self.chance("page").sample(CATALOGUE, 30)
        back, back_at = clock.monotonic(), clock.now()
        while (looked := clock.monotonic()) < back + 2 * FRESH_WITHIN:
            for shown in (await inventory.get_stock_levels(page)).values():
                if not isinstance(shown, StockReading) or shown.as_of < back_at:
                    self.fresh_after = looked + 1 - back
            await asyncio.sleep(looked + 1 - clock.monotonic())


@attrs.define
class Worst:
    """The longest times of all outages."""

    outages: int = 0
    quiet: int = 0
    """Those with fewer requests that were found out later: the cache answered, or readings were
    being refreshed already."""
    found_after: float = 0.0
    fresh_after: float = 0.0


@pytest.fixture(scope="module")
def worst(request: pytest.FixtureRequest) -> Iterator[Worst]:
    worst = Worst()
    yield worst
    request.config.stash.setdefault(FIGURES, []).append(
        f"test_scope_dead: {worst.outages} outages of {len(TROUBLES)} kinds, found out within "
        f"{worst.found_after:.1f} s ({worst.quiet} with fewer than {SLOWEST_PACE:g} requests a "
        f"second later), pages fresh {worst.fresh_after:.0f} s after the end at most"
    )


@pytest.mark.parametrize("trouble", TROUBLES)
@given(crowd=crowds)
@settings(max_examples=25 if LONG else 6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_found_out_and_back(worst: Worst, trouble: Trouble, crowd: Crowd) -> None:
    """At two requests a second the circuit is open in 5 s, and pages are fresh 15 s after the end.

    The service worked well before, so that its good answers are in the breaker's window.
    """
    outage = Outage(crowd, trouble)

    in_virtual_time(crowd.seed, outage.run)

    quiet = outage.found_after > FOUND_WITHIN and outage.asked < SLOWEST_PACE * FOUND_WITHIN
    worst.outages += 1
    worst.quiet += quiet
    if not quiet:
        worst.found_after = max(worst.found_after, outage.found_after)
    worst.fresh_after = max(worst.fresh_after, outage.fresh_after)
    assert quiet or outage.found_after <= FOUND_WITHIN
    assert outage.fresh_after <= FRESH_WITHIN
