"""Two replicas, a real Redis, events and slow reads, in any interleaving, in virtual time."""

import asyncio
import os
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import attrs
import looptime
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from shelfport import (
    Freshness,
    InventoryError,
    InventoryLowStock,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
)
from shelfport.adapters.layers import (
    Backplane,
    CacheLayer,
    CoalescingLayer,
    ReadingStore,
    SharedCacheClient,
    SharedCacheLayer,
)
from shelfport.adapters.redis import RedisStore
from shelfport.adapters.redis.encoding import microseconds
from shelfport.adapters.runtime.background import Background
from shelfport.errors import TimedOut
from shelfport.options import CacheOptions, SharedCacheOptions
from shelfport.ports import Answer, Call, UnknownVariant
from tests.services.virtual_redis import VirtualRedis
from tests.support.clocks import EPOCH, LoopClock
from tests.support.listening import Heard, midway
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import ids

LONG = bool(os.environ.get("SHELFPORT_LONG"))
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
TICK = 1e-3
EARLIER = OPTIONS.timeout
"""How much earlier than it was a reading may be dated: a lookup takes no `as_of` that is later than
its own beginning, and finds what was stored while it travelled."""

whichever = st.integers(0, 1)
variants = st.sampled_from(VARIANTS)
quantities = st.integers(0, 9)


@attrs.define
class View:
    """A read that a caller made, and what the model needs to judge it."""

    replica: "Replica"
    began: float
    limit: float | None
    asked: list[ProductVariantId]
    task: "asyncio.Task[Answers]"


@attrs.define(eq=False)
class Replica:
    """One process, with its memory."""

    background: Background
    cached: CacheLayer
    shared: SharedCacheLayer
    feed: Backplane
    fences: dict[ProductVariantId, float]
    """What it shows as current must be from after this: what it learned, or, if that was before
    its start, what the shared cache knew by then."""
    best: dict[ProductVariantId, tuple[float, float]] = attrs.field(factory=dict)


class FleetModel(RuleBasedStateMachine):
    """Rules make things happen; every finished view, and what Redis holds, is judged by history."""

    url: str
    """Where Redis is."""

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner(
            loop_factory=lambda: looptime.new_event_loop(start=0, noop_cycles=0)
        )
        self.clock = LoopClock()
        prefix = f"shelfport-model-{uuid4().hex[:12]}"
        self.redis = VirtualRedis(Redis.from_url(self.url), prefix)
        self.history: dict[ProductVariantId, list[tuple[float, int | None]]] = {
            variant: [(-1.0, 0)] for variant in VARIANTS
        }
        self.known_to_redis: dict[ProductVariantId, float] = dict.fromkeys(VARIANTS, -1.0)
        self.held: dict[ProductVariantId, dict[bytes, bytes]] = {v: {} for v in VARIANTS}
        self.wrongs: list[str] = []
        self.redis.observe = self.look_into_redis
        self.delay, self.failing = 0.0, False
        self.views: list[View] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.replicas = [self.run(self.started()) for _ in range(2)]

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        try:
            self.redis.out, self.redis.delay = False, 0.0
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
        unfinished = [*self.tasks, *(view.task for view in self.views)]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def started(self) -> Replica:
        background = Background()
        await background.__aenter__()
        store = RedisStore(self.redis, self.redis.prefix, os.urandom(8), lambda: uuid4().hex)
        client = SharedCacheClient(store, OPTIONS, self.clock, background, Heard())
        shared = SharedCacheLayer(
            ScriptedPort(self.answer),
            self.clock,
            client,
            WINDOWS,
            background,
            midway,
            lambda: uuid4().hex,
        )
        coalesced = CoalescingLayer(shared, self.clock, background)
        cached = CacheLayer(
            coalesced, self.clock, ReadingStore(WINDOWS, midway), background, Heard()
        )
        feed = Backplane(client, cached, self.clock, midway, background, Heard())
        await client.__aenter__()
        await feed.__aenter__()
        return Replica(background, cached, shared, feed, dict(self.known_to_redis))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def now(self) -> float:
        return self.runner.get_loop().time()

    async def answer(self, asked: Ids, call: Call) -> Answers:
        """The service: answers later, with what was true when the request was sent."""
        sent, failing = self.clock.monotonic(), self.failing
        truth = {variant: self.at(variant, sent) for variant in asked}
        if self.delay:
            await asyncio.sleep(self.delay)
        if failing:
            raise TimedOut("down")
        return {variant: told(variant, sent, *truth[variant]) for variant in asked}

    def at(self, variant: ProductVariantId, moment: float) -> tuple[float, int | None]:
        return next(change for change in reversed(self.history[variant]) if change[0] <= moment)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        for _ in range(10):
            await asyncio.sleep(0)

    # What can happen.

    @rule(seconds=st.sampled_from([0.02, 0.3, 0.6, 1.5, 4.2, 7.0, 20.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.pass_time(seconds))

    @rule(variant=variants, quantity=st.none() | quantities)
    def stock_changes(self, variant: ProductVariantId, quantity: int | None) -> None:
        self.run(self.pass_time(TICK))
        self.history[variant].append((self.now(), quantity))

    @rule(variant=variants, quantity=quantities, first=whichever, gap=st.sampled_from([0, 0.2, 2]))
    def an_event_arrives(
        self, variant: ProductVariantId, quantity: int, first: int, gap: float
    ) -> None:
        """One replica receives the event at once, the other one later."""
        self.stock_changes(variant, quantity)
        self.run(self.pass_time(TICK))
        event = InventoryLowStock(
            event_id=uuid4(), occurred_at=self.clock_now(), variant_id=variant
        )

        async def tell(replica: Replica, after: float) -> None:
            await asyncio.sleep(after)
            dropped = replica.shared.client.snapshot(0).dropped_writes
            await replica.shared.client.apply_event(event)
            replica.cached.invalidate([variant])
            if replica in self.replicas:
                replica.fences[variant] = self.clock.monotonic()
            if replica.shared.client.snapshot(0).dropped_writes == dropped:
                moment = (event.occurred_at - EPOCH).total_seconds()
                self.known_to_redis[variant] = max(moment, self.known_to_redis[variant])

        async def begin() -> None:
            for number, after in ((first, 0.0), (1 - first, gap)):
                task = asyncio.create_task(tell(self.replicas[number], after))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            await self.pass_time(TICK)

        self.run(begin())

    @rule(
        delay=st.sampled_from([0.0, 0.1, 1.0, 3.0]), failing=st.sampled_from([False, False, True])
    )
    def the_service_changes(self, delay: float, failing: bool) -> None:
        self.delay, self.failing = delay, failing

    @rule(
        # Off the grid of `TICK`: of a read and a change at one instant, either may be first.
        delay=st.sampled_from([0.0, 0.0, 0.01037, 0.02411, 0.2]),
        out=st.sampled_from([False, False, False, True]),
    )
    def redis_changes(self, delay: float, out: bool) -> None:
        """Quick, slow, slower than the bound, or gone."""
        self.redis.delay, self.redis.out = delay, out

    @rule()
    def redis_is_started_again(self) -> None:
        async def forget() -> None:
            self.redis.forget()

        self.run(forget())
        self.held = {variant: {} for variant in VARIANTS}

    @rule()
    def the_channel_is_cut(self) -> None:
        async def cut() -> None:
            self.redis.cut()

        self.run(cut())

    @rule(which=whichever)
    def a_replica_is_started_again(self, which: int) -> None:
        old = self.replicas[which]
        self.views = [view for view in self.views if view.replica is not old]

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
            task = asyncio.create_task(self._read(replica.cached, asked, limit))
            self.views.append(View(replica, self.clock.monotonic(), limit, asked, task))
            await self.pass_time(0)

        self.run(look())

    @staticmethod
    async def _read(
        cached: CacheLayer, asked: list[ProductVariantId], limit: float | None
    ) -> Answers:
        return await cached.read(asked, Call(max_staleness=limit))

    # What chance alone would seldom find.

    @rule(variant=variants, quantity=quantities, which=whichever)
    def an_event_overtakes_a_slow_read(
        self, variant: ProductVariantId, quantity: int, which: int
    ) -> None:
        """Then a process reads that had not started when the event came."""
        self.redis_changes(0.0, out=False)
        self.time_passes(1.5)
        self.the_service_changes(1.0, failing=False)
        self.a_caller_reads(which, [variant], 0.0)
        self.an_event_arrives(variant, quantity, 1 - which, 0.2)
        self.time_passes(1.5)
        self.a_replica_is_started_again(1 - which)
        self.a_caller_reads(1 - which, [variant], None)
        self.time_passes(1.5)

    @rule(variant=variants, quantity=quantities, which=whichever)
    def an_event_fences_a_stored_value(
        self, variant: ProductVariantId, quantity: int, which: int
    ) -> None:
        """A process that had not started when the event came finds the value from before."""
        self.redis_changes(0.0, out=False)
        self.time_passes(1.5)
        self.the_service_changes(0.1, failing=False)
        self.a_caller_reads(which, [variant], 0.0)
        self.time_passes(0.3)
        self.an_event_arrives(variant, quantity, which, 0.2)
        self.time_passes(0.3)
        self.a_replica_is_started_again(which)
        self.a_caller_reads(which, [variant], None)

    @rule(variant=variants, quantity=st.none() | quantities, changes=st.booleans())
    def a_quick_read_overtakes_a_slow_one(
        self, variant: ProductVariantId, quantity: int | None, changes: bool
    ) -> None:
        self.redis_changes(0.0, out=False)
        self.the_service_changes(1.0, failing=False)
        self.a_caller_reads(0, [variant], 0.0)
        self.time_passes(0.6)
        if changes:
            self.stock_changes(variant, quantity)
        self.the_service_changes(0.1, failing=False)
        self.a_caller_reads(1, [variant], 0.0)
        self.time_passes(1.5)
        self.a_replica_is_started_again(0)
        self.a_caller_reads(0, [variant], None)

    @rule(variant=variants, seconds=st.sampled_from([20.0, 61.0]), which=whichever)
    def an_outage(self, variant: ProductVariantId, seconds: float, which: int) -> None:
        self.a_caller_reads(which, [variant], None)
        self.time_passes(0.3)
        self.the_service_changes(0.0, failing=True)
        self.time_passes(seconds)
        self.a_caller_reads(1 - which, [variant], None)
        self.time_passes(1.5)
        self.the_service_changes(0.0, failing=False)

    def clock_now(self) -> Any:
        return EPOCH + timedelta(seconds=self.now())

    # What must hold.

    def look_into_redis(self) -> None:
        """Record a violation: an older value that replaced a newer one."""
        for variant in VARIANTS:
            found: Any = self.redis.redis.hgetall(f"{{{self.redis.prefix}}}:2:{variant}")
            held: dict[bytes, bytes] = found
            before, self.held[variant] = self.held[variant], held
            if b"v" in held and b"v" in before and is_older(held, before):
                self.wrongs.append(f"{held} took the place of {before}")
            if b"v" in held and held[b"k"] == held[b"g"]:
                fence = microseconds(EPOCH + timedelta(seconds=self.known_to_redis[variant]))
                if int(held[b"a"]) <= fence - 1000:
                    self.wrongs.append(f"{held} is current, from before {fence}")

    @invariant()
    def redis_holds_the_newest(self) -> None:
        """A value in Redis is never replaced by an older one, and never current after an event."""
        assert [] == getattr(self, "wrongs", [])

    @invariant()
    def judge(self) -> None:
        if not hasattr(self, "runner"):
            return
        for view in [view for view in self.views if view.task.done()]:
            self.views.remove(view)
            error = view.task.exception()
            if error is not None:
                assert isinstance(error, InventoryError), repr(error)
                continue
            answers = view.task.result()
            assert list(dict.fromkeys(view.asked)) == list(answers)
            for variant, answer in answers.items():
                if isinstance(answer, StockReading):
                    self.judge_reading(view, variant, answer)

    def judge_reading(self, view: View, variant: ProductVariantId, reading: StockReading) -> None:
        as_of = (reading.as_of - EPOCH).total_seconds()
        true = {self.at(variant, as_of + TICK / 10)[1]}
        true |= {n for at, n in self.history[variant] if as_of < at <= as_of + EARLIER}
        assert variant == reading.level.variant_id
        assert reading.level.available_quantity in true
        age = view.began - as_of
        assert age < WINDOWS.discard_age + TICK
        if view.limit is not None:
            assert age < max(view.limit, TICK), "older than the caller accepts"
        if reading.freshness is Freshness.STALE:
            return
        if reading.freshness is Freshness.CACHED:
            assert age < WINDOWS.ttl + TICK
        fence = view.replica.fences[variant]
        assert fence >= view.began or as_of > fence - TICK, "from before an event, and not stale"
        ended, newest = view.replica.best.get(variant, (-1.0, -1.0))
        if view.began > ended:
            assert as_of >= newest - TICK - EARLIER, (
                "an older reading took the place of a newer one"
            )
        if as_of >= newest:
            view.replica.best[variant] = (self.now(), as_of)


def told(variant: ProductVariantId, sent: float, changed: float, quantity: int | None) -> Answer:
    if quantity is None:
        return UnknownVariant(variant)
    level = StockLevel(variant, quantity, StockStatus.IN_STOCK, EPOCH + timedelta(seconds=changed))
    return StockReading(level, EPOCH + timedelta(seconds=sent), "model")


def is_older(held: Mapping[bytes, bytes], before: Mapping[bytes, bytes]) -> bool:
    """By the later update; if they are equal, or one is "no record", by the later request."""
    if held[b"u"] and before[b"u"] and held[b"u"] != before[b"u"]:
        return int(held[b"u"]) < int(before[b"u"])
    return int(held[b"a"]) < int(before[b"a"])


def test_two_replicas_and_a_redis(redis_url: str) -> None:
    """No view is older than its windows allow, and no newer value is replaced by an older one."""
    FleetModel.url = redis_url
    run_state_machine_as_test(
        FleetModel,
        settings=settings(
            max_examples=300 if LONG else 12,
            stateful_step_count=40 if LONG else 25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
