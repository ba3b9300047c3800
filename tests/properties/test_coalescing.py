"""Callers of one process share reads, and no caller waits for what it did not ask for."""

import asyncio
from collections import Counter
from math import ceil

import looptime
from hypothesis import given
from hypothesis import strategies as st

from shelfport import ProductVariantId, StockReading
from shelfport.adapters.layers import CoalescingLayer
from shelfport.adapters.layers.batching import RequestSize
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.adapters.runtime.background import Background
from shelfport.ports import DEFAULT_CALL, Call
from tests.support.clocks import LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, ids

VARIANTS = ids(12)
SIZE = 4
SOFT, QUICK, SLOW = 0.2, 0.01, 3.0
RATIO, RESERVE = 0.1, 3.0

pages = st.lists(st.sampled_from(VARIANTS), min_size=1, max_size=SIZE, unique=True)
exports = st.lists(st.sampled_from(VARIANTS), min_size=SIZE + 1, unique=True)
turns = st.lists(st.lists(pages | exports, min_size=1, max_size=6), min_size=1, max_size=8)


class CountedBudget(RetryBudget):
    """Counts the tokens that were taken."""

    taken = 0

    def take(self) -> bool:
        took = super().take()
        self.taken += took
        return took


class Service(ScriptedPort):
    """A request with a slow id takes long; it adds to the budget, as `RetryLayer` does."""

    def __init__(self, slow: set[ProductVariantId], budget: CountedBudget) -> None:
        super().__init__(self.answer)
        self.slow, self.budget = slow, budget
        self.in_flight: Counter[ProductVariantId] = Counter()
        self.most_in_flight = 0

    @property
    def requests(self) -> int:
        return len(self.reads)

    async def answer(self, ids: Ids, call: Call) -> Answers:
        assert 0 < len(set(ids)) == len(ids) <= SIZE
        self.in_flight.update(ids)
        self.most_in_flight = max(self.most_in_flight, *self.in_flight.values())
        await asyncio.sleep(QUICK if self.slow.isdisjoint(ids) else SLOW)
        self.in_flight.subtract(ids)
        self.budget.first_attempt()
        return {variant: a_reading(variant) for variant in ids}


def told(
    turns: list[list[list[ProductVariantId]]],
    slow: set[ProductVariantId],
    pause: float,
    ratio: float = RATIO,
    reserve: float = RESERVE,
) -> tuple[Service, list[list[float]]]:
    """Run `turns`, with a pause after each; the service, and how long each caller waited."""
    budget = CountedBudget(ratio=ratio, reserve=reserve)
    service = Service(slow, budget)

    async def caller(layer: CoalescingLayer, wanted: list[ProductVariantId]) -> float:
        began = LoopClock().monotonic()
        answers = await layer.read(wanted, DEFAULT_CALL)
        assert wanted == list(answers)
        for variant, answer in answers.items():
            assert isinstance(answer, StockReading)
            assert variant == answer.level.variant_id
        return LoopClock().monotonic() - began

    async def run() -> list[list[float]]:
        async with Background() as background:
            layer = CoalescingLayer(
                service, LoopClock(), background, SOFT, budget, RequestSize(SIZE)
            )
            waited = []
            for callers in turns:
                together = asyncio.gather(*(caller(layer, wanted) for wanted in callers))
                waited.append(together)
                await asyncio.sleep(pause)
            return [await together for together in waited]

    with asyncio.Runner(
        loop_factory=lambda: looptime.new_event_loop(start=0, noop_cycles=0)
    ) as runner:
        return service, runner.run(run())


@given(turns=st.lists(st.lists(pages, min_size=1, max_size=6), min_size=1, max_size=4))
def test_pages_need_as_few_requests_as_their_ids(
    turns: list[list[list[ProductVariantId]]],
) -> None:
    """The pages of a turn are read in the fewest requests that hold their ids, each id once."""
    service, waited = told(turns, set(), pause=1)

    assert 1 == service.most_in_flight
    assert {QUICK} == {round(took, 6) for callers in waited for took in callers}
    distinct = [len({v for wanted in callers for v in wanted}) for callers in turns]
    assert service.requests == sum(ceil(count / SIZE) for count in distinct)


@given(turns=turns)
def test_exports_read_each_id_once_at_a_time(turns: list[list[list[ProductVariantId]]]) -> None:
    """With exports in the turn, no id is in flight twice, and pages wait no longer."""
    service, waited = told(turns, set(), pause=1)

    assert 1 == service.most_in_flight
    for callers, times in zip(turns, waited, strict=True):
        page_times = [took for c, took in zip(callers, times, strict=True) if len(c) <= SIZE]
        assert {QUICK} >= {round(took, 6) for took in page_times}


@given(turns=turns, pause=st.sampled_from([0.0, 0.1, 0.5, 4.0, 10.0]))
def test_a_slow_service_does_not_get_twice_the_load(
    turns: list[list[list[ProductVariantId]]], pause: float
) -> None:
    """If all ids are slow, what is asked again is a tenth of the requests, and the reserve."""
    service, _ = told(turns, set(VARIANTS), pause)

    assert service.budget.taken <= RATIO * service.requests + RESERVE
    assert service.most_in_flight <= 1 + service.budget.taken


@given(callers=st.lists(pages | exports, min_size=1, max_size=6))
def test_what_is_asked_again_takes_a_token(callers: list[list[ProductVariantId]]) -> None:
    """A slow service gets no more requests than without asking again, but one for each token."""
    service, _ = told([callers], set(VARIANTS), pause=0)
    patient, _ = told([callers], set(VARIANTS), pause=0, ratio=0, reserve=0)

    assert 1 == patient.most_in_flight
    assert service.requests <= patient.requests + service.budget.taken


@given(turns=turns, slow=st.sampled_from(VARIANTS))
def test_a_slow_id_costs_those_who_ask_for_it(
    turns: list[list[list[ProductVariantId]]], slow: ProductVariantId
) -> None:
    """While the budget has a token for each page, those without the slow id wait for a moment."""
    pages = [[c for c in callers if len(c) <= SIZE][: int(RESERVE)] for callers in turns]
    pages = [callers for callers in pages if callers][:1]

    _, waited = told(pages, {slow}, pause=5)

    for callers, times in zip(pages, waited, strict=True):
        for wanted, took in zip(callers, times, strict=True):
            assert slow in wanted or took < SOFT + 0.05
