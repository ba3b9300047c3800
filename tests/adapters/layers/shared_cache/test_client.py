import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from shelfport import InventoryOutOfStock, ProductVariantId
from shelfport.adapters.layers import SharedCacheClient, SharedCacheLayer
from shelfport.adapters.runtime.background import Background
from shelfport.options import SharedCacheOptions
from shelfport.ports.shared_store import (
    Lookup,
    LookupOptions,
    SharedCacheFull,
    SharedCacheUnavailable,
    StoreRequest,
)
from shelfport.ports.snapshot import SharedCacheSnapshot
from shelfport.signals import (
    BreakerState,
    SharedCacheDown,
    SharedCacheRecovered,
    SharedCacheWritesDropped,
    Signal,
)
from tests.adapters.layers.cache.world import LIVE, A, B, after, all_turns, freshness
from tests.adapters.layers.shared_cache.test_layer import read
from tests.adapters.layers.shared_cache.world import OPTIONS, World
from tests.support.clocks import EPOCH, LoopClock, ManualClock
from tests.support.shared_store import ModelStore
from tests.support.values import a_reading, ids

pytestmark = pytest.mark.looptime

LOOKUP = LookupOptions(EPOCH, reading_age=5, unknown_age=4, claim="claim", lease=0.5)
REFUSED = SharedCacheUnavailable("refused")
PATIENT = SharedCacheOptions(timeout=2, reconnect_interval=1)


class RecordingStore(ModelStore):
    """A `ModelStore` that records the arguments of its calls, and the times of its probes."""

    def __init__(self) -> None:
        super().__init__(LoopClock())
        self.given: list[tuple[object, ...]] = []
        self.probes: list[float] = []

    async def lookup(
        self, ids: Sequence[ProductVariantId], options: LookupOptions
    ) -> Mapping[ProductVariantId, Lookup]:
        self.given.append(("lookup", list(ids), options))
        return await super().lookup(ids, options)

    async def store(
        self, page: Mapping[ProductVariantId, StoreRequest], now: datetime, claim: str
    ) -> None:
        self.given.append(("store", page, now, claim))
        await super().store(page, now, claim)

    async def release(self, ids: Sequence[ProductVariantId], claim: str) -> None:
        self.given.append(("release", list(ids), claim))
        await super().release(ids, claim)

    async def fence(self, ids: Sequence[ProductVariantId], stamp: str | None) -> None:
        self.given.append(("fence", list(ids), stamp))
        await super().fence(ids, stamp)

    async def check(self) -> None:
        self.probes.append(self.clock.monotonic())
        await super().check()


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
async def client(world: World, store: RecordingStore) -> AsyncIterator[SharedCacheClient]:
    client = SharedCacheClient(store, OPTIONS, LoopClock(), world.background, world.heard)
    async with client:
        yield client


@pytest.fixture
def patient(world: World, store: RecordingStore) -> SharedCacheClient:
    return SharedCacheClient(store, PATIENT, LoopClock(), world.background, world.heard)


def a_request(variant: ProductVariantId) -> StoreRequest:
    return StoreRequest(a_reading(variant), EPOCH, token=b"token", ttl=60)


def out_of_stock(number: int, since_epoch: timedelta) -> InventoryOutOfStock:
    return InventoryOutOfStock(
        event_id=UUID(int=number), occurred_at=EPOCH + since_epoch, variant_id=A
    )


def snapshot(client: SharedCacheClient) -> SharedCacheSnapshot:
    return client.snapshot(LoopClock().monotonic())


def outcomes(client: SharedCacheClient) -> tuple[int, int]:
    """The calls that the circuit counts, and how many of them failed."""
    breaker = snapshot(client).circuit_breaker
    return breaker.calls, breaker.failures


async def duration_of_lookup(client: SharedCacheClient, *, within: float | None) -> float:
    """How long a lookup takes that the store does not answer."""
    began = LoopClock().monotonic()
    deadline = None if within is None else began + within
    async with asyncio.timeout(10):
        assert await client.lookup([A], LOOKUP, deadline) is None
    return LoopClock().monotonic() - began


def names_of_tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


async def opened(world: World, replica: SharedCacheLayer) -> None:
    world.store.error = SharedCacheUnavailable("refused")
    for _ in range(3):
        await read(replica, A)


async def test_it_comes_back_by_itself(world: World, one: SharedCacheLayer) -> None:
    """A task, never a caller, tries an unavailable store, and callers use it again."""
    await opened(world, one)
    world.store.hung, world.store.error = True, None
    waits = []
    for _ in range(50):
        began = LoopClock().monotonic()
        assert [LIVE] == freshness(await read(one, A))
        waits.append(LoopClock().monotonic() - began)
        await after(0.1)
    world.store.hung = False
    await after(1.1)
    state = one.client.snapshot(LoopClock().monotonic()).circuit_breaker.state
    world.store.asked.clear()
    await read(one, B)

    assert {0.0} == set(waits)
    assert BreakerState.CLOSED is state
    assert ["lookup", "store"] == world.store.asked
    assert [SharedCacheDown("refused")] == world.heard.of(SharedCacheDown)
    assert [SharedCacheRecovered()] == world.heard.of(SharedCacheRecovered)


async def test_opened_again_while_the_store_is_unavailable() -> None:
    """A client that was closed while its store was away tries it again when it is opened."""
    store = RecordingStore()
    client = SharedCacheClient(
        store, PATIENT, LoopClock(), background := Background(), list[Signal]().append
    )
    async with background, client:
        store.error = REFUSED
        for _ in range(3):
            await client.lookup([A], LOOKUP, None)
    store.error = None
    async with background, client:
        await after(1.1)

        assert BreakerState.CLOSED is client.snapshot(0).circuit_breaker.state


async def test_writes_wait_in_a_bounded_queue(world: World, one: SharedCacheLayer) -> None:
    """Background writes wait in a bounded queue; further ones are dropped."""
    world.store.delay = 0.04
    for _ in range(7):
        one.client.fence_later((A,))
    await after(1)

    assert 4 == world.store.asked.count("fence")
    assert [1, 2, 3] == [signal.total for signal in world.heard.of(SharedCacheWritesDropped)]
    assert 3 == one.client.snapshot(0).dropped_writes


async def test_a_write_that_fails_is_counted(world: World, one: SharedCacheLayer) -> None:
    """A failed write is counted, and no caller notices it."""
    await read(one, A)
    world.store.error = SharedCacheUnavailable("refused")
    one.client.fence_later((A,))
    await all_turns()

    assert [SharedCacheWritesDropped(1, "refused")] == world.heard.of(SharedCacheWritesDropped)


async def test_a_fence_is_dropped_while_the_store_is_unavailable(
    world: World, one: SharedCacheLayer
) -> None:
    """An event that does not reach the store is counted, and raises nothing."""
    await opened(world, one)
    await one.client.fence((A,))

    assert "the shared cache is unavailable" == world.heard.of(SharedCacheWritesDropped)[-1].why


async def test_a_lookup_passes_its_page_to_the_store(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """The store receives the ids and the options of a lookup, and its answer is returned."""
    found = await client.lookup([A, B], LOOKUP, None)

    assert [("lookup", [A, B], LOOKUP)] == store.given
    assert found is not None
    assert [A, B] == list(found)


async def test_a_lookup_is_sent_in_batches(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """A lookup of 2,500 variants is three lookups of at most 1,000 variants, in order."""
    page = ids(2500)
    found = await client.lookup(page, LOOKUP, None)

    assert found is not None
    assert page == list(found)
    assert [
        ("lookup", page[:1000], LOOKUP),
        ("lookup", page[1000:2000], LOOKUP),
        ("lookup", page[2000:], LOOKUP),
    ] == store.given


async def test_a_lookup_waits_for_the_timeout_at_most(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """A lookup without a deadline ends after `timeout`, as does one with a later deadline."""
    store.hung = True

    assert pytest.approx(0.05) == await duration_of_lookup(client, within=None)
    assert pytest.approx(0.05) == await duration_of_lookup(client, within=1)


async def test_a_lookup_ends_at_the_deadline(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """A lookup ends at the caller's deadline if that comes before `timeout`."""
    await after(5)
    store.hung = True

    assert pytest.approx(0.02) == await duration_of_lookup(client, within=0.02)


async def test_each_batch_has_its_own_timeout(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """A lookup of two batches may take nearly twice `timeout`, but not beyond the deadline."""
    store.delay = 0.04
    page = ids(1001)

    assert await client.lookup(page, LOOKUP, None) is not None
    began = LoopClock().monotonic()
    assert await client.lookup(page, LOOKUP, began + 0.06) is None
    assert pytest.approx(0.06) == LoopClock().monotonic() - began


async def test_only_a_whole_timeout_is_a_failure(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """The circuit counts a lookup that took `timeout`, and ignores one that a deadline ended."""
    store.hung = True
    await duration_of_lookup(client, within=0.02)
    ended_by_deadline = outcomes(client)
    await duration_of_lookup(client, within=None)

    assert (0, 0) == ended_by_deadline
    assert (1, 1) == outcomes(client)


async def test_a_cancelled_lookup_is_ignored(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """The circuit does not count a lookup that its caller cancelled."""
    store.hung = True
    lookup = asyncio.create_task(client.lookup([A], LOOKUP, None))
    await all_turns()
    lookup.cancel()
    await all_turns()

    assert lookup.cancelled()
    assert (0, 0) == outcomes(client)


async def test_an_answer_is_a_success(client: SharedCacheClient) -> None:
    """The circuit counts an answered lookup as a success."""
    await client.lookup([A], LOOKUP, None)

    assert (1, 0) == outcomes(client)


async def test_an_error_of_the_store_is_a_failure(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """The circuit counts an error of the store as a failure; the lookup returns None."""
    store.error = REFUSED

    assert await client.lookup([A], LOOKUP, None) is None
    assert (1, 1) == outcomes(client)


async def test_a_full_store_is_no_failure(client: SharedCacheClient, store: RecordingStore) -> None:
    """A store without memory answers, so that the circuit stays closed."""
    store.error = SharedCacheFull("no memory left")
    for _ in range(4):
        await client.fence([A])

    assert (4, 0) == outcomes(client)
    assert BreakerState.CLOSED is snapshot(client).circuit_breaker.state


@pytest.mark.parametrize(("hung", "why"), [(True, "no answer within 0.05 s"), (False, "refused")])
async def test_the_signal_has_the_last_failure(
    world: World, client: SharedCacheClient, store: RecordingStore, hung: bool, why: str
) -> None:
    """`SharedCacheDown` and `SharedCacheWritesDropped` say how the store failed."""
    store.hung, store.error = hung, REFUSED
    for _ in range(3):
        async with asyncio.timeout(10):
            await client.fence([A])

    assert [SharedCacheDown(why)] == world.heard.of(SharedCacheDown)
    assert [why] * 3 == [signal.why for signal in world.heard.of(SharedCacheWritesDropped)]


async def test_slow_answers_open_the_circuit(
    world: World, patient: SharedCacheClient, store: RecordingStore
) -> None:
    """If every answer is slow, the circuit opens, and `SharedCacheDown` says so."""
    store.delay = 0.9
    for _ in range(3):
        await patient.lookup([A], LOOKUP, None)

    assert [SharedCacheDown("3 of 3 calls took 0.8 s or more")] == world.heard.of(SharedCacheDown)


async def test_an_earlier_failure_is_not_the_reason(
    world: World, patient: SharedCacheClient, store: RecordingStore
) -> None:
    """Slow answers are the reason of `SharedCacheDown` also after an earlier failure."""
    store.error = REFUSED
    await patient.lookup([A], LOOKUP, None)
    store.error, store.delay = None, 0.9
    await after(20)
    for _ in range(3):
        await patient.lookup([A], LOOKUP, None)

    assert [SharedCacheDown("3 of 3 calls took 0.8 s or more")] == world.heard.of(SharedCacheDown)


async def test_one_fast_answer_keeps_the_circuit_closed(
    patient: SharedCacheClient, store: RecordingStore
) -> None:
    """Slow answers open the circuit only if there was no other answer in the window."""
    await patient.lookup([A], LOOKUP, None)
    store.delay = 0.9
    for _ in range(5):
        await patient.lookup([A], LOOKUP, None)

    breaker = snapshot(patient).circuit_breaker
    assert (BreakerState.CLOSED, 6, 5) == (breaker.state, breaker.calls, breaker.slow)


async def test_queued_writes_are_written_in_order(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """The store receives queued writes in their order, with their ids, claims and stamps."""
    page = {A: a_request(A), B: a_request(B)}
    client.store_later(page, "first claim")
    client.release_later([B, A], "second claim")
    client.fence_later([A, B])
    await all_turns()

    assert [
        ("store", page, EPOCH + timedelta(seconds=LoopClock().monotonic()), "first claim"),
        ("release", [B, A], "second claim"),
        ("fence", [A, B], None),
    ] == store.given
    assert 0 == snapshot(client).dropped_writes


async def test_a_queued_page_has_the_time_of_its_writing(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """The time of a stored page is read when the page leaves the queue."""
    store.delay = 0.04
    client.fence_later([A])
    client.store_later({A: a_request(A)}, "claim")
    began = LoopClock().now()
    await after(0.1)

    [now] = [given[2] for given in store.given if given[0] == "store"]
    assert began + timedelta(seconds=0.04) == now


async def test_queued_writes_are_sent_in_batches(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """A queued page of 1,001 variants is written in two batches, as are releases."""
    variants = ids(1001)
    page = {variant: a_request(variant) for variant in variants}
    client.store_later(page, "claim")
    client.release_later(variants, "claim")
    await all_turns()

    now = LoopClock().now()
    assert [
        ("store", dict(list(page.items())[:1000]), now, "claim"),
        ("store", {variants[-1]: page[variants[-1]]}, now, "claim"),
        ("release", variants[:1000], "claim"),
        ("release", variants[1000:], "claim"),
    ] == store.given


async def test_a_fence_waits_for_the_timeout_at_most(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """A fence that the store does not answer ends after `timeout`, and counts as a failure."""
    store.hung = True
    began = LoopClock().monotonic()
    async with asyncio.timeout(10):
        await client.fence([A])

    assert pytest.approx(0.05) == LoopClock().monotonic() - began
    assert (1, 1) == outcomes(client)


async def test_a_fence_passes_its_stamp(client: SharedCacheClient, store: RecordingStore) -> None:
    """The store receives the ids and the stamp of a fence; a fence may have no stamp."""
    await client.fence([A, B], "stamp")
    await client.fence([B])

    assert [("fence", [A, B], "stamp"), ("fence", [B], None)] == store.given


async def test_the_stamp_of_an_event(client: SharedCacheClient, store: RecordingStore) -> None:
    """An event's stamp is its time in microseconds since 1970, in 20 digits, and its id."""
    await client.apply_event(out_of_stock(7, timedelta(microseconds=1)))

    assert [("fence", [A], "00001767225600000001-00000000000000000000000000000007")] == store.given


async def test_a_later_event_has_a_greater_stamp(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """Stamps order events by their time, and events of one time by their ids."""
    for event in (
        out_of_stock(9, -timedelta(days=9000)),
        out_of_stock(2, timedelta()),
        out_of_stock(3, timedelta()),
        out_of_stock(1, timedelta(microseconds=1)),
        out_of_stock(1, timedelta(days=200_000)),
    ):
        await client.apply_event(event)

    stamps = [str(given[2]) for given in store.given]
    assert 5 == len(set(stamps))
    assert sorted(stamps) == stamps


async def test_the_snapshot_has_the_counts(client: SharedCacheClient) -> None:
    """The snapshot has the hits, the misses and the state of the backplane."""
    before = snapshot(client)
    client.hits, client.misses, client.backplane_connected = 3, 2, True
    now = snapshot(client)

    assert (0, 0, 0, False) == (
        before.hits,
        before.misses,
        before.dropped_writes,
        before.backplane_connected,
    )
    assert (3, 2, True) == (now.hits, now.misses, now.backplane_connected)


async def test_the_tasks_have_names(client: SharedCacheClient, store: RecordingStore) -> None:
    """The writer runs while the client does, the probe while the circuit is open."""
    at_first = names_of_tasks()
    store.error = REFUSED
    for _ in range(3):
        await client.fence([A])

    assert {"shared cache writer"} == {name for name in at_first if "shared cache" in name}
    assert {"shared cache writer", "shared cache probe"} <= names_of_tasks()


async def test_the_store_is_probed_until_it_answers(
    world: World, client: SharedCacheClient, store: RecordingStore
) -> None:
    """A probe is sent every `reconnect_interval` until one succeeds; callers send none."""
    store.error = REFUSED
    for _ in range(3):
        await client.fence([A])
    opened_at = LoopClock().monotonic()
    await after(2.5)
    failing = snapshot(client).circuit_breaker.state
    assert await client.lookup([A], LOOKUP, None) is None
    store.error = None
    await after(2.5)

    assert BreakerState.OPEN is failing
    assert [pytest.approx(opened_at + wait) for wait in (1, 2, 3)] == store.probes
    assert BreakerState.CLOSED is snapshot(client).circuit_breaker.state
    assert [SharedCacheRecovered()] == world.heard.of(SharedCacheRecovered)
    assert "shared cache probe" not in names_of_tasks()


async def test_a_hung_probe_ends_after_the_timeout(
    client: SharedCacheClient, store: RecordingStore
) -> None:
    """A probe without an answer ends after `timeout`; the next one follows an interval later."""
    store.error = REFUSED
    for _ in range(3):
        await client.fence([A])
    opened_at = LoopClock().monotonic()
    store.hung = True
    await after(1.1)
    failing = snapshot(client).circuit_breaker.state
    await after(1.1)

    assert BreakerState.OPEN is failing
    assert [pytest.approx(opened_at + wait) for wait in (1, 2.05)] == store.probes


async def test_a_probe_that_comes_too_early_is_tried_again(
    world: World, store: RecordingStore
) -> None:
    """If the circuit refuses a probe, the next one follows an interval later."""
    clock = ManualClock()
    client = SharedCacheClient(store, OPTIONS, clock, world.background, world.heard)
    store.error = REFUSED
    for _ in range(3):
        await client.fence([A])
    store.error = None
    await after(1.5)
    refused = list(store.probes)
    clock.advance(1)
    await after(1)

    assert [] == refused
    assert 1 == len(store.probes)
    assert [SharedCacheRecovered()] == world.heard.of(SharedCacheRecovered)
