"""The cache against a model of the service's history, in any interleaving, in virtual time."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from math import inf
from typing import Any

import attrs
import looptime
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shelfport import (
    Freshness,
    InventoryError,
    InventoryEvent,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
)
from shelfport.adapters.layers import CacheLayer, ReadingStore
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import settled
from shelfport.errors import ContractViolation, FaultScope, TimedOut
from shelfport.options import CacheOptions
from shelfport.ports import Answer, Call, UnknownVariant, Unreadable
from tests.support.clocks import EPOCH, LoopClock
from tests.support.listening import Heard, midway
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import LOW, OUT, an_event, ids

VARIANTS = ids(2)
OPTIONS = CacheOptions(
    ttl=5,
    stale_while_revalidate=10,
    stale_if_error=55,
    soft_timeout=0.5,
    negative_ttl=3,
    jitter=0.2,
    max_background_refreshes=2,
    refresh_backoff=1,
)
TICK = 1e-3


@attrs.define
class History:
    """What was true of one variant, since when: quantity None for "no record"."""

    changes: list[tuple[float, int | None]] = attrs.field(factory=lambda: [(-1.0, 0)])

    def at(self, moment: float) -> tuple[float, int | None]:
        """The change that was in force at `moment`."""
        return next(change for change in reversed(self.changes) if change[0] <= moment)


@attrs.define
class Nonsense:
    """When the data of one variant was nonsense: from each moment on, until the next."""

    periods: list[list[float]] = attrs.field(factory=list)

    @property
    def now(self) -> bool:
        return bool(self.periods) and self.periods[-1][1] == inf

    def within(self, since: float, until: float) -> bool:
        """Whether it was nonsense at any moment from `since` to `until`."""
        return any(begin <= until and since <= end for begin, end in self.periods)


@attrs.define
class View:
    """A read that a caller made, and what the model needs to judge it."""

    began: float
    limit: float | None
    asked: list[ProductVariantId]
    task: "asyncio.Task[Answers]"


class CacheModel(RuleBasedStateMachine):
    """Rules make things happen; every finished view is judged by the history alone."""

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner(
            loop_factory=lambda: looptime.new_event_loop(start=0, noop_cycles=0)
        )
        self.clock = LoopClock()
        self.history = {variant: History() for variant in VARIANTS}
        self.events: dict[ProductVariantId, list[float]] = {v: [] for v in VARIANTS}
        self.nonsense = {variant: Nonsense() for variant in VARIANTS}
        self.past: list[InventoryEvent] = []
        self.delay, self.failing = 0.0, False
        self.trouble_until = -1.0
        self.views: list[View] = []
        self.best: dict[ProductVariantId, tuple[float, float]] = {}
        self.background = Background()
        self.cache = CacheLayer(
            ScriptedPort(self.answer),
            self.clock,
            ReadingStore(OPTIONS, midway),
            self.background,
            Heard(),
        )
        self.run(self.background.__aenter__())

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        self.run(self.pass_time(100))
        self.judge()
        assert [] == self.views, "a caller got no answer"
        self.run(self.background.__aexit__(None, None, None))
        self.runner.close()
        asyncio.set_event_loop(None)

    def run(self, work: Coroutine[Any, Any, object]) -> None:
        self.runner.run(work)

    async def answer(self, ids: Ids, call: Call) -> Answers:
        """The service: answers later, with what was true when the request was sent."""
        sent, failing = self.clock.monotonic(), self.failing
        truth = {variant: self.history[variant].at(sent) for variant in ids}
        broken = [variant for variant in ids if self.nonsense[variant].now]
        if self.delay:
            await asyncio.sleep(self.delay)
        if failing:
            raise TimedOut("down")
        return settled(
            {
                variant: self.odd(variant)
                if variant in broken
                else self.told(variant, sent, *truth[variant])
                for variant in ids
            }
        )

    @staticmethod
    def odd(variant: ProductVariantId) -> Answer:
        return Unreadable(ContractViolation("nonsense", ids=(variant,), scope=FaultScope.ELEMENT))

    @staticmethod
    def told(
        variant: ProductVariantId, sent: float, changed: float, quantity: int | None
    ) -> Answer:
        if quantity is None:
            return UnknownVariant(variant)
        level = StockLevel(
            variant, quantity, StockStatus.IN_STOCK, EPOCH + timedelta(seconds=changed)
        )
        return StockReading(level, EPOCH + timedelta(seconds=sent), "model")

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        for _ in range(5):
            await asyncio.sleep(0)

    # What can happen.

    @rule(seconds=st.sampled_from([0.3, 0.6, 1.5, 3.0, 7.0, 20.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.pass_time(seconds))

    @rule(variant=st.sampled_from(VARIANTS), quantity=st.none() | st.integers(0, 9))
    def stock_changes(self, variant: ProductVariantId, quantity: int | None) -> None:
        self.run(self.pass_time(TICK))
        self.history[variant].changes.append((self.now(), quantity))

    @rule(variant=st.sampled_from(VARIANTS), quantity=st.integers(0, 9))
    def stock_changes_and_an_event_tells(self, variant: ProductVariantId, quantity: int) -> None:
        self.stock_changes(variant, quantity)

        kind = LOW if quantity else OUT
        event = an_event(kind, variant, at=self.now())
        self.run(self.cache.apply_event(event))
        self.past.append(event)
        self.events[variant].append(self.now())
        self.run(self.pass_time(TICK))

    @rule(variant=st.sampled_from(VARIANTS))
    def data_breaks_or_is_mended(self, variant: ProductVariantId) -> None:
        self.run(self.pass_time(TICK))
        nonsense = self.nonsense[variant]
        if nonsense.now:
            nonsense.periods[-1][1] = self.now()
        else:
            nonsense.periods.append([self.now(), inf])
        self.run(self.pass_time(TICK))

    @rule(which=st.integers(0, 3))
    def an_event_comes_again(self, which: int) -> None:
        """Late, and perhaps after newer ones of its variant."""
        if which < len(self.past):
            self.run(self.cache.apply_event(self.past[-1 - which]))

    @rule(variant=st.sampled_from(VARIANTS))
    def something_is_written(self, variant: ProductVariantId) -> None:
        async def write() -> None:
            self.cache.invalidate([variant])

        self.run(write())
        self.events[variant].append(self.now())
        self.run(self.pass_time(TICK))

    @rule(
        delay=st.sampled_from([0.0, 0.1, 1.0, 3.0]), failing=st.sampled_from([False, False, True])
    )
    def the_service_changes(self, delay: float, failing: bool) -> None:
        self.delay, self.failing = delay, failing

    @rule(
        asked=st.lists(st.sampled_from(VARIANTS), min_size=1, max_size=3),
        limit=st.sampled_from([None, None, None, 0.0, 2.0, 10.0]),
    )
    def a_caller_reads(self, asked: list[ProductVariantId], limit: float | None) -> None:
        async def look() -> None:
            task = asyncio.create_task(self._read(asked, limit))
            self.views.append(View(self.now(), limit, asked, task))
            await self.pass_time(0)

        self.run(look())

    # What chance alone would seldom find.

    @rule(variant=st.sampled_from(VARIANTS), quantity=st.integers(0, 9))
    def an_event_overtakes_a_slow_read(self, variant: ProductVariantId, quantity: int) -> None:
        self.the_service_changes(1.0, failing=False)
        self.a_caller_reads([variant], 0.0)
        self.stock_changes_and_an_event_tells(variant, quantity)
        self.time_passes(1.5)
        self.a_caller_reads([variant], None)

    @rule(
        variant=st.sampled_from(VARIANTS),
        quantity=st.none() | st.integers(0, 9),
        changes=st.booleans(),
    )
    def a_quick_read_overtakes_a_slow_one(
        self, variant: ProductVariantId, quantity: int | None, changes: bool
    ) -> None:
        self.the_service_changes(1.0, failing=False)
        self.a_caller_reads([variant], 0.0)
        self.time_passes(0.6)
        if changes:
            self.stock_changes(variant, quantity)
        self.the_service_changes(0.1, failing=False)
        self.a_caller_reads([variant], 0.0)
        self.time_passes(1.5)
        self.a_caller_reads([variant], None)

    @rule(variant=st.sampled_from(VARIANTS), seconds=st.sampled_from([20.0, 61.0]))
    def an_outage(self, variant: ProductVariantId, seconds: float) -> None:
        self.a_caller_reads([variant], None)
        self.the_service_changes(0.0, failing=True)
        self.time_passes(seconds)
        self.a_caller_reads([variant], None)
        self.the_service_changes(0.0, failing=False)

    @rule(which=st.integers(0, 5))
    def a_caller_leaves(self, which: int) -> None:
        if which < len(self.views):

            async def leave() -> None:
                self.views.pop(which).task.cancel()
                await self.pass_time(0)

            self.run(leave())

    async def _read(self, asked: Sequence[ProductVariantId], limit: float | None) -> Answers:
        return await self.cache.read(asked, Call(max_staleness=limit))

    def now(self) -> float:
        return self.runner.get_loop().time()

    # What must hold.

    @invariant()
    def judge(self) -> None:
        if not hasattr(self, "runner"):
            return
        for view in [view for view in self.views if view.task.done()]:
            self.views.remove(view)
            error = view.task.exception()
            if error is not None:
                assert isinstance(error, InventoryError), repr(error)
                if error.scope is FaultScope.ELEMENT:
                    self.judge_fault(view, error)
                continue
            answers = view.task.result()
            assert list(dict.fromkeys(view.asked)) == list(answers)
            for variant, answer in answers.items():
                if isinstance(answer, StockReading):
                    self.judge_reading(view, variant, answer)
                if isinstance(answer, Unreadable) and answer.error.scope is FaultScope.ELEMENT:
                    assert (variant,) == answer.error.ids
                    self.judge_fault(view, answer.error)

    def judge_fault(self, view: View, error: InventoryError) -> None:
        """A fault is shown of its own variant, while it lasts, and shortly afterwards."""
        [variant] = error.ids
        oldest = view.began - OPTIONS.negative_ttl
        if view.limit is not None:
            oldest = max(oldest, view.began - view.limit)
        told = [moment for moment in self.events[variant] if moment < view.began]
        oldest = max([oldest, *told[-1:]])
        assert variant in view.asked
        assert self.nonsense[variant].within(oldest - TICK, self.now()), "it is mended"

    def judge_reading(self, view: View, variant: ProductVariantId, reading: StockReading) -> None:
        as_of = (reading.as_of - EPOCH).total_seconds()
        _, quantity = self.history[variant].at(as_of + TICK / 10)
        assert (variant, quantity) == (reading.level.variant_id, reading.level.available_quantity)
        age = view.began - as_of
        assert age < OPTIONS.discard_age + TICK
        if view.limit is not None:
            assert age < max(view.limit, TICK), "older than the caller accepts"
        if reading.freshness is Freshness.STALE:
            return
        if reading.freshness is Freshness.CACHED:
            assert age < OPTIONS.ttl + TICK
        told = [moment for moment in self.events[variant] if moment < view.began]
        assert not told or as_of > told[-1] - TICK, "from before an event, and not called stale"
        ended, newest = self.best.get(variant, (-1.0, -1.0))
        if view.began > ended:
            assert as_of >= newest - TICK, "an older reading took the place of a newer one"
        if as_of >= newest:
            self.best[variant] = (self.now(), as_of)


TestCacheModel = CacheModel.TestCase
TestCacheModel.settings = settings(stateful_step_count=40)
