"""A variant's own fault is remembered of that variant, and of no other."""

import asyncio

import pytest

from shelfport import InventoryError, ProductVariantId
from shelfport.adapters.layers import CacheLayer
from shelfport.errors import (
    ConnectionFailed,
    ContractViolation,
    DeadlineExceeded,
    RequestBlocked,
    TimedOut,
)
from shelfport.ports import DEFAULT_CALL, Call, UnknownVariant, Unreadable
from shelfport.signals import RefreshFailed
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    LIVE,
    NONSENSE,
    STALE,
    A,
    B,
    C,
    Service,
    after,
    all_turns,
    freshness,
    read,
)
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.values import LOW, an_event, an_initial_stock

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0

BLOCKED = RequestBlocked("403 of a firewall", ids=(A,))


async def failure(
    cached: CacheLayer, *ids: ProductVariantId, call: Call = DEFAULT_CALL
) -> InventoryError:
    with pytest.raises(InventoryError) as info:
        await read(cached, *ids, call=call)
    return info.value


@pytest.mark.parametrize("error", [NONSENSE, BLOCKED])
async def test_remembered(cached: CacheLayer, service: Service, error: InventoryError) -> None:
    """A variant with a fault of its own is not asked for during `negative_ttl`."""
    service.faults[A] = error
    first = await failure(cached, A)
    await after(3.9)
    second = await failure(cached, A)
    assert [[A]] == service.asked

    await after(0.1)
    await failure(cached, A)

    assert [[A], [A]] == service.asked
    assert (type(error), str(error)) == (type(second), str(second))
    assert first is not second


async def test_in_a_page(cached: CacheLayer, service: Service) -> None:
    """In a page the variant is unreadable, and the others are read and served as ever."""
    service.faults[A] = NONSENSE
    await read(cached, A, B)
    await after(2)
    answers = await read(cached, C, A, B)

    assert [LIVE, None, CACHED] == freshness(answers)
    assert isinstance(unreadable := answers[A], Unreadable)
    assert (NONSENSE.args, NONSENSE.ids) == (unreadable.error.args, unreadable.error.ids)
    assert [[A, B], [C]] == service.asked


async def test_counted(cached: CacheLayer, service: Service) -> None:
    """A remembered fault counts as unreadable, and as no miss."""
    service.faults = {A: NONSENSE, C: ContractViolation("c", ids=(C,), scope=NONSENSE.scope)}
    await read(cached, A, B, C)
    await read(cached, A, B, C)

    snapshot = cached.snapshot()
    assert (1, 4, 1) == (snapshot.fresh, snapshot.unreadable, snapshot.misses)


async def test_alone(cached: CacheLayer, service: Service) -> None:
    """A page of nothing but remembered faults fails with the first, and asks for nothing."""
    service.faults = {A: NONSENSE, B: ContractViolation("b", ids=(B,), scope=NONSENSE.scope)}
    await failure(cached, A)
    await failure(cached, B)

    assert "b" == str(await failure(cached, B, A))
    assert [[A], [B]] == service.asked


async def test_all_of_a_page(cached: CacheLayer, service: Service) -> None:
    """If a page fails by one variant's own fault, the others are asked for again."""
    service.faults = {A: NONSENSE, B: ContractViolation("b", ids=(B,), scope=NONSENSE.scope)}
    await failure(cached, A, B)

    assert NONSENSE.args == (await failure(cached, A, B)).args
    assert [[A, B], [B]] == service.asked


@pytest.mark.parametrize("waited", [10, 100])
async def test_its_last_reading_is_shown(
    cached: CacheLayer, service: Service, waited: float
) -> None:
    """While there is a reading in a window, that is shown STALE, and asked for no more."""
    await read(cached, A, B)
    await after(waited)
    service.faults[A] = NONSENSE
    await read(cached, A, B)
    await all_turns()
    await after(2)

    assert [STALE] == freshness(await read(cached, A))
    await all_turns()
    assert [[A, B], [A, B]] == service.asked
    assert [CACHED] == freshness(await read(cached, B))


async def test_it_is_not_asked_for_beside_a_missing_one(
    cached: CacheLayer, service: Service
) -> None:
    """A page with a missing variant refreshes all that is not fresh, but for what pauses."""
    await read(cached, A, B)
    await after(10)
    service.faults[A] = NONSENSE
    await read(cached, A)
    await all_turns()
    await read(cached, A, B, C)

    assert [[A, B], [A], [C, B]] == service.asked


async def test_past_the_last_window(cached: CacheLayer, service: Service) -> None:
    """After the last window the fault is the answer."""
    await read(cached, A)
    await after(299)
    service.faults[A] = NONSENSE
    assert [STALE] == freshness(await read(cached, A))
    await after(1)

    assert NONSENSE.args == (await failure(cached, A)).args
    assert [[A], [A]] == service.asked


async def test_ended_by_an_event(cached: CacheLayer, service: Service) -> None:
    """A new event of the variant ends it: the service is asked again."""
    service.faults[A] = NONSENSE
    await failure(cached, A)
    service.faults.clear()
    await after(1)
    await cached.apply_event(an_event(LOW, A, at=LoopClock().monotonic()))
    await after(0.1)

    assert [LIVE] == freshness(await read(cached, A))


async def test_an_old_event_ends_nothing(cached: CacheLayer, service: Service) -> None:
    """An event that is older than another one of its variant ends nothing."""
    now = LoopClock().monotonic()
    await cached.apply_event(an_event(LOW, A, at=now))
    await after(0.1)
    service.faults[A] = NONSENSE
    await failure(cached, A)
    await after(0.1)

    await cached.apply_event(an_event(LOW, A, at=now - 5))

    await failure(cached, A)
    assert [[A]] == service.asked


async def test_ended_by_an_initialization(cached: CacheLayer, service: Service) -> None:
    """Opening the record of the variant ends it."""
    service.faults[A] = BLOCKED
    await failure(cached, A)
    service.faults.clear()

    await after(0.1)
    await cached.initialize(an_initial_stock(A), DEFAULT_CALL)
    await after(0.1)

    assert [LIVE] == freshness(await read(cached, A))


async def test_ended_by_invalidation(cached: CacheLayer, service: Service) -> None:
    """`invalidate_all` ends every pause."""
    service.faults[A] = BLOCKED
    await failure(cached, A)
    service.faults.clear()

    await after(0.1)
    cached.invalidate_all()
    await after(0.1)

    assert [LIVE] == freshness(await read(cached, A))


@pytest.mark.parametrize(("limit", "asked"), [(2.0, 1), (1.0, 2), (0.0, 2)])
async def test_ended_by_max_staleness(
    cached: CacheLayer, service: Service, limit: float, asked: int
) -> None:
    """A caller who accepts no fault of this age asks the service."""
    service.faults[A] = NONSENSE
    await failure(cached, A)
    await after(1)

    await failure(cached, A, call=Call(max_staleness=limit))

    assert asked == len(service.asked)


async def test_ended_by_an_answer(cached: CacheLayer, service: Service) -> None:
    """An answer ends it, also if it is "unknown", and also if its caller alone wanted it."""
    service.faults[A] = NONSENSE
    await failure(cached, A)
    service.faults.clear()
    service.unknown.add(A)
    await read(cached, A, call=Call(max_staleness=0))

    assert {A: UnknownVariant(A)} == await read(cached, A)
    assert [[A], [A]] == service.asked


async def test_a_partly_answered_read(cached: CacheLayer, service: Service) -> None:
    """What was answered of a read ends its own pauses, and not those of the rest."""
    service.faults = {A: NONSENSE, B: ContractViolation("b", ids=(B,), scope=NONSENSE.scope)}
    await read(cached, A, B, C)
    await after(1)
    service.faults = {A: DeadlineExceeded("too late")}
    await read(cached, A, B, C, call=Call(max_staleness=0))
    service.faults = {}

    answers = await read(cached, A, B, C)

    assert [None, CACHED, CACHED] == freshness(answers)
    assert 2 == len(service.asked)


async def test_a_failed_part_of_a_page(cached: CacheLayer, service: Service) -> None:
    """Variants of a failed part are backed off, and their readings are shown meanwhile."""
    await read(cached, A, B)
    await after(10)
    service.faults[A] = TimedOut("late")
    await read(cached, A, B)
    await all_turns()
    service.faults.clear()
    await after(0.9)
    assert [STALE, CACHED] == freshness(await read(cached, A, B))
    await all_turns()
    assert 2 == len(service.asked)

    await after(0.1)
    await read(cached, A, B)
    await all_turns()

    assert [A] == service.asked[-1]


async def test_a_callers_fault_pauses_nothing(cached: CacheLayer, service: Service) -> None:
    """After a caller's deadline the next caller asks, and refreshes run."""
    await read(cached, A)
    await after(10)
    service.error = DeadlineExceeded("too late")
    await failure(cached, A, B, call=Call(max_staleness=0))
    service.error = None
    await read(cached, A)
    await all_turns()

    assert [[A], [A, B], [A]] == service.asked


async def test_a_refresh_that_runs_out_of_time(
    cached: CacheLayer, service: Service, heard: Heard
) -> None:
    """A refresh has no caller: if its time is not enough, its variants are backed off."""
    await read(cached, A)
    await after(10)
    service.error = late = DeadlineExceeded("too late")
    await read(cached, A)
    await all_turns()
    service.error = None
    await after(0.9)
    await read(cached, A)
    await all_turns()

    assert [RefreshFailed(1, late)] == heard.signals
    assert [[A], [A]] == service.asked
    await after(0.1)
    await read(cached, A)
    await all_turns()
    assert [[A], [A], [A]] == service.asked


async def test_an_outage_is_not_remembered(cached: CacheLayer, service: Service) -> None:
    """A fault of the service is asked about again by every caller without a reading."""
    service.error = DOWN
    await failure(cached, A)
    await failure(cached, A)

    assert [[A], [A]] == service.asked


async def test_a_fault_found_before_a_change(cached: CacheLayer, service: Service) -> None:
    """A fault of a read that began before the variant was opened is not remembered after it."""
    service.faults[A], service.delay = BLOCKED, 1.0
    early = asyncio.create_task(failure(cached, A))
    await after(0.5)
    await cached.initialize(an_initial_stock(A), DEFAULT_CALL)
    assert BLOCKED.args == (await early).args
    service.faults.clear()

    assert [LIVE] == freshness(await read(cached, A))


async def test_the_others_of_a_refused_request(cached: CacheLayer, service: Service) -> None:
    """Variants that were not read because their request was refused are asked for again."""
    batch = RequestBlocked("403 of a firewall", ids=(A, B, C))
    service.faults = {B: batch, C: batch}
    await read(cached, A, B, C)
    service.faults = {}

    assert [CACHED, LIVE, LIVE] == freshness(await read(cached, A, B, C))


async def test_a_fault_costs_no_other_variant_its_refresh(
    cached: CacheLayer, service: Service
) -> None:
    """Beside a variant with a fault of its own, all others are refreshed as ever."""
    await read(cached, A, B)
    for _ in range(3):
        await after(10)
        service.faults[A] = NONSENSE
        await read(cached, A, B)
        await all_turns()
        assert [STALE, CACHED] == freshness(await read(cached, A, B))


async def test_a_broken_connection_in_a_refresh(cached: CacheLayer, service: Service) -> None:
    """A failed refresh of two variants backs both off."""
    await read(cached, A, B)
    await after(10)
    service.error = ConnectionFailed("reset")
    await read(cached, A, B)
    await all_turns()
    await read(cached, A)
    await read(cached, B)
    await all_turns()

    assert [[A, B], [A, B]] == service.asked
