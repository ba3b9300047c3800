"""The rules of the model of a fleet: what can happen to it, one thing at a time."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any
from uuid import uuid4

import looptime
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from redis import Redis

from shelfport import InventoryError, InventoryLowStock, ProductVariantId
from shelfport.ports import Call
from tests.services.fleet_judge import TICK, Judge, View
from tests.services.fleet_world import VARIANTS, Fact, Replica, Service, World, started
from tests.services.virtual_redis import VirtualRedis
from tests.support.clocks import EPOCH
from tests.support.ports import Answers

whichever = st.integers(0, 1)
variants = st.sampled_from(VARIANTS)
quantities = st.integers(0, 9)


class FleetModel(RuleBasedStateMachine):
    """Rules make things happen; every finished view, and what Redis holds, is judged by history."""

    url: str
    """Where Redis is."""

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner(
            loop_factory=lambda: looptime.new_event_loop(start=0, noop_cycles=0)
        )
        self.world = World(self.runner.get_loop().time)
        self.service = Service(self.world)
        prefix = f"shelfport-model-{uuid4().hex[:12]}"
        self.redis = VirtualRedis(Redis.from_url(self.url), prefix, self.world.microseconds)
        self.judged = Judge(self.world, self.service, self.redis)
        self.redis.observe = self.judged.look_into_redis
        self.views: list[tuple[View, asyncio.Task[Answers]]] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.replicas = [self.run(self.started()) for _ in range(2)]

    def teardown(self) -> None:
        if not hasattr(self, "replicas"):
            return
        try:
            self.redis_changes(0.0, out=False)
            self.run(self.pass_time(100))
            self.judge()
            assert [] == self.views, "a caller got no answer"
        finally:
            self.run(self.left())
            self.redis.forget()
            self.redis.redis.close()
            self.runner.close()
            asyncio.set_event_loop(None)

    async def left(self) -> None:
        for replica in self.replicas:
            await replica.background.__aexit__(None, None, None)
        unfinished = [*self.tasks, *(task for _, task in self.views)]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def started(self) -> Replica:
        return await started(self.world, self.service, self.redis, self.judged.known_to_redis)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        for _ in range(10):
            await asyncio.sleep(0)
        if self.redis.out or self.redis.delay > 0.02:
            self.judged.troubled_at = self.judged.cut_at = self.world.now()

    # What can happen to time and stock.

    @rule(seconds=st.sampled_from([0.02, 0.3, 0.6, 1.5, 4.2, 7.0, 20.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.pass_time(seconds))

    @rule(variant=variants, quantity=st.none() | quantities)
    def stock_changes(self, variant: ProductVariantId, quantity: int | None) -> None:
        self.run(self.pass_time(TICK))
        self.world.history[variant].append(Fact(self.world.now(), quantity))

    @rule(variant=variants, quantity=quantities, first=whichever, gap=st.sampled_from([0, 0.2, 2]))
    def an_event_arrives(
        self, variant: ProductVariantId, quantity: int, first: int, gap: float
    ) -> None:
        """One replica receives the event at once, the other one later."""
        self.stock_changes(variant, quantity)
        self.run(self.pass_time(TICK))
        happened = self.world.now()
        event = InventoryLowStock(
            event_id=uuid4(), occurred_at=EPOCH + timedelta(seconds=happened), variant_id=variant
        )

        async def tell(replica: Replica, after: float) -> None:
            await asyncio.sleep(after)
            client = replica.shared.client
            dropped = client.snapshot(0).dropped_writes
            await client.apply_event(event)
            replica.cached.invalidate([variant])
            if replica in self.replicas:
                replica.fences[variant] = self.world.now()
            if client.snapshot(0).dropped_writes == dropped:
                known = self.judged.known_to_redis
                known[variant] = max(happened, known[variant])

        async def begin() -> None:
            for number, after in ((first, 0.0), (1 - first, gap)):
                task = asyncio.create_task(tell(self.replicas[number], after))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            await self.pass_time(TICK)

        self.run(begin())

    @rule(which=whichever, ahead=st.sampled_from([0.0, 0.3, -0.3, 20.0, -20.0]))
    def a_clock_is_set(self, which: int, ahead: float) -> None:
        self.replicas[which].clock.ahead = ahead
        self.judged.off = max(self.judged.off, abs(ahead))

    @rule(which=whichever, seconds=st.sampled_from([3.0, 20.0, 600.0]))
    def a_host_is_suspended(self, which: int, seconds: float) -> None:
        """Time passes for all others; each of their tasks is late by it.

        The reads under way have ended: else a caller would join one from before.
        """
        self.time_passes(4.2)
        self.world.jumped += seconds
        self.replicas[which].clock.suspended += seconds
        self.judged.cut_at = self.world.now()  # a replica that was cut may still have to reconnect

    # What can happen to the service.

    @rule(
        delay=st.sampled_from([0.0, 0.1, 1.0, 3.0]), failing=st.sampled_from([False, False, True])
    )
    def the_service_changes(self, delay: float, failing: bool) -> None:
        self.service.delay, self.service.failing = delay, failing

    @rule(kept=st.sampled_from([0.0, 2.0, 30.0, 600.0]), obeys=st.booleans())
    def a_cache_on_the_way(self, kept: float, obeys: bool) -> None:
        self.service.kept, self.service.obeys = kept, obeys
        self.service.aged |= kept > 0

    @rule(lacking=st.sampled_from(["", "nothing", "others"]))
    def answers_lack_variants(self, lacking: str) -> None:
        self.service.lacking = lacking

    @rule(lag=st.sampled_from([0.0, 1.0, 8.0, 30.0]))
    def the_service_replica_lags(self, lag: float) -> None:
        self.service.lag = lag
        self.service.lagged |= lag > 0

    # What can happen to Redis and the replicas.

    @rule(
        # Off the grid of `TICK`: of a read and a change at one instant, either may be first.
        delay=st.sampled_from([0.0, 0.0, 0.01037, 0.02411, 0.2]),
        out=st.sampled_from([False, False, False, True]),
    )
    def redis_changes(self, delay: float, out: bool) -> None:
        """Quick, slow, slower than the bound, or gone."""
        self.run(self.pass_time(0))
        self.redis.delay, self.redis.out = delay, out

    @rule()
    def redis_is_started_again(self) -> None:
        async def forget() -> None:
            self.redis.forget()

        self.run(forget())
        self.judged.redis_forgot()

    @rule()
    def the_channel_is_cut(self) -> None:
        async def cut() -> None:
            self.redis.cut()

        self.run(cut())
        self.judged.cut_at = self.world.now()

    @rule(which=whichever)
    def a_replica_is_started_again(self, which: int) -> None:
        old = self.replicas[which]
        self.views = [(view, task) for view, task in self.views if view.replica is not old]

        async def leave() -> None:
            await old.background.__aexit__(None, None, None)

        self.run(leave())
        self.replicas[which] = self.run(self.started())

    @rule(
        which=whichever,
        asked=st.lists(variants, min_size=1, max_size=3),
        limit=st.sampled_from([None, None, None, 0.0, 2.0, 10.0]),
    )
    def a_caller_reads(
        self, which: int, asked: list[ProductVariantId], limit: float | None
    ) -> None:
        replica = self.replicas[which]

        async def look() -> None:
            view = View(replica, self.world.now(), limit, asked)
            for other, _ in self.views:
                if other.replica is replica and (other.limit, limit) != (None, None):
                    view.undisturbed = False
                    other.undisturbed &= other.began < view.began
            reading = replica.cached.read(asked, Call(max_staleness=limit))
            self.views.append((view, asyncio.ensure_future(reading)))
            await self.pass_time(0)

        self.run(look())

    # What must hold.

    @invariant()
    def redis_holds_the_newest(self) -> None:
        """A value in Redis is never replaced by an older one, and never current after an event."""
        assert [] == (self.judged.wrongs if hasattr(self, "judged") else [])

    @invariant()
    def judge(self) -> None:
        for view, task in [ended for ended in getattr(self, "views", []) if ended[1].done()]:
            self.views.remove((view, task))
            error = task.exception()
            assert error is None or isinstance(error, InventoryError), repr(error)
            self.judged.judge(view, error or task.result())
