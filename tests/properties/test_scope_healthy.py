"""A healthy service among small faults of all scopes: each of them costs itself, and no more.

At length (SHELFPORT_LONG=1, or the long profile) each run is an hour.
"""

import asyncio
import random
from collections.abc import Iterator, Mapping

import attrs
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from shelfport import InventoryIntegration, ProductVariantId, StockReading
from shelfport.domain.model import FaultScope, PathFailed, RequestBlocked, RequestContext
from shelfport.errors import ContractViolation, ServiceFailed
from shelfport.ports import Answer, Unreadable
from shelfport.signals import BreakerState
from tests.properties.scope_world import (
    CATALOGUE,
    LONG,
    Circuit,
    Service,
    in_virtual_time,
    shop,
    stall,
)
from tests.support.clocks import LoopClock
from tests.support.figures import FIGURES

SECONDS = 3600.0 if LONG else 300.0
CALM = 15.0
"""Seconds at the beginning without a fault: the shop has been open for a while."""
PACE = 5.0
"""Views a second."""
CLOSING = 12.0
"""Seconds after an interlude in which the circuit may still be open."""
HEALING = 60.0
"""Seconds after which a variant that is well again is shown as any other."""
FINDING = 0 if LONG else 16
"""Requests that it takes to find an id which fails batches: in an hour they are of no weight."""
FOREVER = (CALM, 2 * SECONDS)

Span = tuple[float, float]


@attrs.frozen
class Faults:
    """What goes wrong in a run."""

    odd: int = 0
    """Elements that cannot be read."""
    poison: int = 0
    """Ids that fail every request with them."""
    blocked: int = 0
    """Ids that a firewall dislikes."""
    impatient: float = 0.0
    """The share of callers with a deadline of 5 to 50 ms."""
    leaving: float = 0.0
    """The share of callers that are cancelled within 50 ms."""
    stalls: bool = False
    """Whether this process stands still for up to 3 s, every 20 s or so."""
    interludes: bool = False
    """Whether a proxy answers everything for up to 10 s, every two minutes or so."""


ALL = Faults(2, 2, 1, 0.2, 0.1, stalls=True, interludes=True)
drawn = st.builds(
    Faults,
    odd=st.integers(0, 3),
    poison=st.integers(0, 2),
    blocked=st.integers(0, 1),
    impatient=st.sampled_from([0.0, 0.1, 0.3]),
    leaving=st.sampled_from([0.0, 0.1, 0.3]),
    stalls=st.booleans(),
    interludes=st.booleans(),
)


@attrs.frozen
class View:
    """A page that a visitor looks at."""

    at: float
    asked: list[ProductVariantId]
    deadline: float | None
    leaves_after: float | None


@attrs.define
class Run:
    """Visitors of a shop, who look at the same pages whatever the faults are."""

    seed: int
    faults: Faults
    circuit: Circuit = attrs.field(factory=Circuit)
    service: Service = attrs.field(init=False)
    shelf: list[ProductVariantId] = attrs.field(init=False)
    """The variants, the most popular first."""
    odd: dict[ProductVariantId, Span] = attrs.field(init=False)
    poison: dict[ProductVariantId, Span] = attrs.field(init=False)
    blocked: dict[ProductVariantId, Span] = attrs.field(init=False)
    interludes: list[Span] = attrs.field(factory=list)
    views: int = 0
    shown: int = 0

    def __attrs_post_init__(self) -> None:
        chance, faults = self.chance("faults"), self.faults
        self.service = Service(self.chance("service"), self.trouble)
        self.shelf = chance.sample(CATALOGUE, len(CATALOGUE))
        bad = iter(chance.sample(CATALOGUE, faults.odd + faults.poison + faults.blocked))
        self.odd, self.poison, self.blocked = (
            {next(bad): self.span(chance) for _ in range(count)}
            for count in (faults.odd, faults.poison, faults.blocked)
        )
        at = CALM
        while faults.interludes and (at := at + chance.uniform(30, 210)) < SECONDS:
            self.interludes.append((at, at + chance.uniform(0.5, 10)))

    def chance(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} {what}")

    def span(self, chance: random.Random) -> Span:
        """When an id is bad: from the beginning to the end, or for a part of the run."""
        first, last = sorted(chance.uniform(CALM, SECONDS) for _ in range(2))
        return FOREVER if chance.random() < 0.5 else (first, last)

    async def trouble(self, context: RequestContext) -> Mapping[ProductVariantId, Answer]:
        """What the service, and what is before it, answers."""
        now = LoopClock().monotonic()
        asked = set(context.ids)
        if _any(self.interludes, now):
            raise context.error(PathFailed, "405 of a proxy", status=405)
        if asked & _bad(self.blocked, now):
            raise context.error(RequestBlocked, "403 of a firewall", status=403)
        if asked & _bad(self.poison, now):
            scope = FaultScope.REQUEST if len(asked) > 1 else FaultScope.SERVICE
            raise context.error(ServiceFailed, "500", status=500, scope=scope)
        answers: dict[ProductVariantId, Answer] = {}
        for variant in asked & _bad(self.odd, now):
            about = attrs.evolve(context, ids=(variant,))
            error = about.error(ContractViolation, "no number", scope=FaultScope.ELEMENT)
            if len(asked) == 1:
                raise error
            answers[variant] = Unreadable(error)
        return answers

    def visits(self) -> Iterator[View]:
        """Listings and product pages, some more often than others."""
        chance, faults = self.chance("views"), self.faults
        weights = [(place + 1) ** -0.7 for place in range(len(self.shelf))]
        at = 0.0
        while (at := at + chance.expovariate(PACE)) < SECONDS:
            size = chance.randint(24, 50)
            listing = list(dict.fromkeys(chance.choices(self.shelf, weights, k=3 * size)))[:size]
            place = int(len(self.shelf) * chance.random() ** 2)
            product = self.shelf[place : place + chance.randint(1, 5)]
            kind, haste = chance.random(), chance.uniform(0.005, 0.05)
            impatient = at > CALM and kind < faults.impatient
            leaves = at > CALM and not impatient and kind < faults.impatient + faults.leaving
            yield View(
                at,
                chance.choice((listing, product)),
                haste if impatient else None,
                haste if leaves else None,
            )

    async def stalls(self) -> None:
        chance = self.chance("stalls")
        await asyncio.sleep(CALM)
        while self.faults.stalls:
            await asyncio.sleep(chance.expovariate(1 / 20))
            await stall(chance.uniform(0.2, 3))

    async def run(self) -> None:
        """All views, each judged."""
        clock, loop = LoopClock(), asyncio.get_running_loop()
        async with shop(self.service, self.circuit) as inventory:
            await inventory.get_stock_levels(CATALOGUE)
            stalls = asyncio.create_task(self.stalls())
            looking = []
            for view in self.visits():
                await asyncio.sleep(view.at - clock.monotonic())
                looking.append(asyncio.create_task(self.look(inventory, view)))
                if view.leaves_after is not None:
                    loop.call_later(view.leaves_after, looking[-1].cancel)
            results = await asyncio.gather(*looking, return_exceptions=True)
            stalls.cancel()
        self.views = len(looking)
        for result in results:
            if result is not None and not isinstance(result, asyncio.CancelledError):
                raise result

    async def look(self, inventory: InventoryIntegration[ProductVariantId], view: View) -> None:
        """Every variant is answered with a true reading, unless it is bad itself."""
        began = LoopClock().monotonic()
        page = await inventory.get_stock_levels(view.asked, deadline=view.deadline)
        assert view.asked == list(page)
        for variant, shown in page.items():
            if isinstance(shown, StockReading):
                self.service.judge(shown, began)
                self.shown += 1
            else:
                assert self.may_be_unavailable(variant, began), (began, variant, shown)

    def may_be_unavailable(self, variant: ProductVariantId, moment: float) -> bool:
        spans = [each[variant] for each in (self.odd, self.poison, self.blocked) if variant in each]
        return _any([(first, last + HEALING) for first, last in spans], moment)

    def opened_in_vain(self) -> list[float]:
        """The moments at which the circuit opened, or was still open, without an interlude."""
        moments = self.circuit.when(BreakerState.OPEN) + self.circuit.when(BreakerState.CLOSED)
        spans = [(first, last + CLOSING) for first, last in self.interludes]
        return [moment for moment in moments if not _any(spans, moment)]


def _any(spans: list[Span], moment: float) -> bool:
    return any(first <= moment < last for first, last in spans)


def _bad(spans: Mapping[ProductVariantId, Span], moment: float) -> set[ProductVariantId]:
    return {variant for variant, span in spans.items() if _any([span], moment)}


@attrs.define
class Worst:
    """The figures of all runs."""

    runs: int = 0
    views: int = 0
    shown: int = 0
    opened: int = 0
    interludes: int = 0
    ratio: float = 0.0
    """Requests a view, divided by those of the same views without faults."""


@pytest.fixture(scope="module")
def worst(request: pytest.FixtureRequest) -> Iterator[Worst]:
    worst = Worst()
    yield worst
    request.config.stash.setdefault(FIGURES, []).append(
        f"test_scope_healthy: {worst.runs} runs of {SECONDS / 60:.0f} min, {worst.views} views, "
        f"{worst.shown} readings, all true; the circuit opened in {worst.opened} of "
        f"{worst.interludes} interludes and at no other time; requests a view at most "
        f"{worst.ratio:.2f} x as many as without faults"
    )


@example(seed=1, faults=ALL)
@given(seed=st.integers(0, 2**32), faults=drawn)
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate])
def test_each_fault_costs_itself(worst: Worst, seed: int, faults: Faults) -> None:
    """The circuit stays closed, other variants are shown as ever, and few more requests are sent.

    It may open while a proxy answers everything, until the service has been tried again.
    """
    calm, run = Run(seed, Faults()), Run(seed, faults)

    in_virtual_time(seed, calm.run)
    in_virtual_time(seed, run.run)

    ratio = run.service.requests / calm.service.requests
    opened = run.circuit.when(BreakerState.OPEN)
    worst.runs += 1
    worst.views += run.views
    worst.shown += run.shown
    worst.interludes += len(run.interludes)
    worst.opened += sum(any(_any([span], one) for one in opened) for span in run.interludes)
    worst.ratio = max(worst.ratio, ratio)
    assert [] == calm.circuit.changes
    assert [] == run.opened_in_vain()
    found = FINDING * (faults.poison + faults.blocked)
    assert run.service.requests - found <= 1.1 * calm.service.requests
