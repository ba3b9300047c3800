"""The modelled cache, and what can happen to it, one thing at a time, in virtual time."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import looptime
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shelfport import InventoryError, InventoryEvent, ProductVariantId
from shelfport.adapters.layers import CacheLayer, ReadingStore
from shelfport.adapters.runtime.background import Background
from shelfport.ports import Call
from tests.properties.cache_claims import Claim, Fact, Kind, Log
from tests.properties.cache_host import OPTIONS, TICK, VARIANTS, Host
from tests.properties.cache_judge import EVENT, Judge, View
from tests.properties.cache_service import Cut, Service, Way
from tests.support.clocks import EPOCH
from tests.support.listening import Heard, midway
from tests.support.ports import Answers, ScriptedPort
from tests.support.values import LOW, OUT, an_event

variants = st.sampled_from(VARIANTS)
quantities = st.integers(0, 9)


class CacheRules(RuleBasedStateMachine):
    """Rules make things happen; every view that has ended is judged by the history alone."""

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner(
            loop_factory=lambda: looptime.new_event_loop(start=0, noop_cycles=0)
        )
        self.host = Host(self.runner.get_loop())
        self.log = Log(self.host)
        self.service = Service(self.host, self.log)
        self.judges = Judge(self.host, self.log)
        self.past: list[InventoryEvent] = []
        self.views: list[tuple[View, asyncio.Task[None]]] = []
        self.background = Background()
        self.cache = CacheLayer(
            ScriptedPort(self.service.answer),
            self.host,
            ReadingStore(OPTIONS, midway),
            self.background,
            Heard(),
        )
        self.run(self.background.__aenter__())

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        try:
            self.time_passes(100)
            self.judge()
            assert [] == self.views, "a caller got no answer"
        finally:
            for _, task in self.views:
                task.cancel()
            self.run(self.background.__aexit__(None, None, None))
            self.runner.close()
            asyncio.set_event_loop(None)

    def run(self, work: Coroutine[Any, Any, object]) -> None:
        self.runner.run(work)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        for _ in range(5):
            await asyncio.sleep(0)

    @invariant()
    def judge(self) -> None:
        for view, task in [*getattr(self, "views", ())]:
            if task.done():
                self.views.remove((view, task))
                task.result()
                self.judges.judge(view)

    # Time, and the clocks.

    @rule(seconds=st.sampled_from([0.3, 0.6, 1.5, 3.0, 7.0, 20.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.pass_time(seconds))
        self.judge()

    @rule(seconds=st.sampled_from([3.0, 20.0, 100.0]))
    def the_host_is_suspended(self, seconds: float) -> None:
        """The monotonic clock stands still; the others and the world go on."""
        self.judge()
        self.host.suspend(seconds)
        self.run(self.pass_time(TICK))

    @rule(seconds=st.sampled_from([-100.0, -20.0, -2.0, 2.0, 20.0, 100.0]))
    def the_wall_clock_is_set(self, seconds: float) -> None:
        self.judge()
        self.host.set_wall(seconds)
        self.run(self.pass_time(TICK))

    @rule(error=st.sampled_from([0.0, 240.0, -30.0]))
    def the_services_clock_is_set(self, error: float) -> None:
        self.service.clock_error = error

    # The service, and the way to it.

    @rule(variant=variants, quantity=st.none() | quantities)
    def stock_changes(self, variant: ProductVariantId, quantity: int | None) -> None:
        self.run(self.pass_time(TICK))
        self.service.change(variant, quantity)

    @rule(variant=variants)
    def data_breaks_or_is_mended(self, variant: ProductVariantId) -> None:
        self.service.nonsense ^= {variant}

    @rule(
        delay=st.sampled_from([0.0, 0.1, 1.0, 3.0]),
        failing=st.sampled_from([False, False, True]),
        lag=st.sampled_from([0.0, 0.0, 8.0, 20.0]),
    )
    def the_service_changes(self, delay: float, failing: bool, lag: float = 0.0) -> None:
        self.service.delay, self.service.failing, self.service.lag = delay, failing, lag

    @rule(
        way=st.sampled_from([Way.DIRECT, *Way]),
        lacking=st.frozensets(variants),
        cut=st.sampled_from(Cut),
    )
    def the_way_changes(self, way: Way, lacking: frozenset[ProductVariantId], cut: Cut) -> None:
        self.service.way, self.service.lacking, self.service.cut = way, lacking, cut
        if way is Way.DIRECT:
            self.service.copies.clear()

    @rule()
    def all_is_well_again(self) -> None:
        self.the_service_changes(0.0, failing=False)
        self.the_way_changes(Way.DIRECT, frozenset(), Cut.SILENT)
        self.service.nonsense = set()

    # What the cache is told.

    @rule(variant=variants, quantity=quantities)
    def stock_changes_and_an_event_tells(self, variant: ProductVariantId, quantity: int) -> None:
        self.run(self.pass_time(TICK))
        updated = self.service.change(variant, quantity)
        kind = LOW if quantity else OUT
        event = an_event(kind, variant, at=(updated - EPOCH).total_seconds())
        seen = [c.fact.updated for c in self.log.claims[variant] if c.kind is Kind.READING]
        self.run(self.cache.apply_event(event))
        self.log.fence(variant, certain=all(updated > earlier for earlier in seen))
        self.past.append(event)
        self._claim_of(event, quantity)
        self.run(self.pass_time(TICK))

    def _claim_of(self, event: InventoryEvent, quantity: int) -> None:
        now, variant = self.host.true(), event.variant_id
        fact = Fact(now, quantity, event.occurred_at)
        at = (now, self.host.monotonic(), 0.0)
        claim = Claim(
            variant,
            Kind.READING,
            fact,
            (variant,),
            EVENT,
            *at,
            self.host.now(),
            now,
            0.0,
            [],
            next(self.log.order),
            certain=False,
        )
        self.log.claims[variant].append(claim)

    @precondition(lambda self: self.past)
    @rule(which=st.integers(0, 3))
    def an_event_comes_again(self, which: int) -> None:
        """Late, and perhaps after newer ones of its variant."""
        if which < len(self.past):
            self.run(self.cache.apply_event(self.past[-1 - which]))

    @rule(variant=variants)
    def something_is_written(self, variant: ProductVariantId) -> None:
        async def write() -> None:
            self.cache.invalidate([variant])

        self.run(write())
        self.log.fence(variant)
        self.run(self.pass_time(TICK))

    # The callers.

    @rule(
        asked=st.lists(variants, min_size=1, max_size=3),
        limit=st.sampled_from([None, None, None, 0.0, 2.0, 10.0]),
    )
    def a_caller_reads(self, asked: Sequence[ProductVariantId], limit: float | None) -> None:
        async def look() -> None:
            host, sent = self.host, len(self.service.requests)
            view = View(
                [*asked], limit, host.true(), host.monotonic(), host.now(), next(self.log.order)
            )
            self.views.append((view, asyncio.create_task(self._read(view))))
            await self.pass_time(0)
            self.judges.judge_requests(view, self.service.requests[sent:])

        self.run(look())
        self.judge()

    async def _read(self, view: View) -> None:
        try:
            view.answers = await self._answers(view.asked, view.limit)
        except InventoryError as error:
            view.answers = error

    async def _answers(self, asked: Sequence[ProductVariantId], limit: float | None) -> Answers:
        """As `StockLookup` asks: hits first, where the caller has no limit."""
        if limit is None:
            if len(asked) == 1 and (reading := self.cache.hit(asked[0])) is not None:
                return {asked[0]: reading}
            if (page := self.cache.hit_many(asked)) is not None:
                return page
        return await self.cache.read(asked, Call(max_staleness=limit))

    @precondition(lambda self: self.views)
    @rule(which=st.integers(0, 5))
    def a_caller_leaves(self, which: int) -> None:
        if which < len(self.views):

            async def leave() -> None:
                self.views.pop(which)[1].cancel()
                await self.pass_time(0)

            self.run(leave())
