import asyncio
from math import inf
from uuid import UUID

import attrs
import pytest

from shelfport import (
    Freshness,
    InventoryOutOfStock,
    ProductVariantId,
    StockReading,
)
from shelfport.adapters.layers import SharedCacheLayer
from shelfport.errors import DeadlineExceeded, Operation, OverloadedHere, TimedOut
from shelfport.options import SharedCacheOptions
from shelfport.ports import (
    DEFAULT_CALL,
    Call,
    UnknownVariant,
    Unreadable,
)
from shelfport.ports.shared_store import SharedCacheFull, SharedCacheUnavailable
from shelfport.signals import SharedCacheDown
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    LIVE,
    STALE,
    A,
    B,
    C,
    after,
    all_turns,
    freshness,
    quantities,
)
from tests.adapters.layers.shared_cache.world import World
from tests.support.clocks import EPOCH, LoopClock
from tests.support.ports import Answers, Ids
from tests.support.values import a_reading, an_initial_stock, ids

pytestmark = pytest.mark.looptime

NONE_KEPT = Call(max_staleness=0)


async def read(
    replica: SharedCacheLayer, *variants: ProductVariantId, call: Call = DEFAULT_CALL
) -> Answers:
    answers = await replica.read(variants, call)
    await all_turns()  # background writes are done
    return answers


def out_of_stock(variant: ProductVariantId, number: int = 1) -> InventoryOutOfStock:
    return InventoryOutOfStock(
        event_id=UUID(int=number), occurred_at=LoopClock().now(), variant_id=variant
    )


async def test_replicas_share_readings(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A second replica is answered from the shared cache, with the true date of the reading."""
    first = await read(one, A, B)
    await after(3)
    second = await read(other, B, A)

    assert [[A, B]] == world.service.asked
    assert [B, A] == list(second)
    assert ([LIVE] * 2, [CACHED] * 2) == (freshness(first), freshness(second))
    assert [EPOCH, EPOCH] == [a.as_of for a in second.values() if isinstance(a, StockReading)]


async def test_a_current_page_costs_one_lookup(
    one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A page that is all current in the shared cache costs one lookup, and no pause."""
    await read(one, A, B)
    began = LoopClock().monotonic()
    await other.read((A, B), DEFAULT_CALL)

    assert began == LoopClock().monotonic()


async def test_only_what_is_missing_is_asked_for(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A partly stored page asks for the rest, and keeps its first-asked order."""
    await read(one, B)
    page = await read(other, A, B, C, A)

    assert [[B], [A, C]] == world.service.asked
    assert [A, B, C] == list(page)
    assert [LIVE, CACHED, LIVE] == freshness(page)


async def test_one_lookup_a_page(world: World, one: SharedCacheLayer) -> None:
    """A page costs one round trip for its reads and one for its writes, whatever its size."""
    await read(one, *ids(24))

    assert ["lookup", "store"] == world.store.asked


async def test_a_long_list_goes_in_batches(world: World, one: SharedCacheLayer) -> None:
    """A long list goes in batches of 1,000 variants."""
    page = await read(one, *ids(2500))

    assert 2500 == len(page)
    assert ["lookup"] * 3 + ["store"] * 3 == world.store.asked


async def test_no_ids(world: World, one: SharedCacheLayer) -> None:
    """An empty page sends no request."""
    assert {} == await read(one)
    assert [] == world.store.asked


async def test_windows_do_not_add_up(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A reading is current up to the `ttl` of its age, whichever replica read it."""
    await read(one, A)
    await after(5.001)
    page = await read(other, A)

    assert [LIVE] == freshness(page)
    assert [[A], [A]] == world.service.asked


async def test_an_early_refresh_reaches_the_service(world: World, other: SharedCacheLayer) -> None:
    """With jitter, a reading near the end of its `ttl` is not current."""
    world.store.delay = 0.001
    await read(other, A)
    await after(4.9)

    windows = attrs_evolved_jitter(other)
    page = await read(windows, A)

    assert [LIVE] == freshness(page)


def attrs_evolved_jitter(replica: SharedCacheLayer) -> SharedCacheLayer:
    return attrs.evolve(replica, windows=attrs.evolve(replica.windows, jitter=0.1))


async def test_unknown_variants_are_shared(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """An "unknown" is shared, with its date, for `negative_ttl`."""
    world.service.unknown = {A}
    await read(one, A)
    await after(3)
    page = await read(other, A)
    answer = page[A]
    await after(1.5)
    await read(other, A)

    assert UnknownVariant(A) == answer
    assert isinstance(answer, UnknownVariant)
    assert EPOCH == answer.as_of
    assert [[A], [A]] == world.service.asked
    absence = world.store.held[A].absence
    assert absence is not None
    assert 4 == pytest.approx(absence.until - LoopClock().monotonic())


async def test_max_staleness_is_a_limit(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A caller's limit shortens the `ttl`; with 0 the service is always asked."""
    await read(one, A)
    await after(2)
    within = await read(other, A, call=Call(max_staleness=3))
    beyond = await read(other, A, call=Call(max_staleness=1))
    none = await read(other, A, call=NONE_KEPT)

    assert [[CACHED], [LIVE], [LIVE]] == [freshness(page) for page in (within, beyond, none)]
    assert 3 == len(world.service.asked)


async def test_a_cold_fleet_asks_once(world: World) -> None:
    """Of twenty replicas that miss the same page, one asks, and the others wait for its answer."""
    world.service.delay = 0.1
    replicas = [world.replica() for _ in range(20)]
    for replica in replicas:
        await replica.client.__aenter__()

    pages = await asyncio.gather(*(read(replica, A, B) for replica in replicas))

    assert [[A, B]] == world.service.asked
    assert 19 == sum(freshness(page) == [CACHED, CACHED] for page in pages)


async def test_a_limit_of_0_waits_for_no_lease(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A checkout asks by itself, while another replica asks the same."""
    world.service.delay = 0.1
    waiting = asyncio.create_task(read(one, A))
    await after(0.01)
    page = await read(other, A, call=NONE_KEPT)

    assert [LIVE] == freshness(page)
    assert 2 == len(world.service.asked)
    await waiting


async def test_a_reading_since_the_call_is_young_enough(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A caller with a small limit accepts another replica's reading from after the call."""
    world.service.delay = 0.1
    await read(one, A)
    await after(1)
    began = asyncio.create_task(read(one, A, call=Call(max_staleness=0.001)))
    await all_turns()
    page = await read(other, A, call=Call(max_staleness=0.01))

    assert [CACHED] == freshness(page)
    assert 2 == len(world.service.asked)
    await began


async def test_a_crashed_replica_is_replaced(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """If the holder of a lease brings no answer, another replica asks when the lease has ended."""
    world.service.delay = 100
    dying = asyncio.create_task(read(one, A))
    await after(0.1)
    dying.cancel()
    world.service.delay = 0.1
    began = LoopClock().monotonic()
    page = await read(other, A)
    took = LoopClock().monotonic() - began

    assert [LIVE] == freshness(page)
    assert 0.4 <= took <= 0.6


async def test_half_of_the_deadline_is_for_its_own_request(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A replica that waits for another one keeps half of the deadline for a request of its own."""
    world.service.delay = 100
    hanging = asyncio.create_task(read(one, A))
    await after(0.01)
    world.service.delay = 0.1
    call = Call(deadline=LoopClock().monotonic() + 0.4)
    page = await read(other, A, call=call)

    assert [LIVE] == freshness(page)
    assert LoopClock().monotonic() < 0.4
    hanging.cancel()


async def test_a_failed_read_ends_its_lease(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer, caplog: pytest.LogCaptureFixture
) -> None:
    """A replica whose read failed ends its lease at once, and logs no bug."""
    world.service.error = DOWN
    with pytest.raises(TimedOut):
        await read(one, A)
    world.service.error = None
    began = LoopClock().monotonic()
    page = await read(other, A)

    assert [LIVE] == freshness(page)
    assert began == LoopClock().monotonic()
    assert "" == caplog.text


async def test_stale_when_the_service_is_down(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """If the service fails, a stored reading is served as STALE, with its age."""
    await read(one, A)
    await after(200)
    world.service.error = DOWN
    page = await read(other, A)
    await after(101)

    assert [STALE] == freshness(page)
    assert [EPOCH] == [a.as_of for a in page.values() if isinstance(a, StockReading)]
    with pytest.raises(TimedOut):
        await read(other, A)


async def test_stale_is_cut_by_max_staleness(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A caller's limit holds for stale readings, too."""
    await read(one, A)
    await after(20)
    world.service.error = DOWN

    with pytest.raises(TimedOut):
        await read(other, A, call=Call(max_staleness=19))
    assert [STALE] == freshness(await read(other, A, call=Call(max_staleness=21)))


async def test_soft_timeout(world: World, one: SharedCacheLayer, other: SharedCacheLayer) -> None:
    """If every variant has a fallback, it is served after the soft timeout; the read goes on."""
    await read(one, A)
    await after(20)
    world.service.delay, world.service.quantity = 1.0, 7
    began = LoopClock().monotonic()
    page = await read(other, A)
    took = LoopClock().monotonic() - began
    await after(1)
    later = await read(one, A)

    assert [STALE] == freshness(page)
    assert 0.25 == pytest.approx(took)
    assert ([CACHED], [7]) == (freshness(later), quantities(later))


async def test_soft_timeout_of_a_wait(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """The soft timeout bounds the wait for another replica, too."""
    await read(one, A)
    await after(20)
    world.service.delay = 1.0
    asking = asyncio.create_task(read(one, A))
    await all_turns()
    began = LoopClock().monotonic()
    page = await read(other, A)

    assert [STALE] == freshness(page)
    assert 0.25 == pytest.approx(LoopClock().monotonic() - began, abs=0.06)
    assert 2 == len(world.service.asked)
    await asking


async def test_a_mixed_page_at_the_deadline(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """Fallbacks are served just before the deadline; variants without one are unreadable."""
    await read(one, A)
    await after(20)
    world.service.delay = 10
    call = Call(deadline=LoopClock().monotonic() + 1.0, correlation_id="c")
    page = await read(other, A, B, call=call)

    answer = page[B]
    assert [STALE, None] == freshness(page)
    assert isinstance(answer, Unreadable)
    assert isinstance(answer.error, DeadlineExceeded)
    assert LoopClock().monotonic() < 21.0


async def test_an_event_fences(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """After an event the service is asked; if it is down, the stored reading is STALE."""
    await read(one, A)
    await after(1)
    await one.client.apply_event(out_of_stock(A))
    world.service.quantity = 0
    page = await read(other, A)
    world.service.error = DOWN
    await after(1)
    await one.client.apply_event(out_of_stock(A, 2))
    down = await read(other, A)

    assert ([LIVE], [0]) == (freshness(page), quantities(page))
    assert ([STALE], [0]) == (freshness(down), quantities(down))


async def test_an_event_applied_by_every_replica_counts_once(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """An event that every replica applies fences once."""
    event = out_of_stock(A)
    await after(1)
    newer = out_of_stock(A, 2)
    await one.client.apply_event(event)
    await one.client.apply_event(newer)
    await read(one, A)
    await other.client.apply_event(newer)
    await other.client.apply_event(event)
    page = await read(other, A)

    assert [CACHED] == freshness(page)
    assert [[A]] == world.service.asked


async def test_a_slow_read_restores_no_old_value(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """The answer of a read that began before an event is not stored after it."""
    world.service.delay = 1.0
    slow = asyncio.create_task(read(one, A))
    await after(0.5)
    world.service.delay, world.service.quantity = 0.0, 0
    await other.client.apply_event(out_of_stock(A))
    await slow
    page = await read(other, A)

    assert ([LIVE], [0]) == (freshness(page), quantities(page))


async def test_a_write_fences_an_unknown(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """After an initialization the next read on every replica finds the record."""
    world.service.unknown = {A}
    await read(one, A)
    world.service.unknown = set()
    await one.initialize(an_initial_stock(A), DEFAULT_CALL)
    page = await read(other, A)

    assert [LIVE] == freshness(page)


async def test_a_write_that_failed_may_have_happened(world: World, one: SharedCacheLayer) -> None:
    """An error of `initialize` passes through, and the variant is fenced."""

    async def failing(*_: object) -> None:
        raise DOWN

    await read(one, A)
    world.service.initialize = failing  # type: ignore[method-assign, assignment]  # this once
    with pytest.raises(TimedOut):
        await one.initialize(an_initial_stock(A), DEFAULT_CALL)
    await all_turns()
    page = await read(one, A)

    assert [LIVE] == freshness(page)


async def test_a_later_reading_is_not_replaced(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """Of two reads that overlap, the one that began later stays stored."""
    world.service.delay = 1.0
    slow = asyncio.create_task(read(one, A, call=NONE_KEPT))
    await after(0.5)
    world.service.delay, world.service.quantity = 0.1, 7
    await read(other, A, call=NONE_KEPT)
    await slow
    page = await read(other, A)

    assert ([CACHED], [7]) == (freshness(page), quantities(page))


async def test_a_cancelled_caller_does_not_end_its_read(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """The read of a cancelled caller goes on: another replica waits for it."""
    world.service.delay = 0.1
    leaving = asyncio.create_task(read(one, A))
    await after(0.05)
    leaving.cancel()
    page = await read(other, A)

    assert [CACHED] == freshness(page)
    assert [[A]] == world.service.asked


async def test_a_page_partly_unreadable(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """An unreadable variant is not stored, and no replica waits for it."""

    async def script(asked: Ids, call: Call) -> Answers:
        return {v: Unreadable(DOWN) if v == B else a_reading(v) for v in asked}

    world.service.script = script
    page = await read(one, A, B)
    began = LoopClock().monotonic()
    again = await read(other, A, B)

    assert (A, Unreadable(DOWN)) == (next(iter(page)), page[B])
    assert [CACHED, None] == freshness(again)
    assert began == LoopClock().monotonic()


async def test_a_hung_store_costs_the_bound_and_then_nothing(
    world: World, one: SharedCacheLayer
) -> None:
    """A few callers wait for the bound; then the circuit is open, and no caller waits."""
    world.store.hung = True
    waits = []
    for _ in range(6):
        began = LoopClock().monotonic()
        page = await read(one, A)
        waits.append(round(LoopClock().monotonic() - began, 6))
        assert [LIVE] == freshness(page)

    assert [0.05, 0.05, 0.05, 0, 0, 0] == waits
    assert [SharedCacheDown("no answer within 0.05 s")] == world.heard.of(SharedCacheDown)


async def test_a_store_that_fails_in_the_middle(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A replica that waits for another one asks the service itself when the store fails."""
    world.service.delay = 0.1
    asking = asyncio.create_task(read(one, A))
    await after(0.01)
    waiting = asyncio.create_task(read(other, A))
    await after(0.01)
    world.store.error = SharedCacheUnavailable("gone")

    assert [LIVE] == freshness(await waiting)
    assert [LIVE] == freshness(await asking)


async def test_a_full_store_still_serves(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A full store is no failure: its values are still served."""
    await read(one, A)
    world.store.error = SharedCacheFull("full")
    for _ in range(5):
        await one.client.fence((B,))
    world.store.error = None
    page = await read(other, A)

    assert [CACHED] == freshness(page)
    assert [] == world.heard.of(SharedCacheDown)
    assert 5 == one.client.snapshot(0).dropped_writes


async def test_the_bound_ends_at_the_deadline(world: World) -> None:
    """The wait for the store ends at the deadline, and does not count as its failure."""
    world.store.hung = True
    replica = world.replica(SharedCacheOptions(timeout=5))
    async with replica.client:
        for _ in range(5):
            await read(replica, A, call=Call(deadline=LoopClock().monotonic() + 0.1))

    assert 0.5 == pytest.approx(LoopClock().monotonic())
    assert [] == world.heard.of(SharedCacheDown)


async def test_the_store_says_hits_and_misses(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """The snapshot counts the variants from the store, and those from the service."""
    await read(one, A, B)
    await read(other, A, B, C)

    counted = [(r.client.snapshot(0).hits, r.client.snapshot(0).misses) for r in (one, other)]
    assert [(0, 2), (2, 1)] == counted


async def test_without_the_store_a_page_is_forwarded(world: World, one: SharedCacheLayer) -> None:
    """Without the store, a page goes to the service as it came, and is not counted."""
    world.store.error = SharedCacheUnavailable("gone")
    call = Call(correlation_id="c")
    page = await read(one, A, B, A, call=call)

    assert [LIVE, LIVE] == freshness(page)
    assert [([A, B, A], call)] == world.service.reads
    assert 0 == one.client.snapshot(0).misses


async def test_calls_are_passed_on(world: World, one: SharedCacheLayer) -> None:
    """The service receives the call and the request of the caller."""
    call, request = Call(correlation_id="c"), an_initial_stock(A)
    await read(one, A, call=call)
    await one.initialize(request, call)

    assert [([A], call)] == world.service.reads
    assert [(request, call)] == world.service.initializations


async def test_a_store_that_fails_after_a_part_of_the_page(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """If the store fails after a part of the page was found, only the rest is asked for."""
    await read(one, A)
    world.service.delay = 0.1
    asking = asyncio.create_task(read(one, B))
    await all_turns()
    waiting = asyncio.create_task(read(other, A, B))
    await all_turns()
    world.store.error = SharedCacheUnavailable("gone")
    page = await waiting

    assert [CACHED, LIVE] == freshness(page)
    assert [[A], [B], [B]] == world.service.asked
    await asking


async def test_a_store_that_fails_after_a_fallback_was_found(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """If the store fails after a fallback was found, the fallback is served when it is needed."""
    await read(one, A)
    await after(20)
    world.service.delay = 1.0
    asking = asyncio.create_task(read(one, A))
    await all_turns()
    waiting = asyncio.create_task(read(other, A))
    await all_turns()
    world.store.error = SharedCacheUnavailable("gone")
    page = await waiting

    assert [STALE] == freshness(page)
    assert LoopClock().monotonic() < 20.5
    await asking


async def test_the_pauses_of_a_wait_grow(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """The pauses of a wait grow by half from 5 ms to 50 ms; half to all of each is waited."""
    drawn: list[tuple[float, float]] = []

    def drawing(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    world.service.delay = 0.4
    asking = asyncio.create_task(read(one, A))
    await all_turns()
    await read(attrs.evolve(other, uniform=drawing), A)
    await asking

    bounds = [0.005, 0.0075, 0.01125, 0.016875, 0.0253125, 0.03796875, 0.05, 0.05]
    assert bounds == pytest.approx([high for _, high in drawn[:8]])
    assert [high / 2 for _, high in drawn] == [low for low, _ in drawn]


async def test_a_negligible_wait_is_skipped(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A replica does not wait for another one if only a millisecond is left for it."""
    world.service.delay = 1.0
    asking = asyncio.create_task(read(one, A))
    await all_turns()
    world.service.delay = 0.0
    assert 0 == LoopClock().monotonic()
    page = await read(other, A, call=Call(deadline=0.002))

    assert [LIVE] == freshness(page)
    assert 0 == LoopClock().monotonic()
    await asking


async def held_by_another(world: World, replica: SharedCacheLayer) -> None:
    """Let the lease on A be held for ever."""
    await read(replica, A, call=NONE_KEPT)
    held = world.store.held[A]
    held.reading, held.holder, held.leased_until = None, "another", inf


@pytest.mark.parametrize(("left", "wait"), [(None, 1.0), (10.0, 1.0), (0.4, 0.2)])
async def test_the_wait_for_another_replica_is_bounded(
    world: World, one: SharedCacheLayer, left: float | None, wait: float
) -> None:
    """A replica asks by itself after twice the lease, or at half of the deadline."""
    await after(10)
    await held_by_another(world, one)
    page = await read(one, A, call=Call(deadline=None if left is None else 10 + left))

    assert [LIVE] == freshness(page)
    assert wait == pytest.approx(LoopClock().monotonic() - 10, abs=0.0011)


async def test_a_limit_of_0_takes_no_lease(world: World, one: SharedCacheLayer) -> None:
    """A caller that accepts no stored reading takes no lease, for which others would wait."""
    world.service.delay = 0.1
    asking = asyncio.create_task(read(one, A, call=NONE_KEPT))
    await after(0.05)

    assert "" == world.store.held[A].holder
    await asking


async def test_the_end_of_a_fallback(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A reading as old as the caller's limit is no fallback; a younger one is."""
    await read(one, A)
    world.service.error = DOWN
    await after(20)

    with pytest.raises(TimedOut):
        await read(other, A, call=Call(max_staleness=20))
    assert [STALE] == freshness(await read(other, A, call=Call(max_staleness=20.001)))


async def test_misses_add_up(one: SharedCacheLayer) -> None:
    """The snapshot counts the misses of all reads."""
    await read(one, A, B)
    await read(one, C)

    assert 3 == one.client.snapshot(0).misses


async def test_its_task_has_a_name(world: World, one: SharedCacheLayer) -> None:
    """The task of a read is named for what it does."""
    world.service.delay = 0.1
    asking = asyncio.create_task(read(one, A))
    await after(0.05)

    assert "shared read" in {task.get_name() for task in asyncio.all_tasks()}
    await asking


async def test_the_deadline_is_before_the_soft_timeout(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """If the deadline ends before the soft timeout, fallbacks are served 20 ms before it."""
    await read(one, A)
    await after(20)
    world.service.delay = 10
    page = await read(other, A, call=Call(deadline=20.1))

    assert [STALE] == freshness(page)
    assert 20.08 == pytest.approx(LoopClock().monotonic())


async def test_the_error_of_a_read_that_takes_too_long(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """The error of a variant without a fallback says what happened, and of which read."""
    await read(one, A)
    await after(20)
    world.service.delay = 10
    page = await read(other, A, B, call=Call(deadline=21.0, correlation_id="c"))

    answer = page[B]
    assert isinstance(answer, Unreadable)
    assert "the Inventory Service did not answer in time" == str(answer.error)
    assert (Operation.READ, "c") == (answer.error.operation, answer.error.correlation_id)
    assert [A, B] == list(answer.error.ids)


async def test_a_shutdown_ends_a_read(world: World, one: SharedCacheLayer) -> None:
    """When the process shuts down, a caller that waits for the service gets `OverloadedHere`."""
    world.service.delay = 10
    asking = asyncio.create_task(one.read((A,), Call(correlation_id="c")))
    await after(0.1)
    await world.background.__aexit__(None, None, None)

    with pytest.raises(OverloadedHere) as info:
        await asking
    assert "this process is shutting down" == str(info.value)
    assert (Operation.READ, "c") == (info.value.operation, info.value.correlation_id)
    assert 0.1 == pytest.approx(LoopClock().monotonic())


async def test_a_stored_answer_ends_its_lease(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """When the answer is stored, the lease ends: a caller with a smaller limit need not wait."""
    await read(one, A)
    await after(0.1)
    page = await read(other, A, call=Call(max_staleness=0.05))

    assert [LIVE] == freshness(page)
    assert 0.1 == pytest.approx(LoopClock().monotonic())


async def test_the_rest_of_a_page_is_stored(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """The variants after an unreadable one are stored."""

    async def script(asked: Ids, call: Call) -> Answers:
        return {v: Unreadable(DOWN) if v == A else a_reading(v) for v in asked}

    world.service.script = script
    await read(one, A, B)

    assert [CACHED] == freshness(await read(other, B))


async def test_a_stored_reading_ends_with_its_age(world: World, one: SharedCacheLayer) -> None:
    """The store holds a reading until the end of `stale_if_error`, counted from its `as_of`."""
    world.service.delay = 1.0
    await read(one, A)

    assert 1.0 == pytest.approx(LoopClock().monotonic())
    assert 300 == pytest.approx(world.store.held[A].until)


@pytest.mark.parametrize(("delay", "write"), [(4.0, "release"), (3.5, "store")])
async def test_an_answer_that_came_too_late(
    world: World, one: SharedCacheLayer, delay: float, write: str
) -> None:
    """An answer is not stored if its time is over when it arrives."""
    world.service.delay, world.service.unknown = delay, {A}
    await read(one, A)

    assert ["lookup", write] == world.store.asked


def test_freshness_is_closed() -> None:
    """The names that these tests use are all there are."""
    assert {LIVE, CACHED, STALE} == set(Freshness)
