"""Answers that a cache on the way had kept (`Age`): their real age is shown.

When to ask again goes by their receipt.
"""

from datetime import timedelta

import pytest

from shelfport import Freshness
from shelfport.adapters.layers import CacheLayer
from shelfport.errors import TimedOut
from shelfport.ports import DEFAULT_CALL, Call
from shelfport.signals import ServedStale
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    LIVE,
    STALE,
    A,
    B,
    Service,
    after,
    all_turns,
    freshness,
    quantities,
    read,
    readings,
)
from tests.support.clocks import EPOCH, HostClock
from tests.support.listening import Heard
from tests.support.values import OUT, an_event

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0


async def age(cached: CacheLayer, clock: HostClock, call: Call = DEFAULT_CALL) -> float:
    """Read A, and return the age that a page shows."""
    [reading] = readings(await read(cached, A, call=call))
    return reading.age(clock.now()).total_seconds()


async def test_an_old_answer_is_not_asked_for_by_each_view(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """An answer older than `ttl` is served for `ttl` after its receipt, with its real age."""
    service.upstream_age = 100
    assert 100 == await age(cached, clock)
    await after(4.9)
    assert [CACHED] == freshness(await read(cached, A))
    assert pytest.approx(104.9) == await age(cached, clock)
    assert [[A]] == service.asked

    await after(0.1)
    assert [STALE] == freshness(await read(cached, A))


async def test_the_age_on_arrival_is_kept(cached: CacheLayer, service: Service) -> None:
    """A reading from memory says how old the answer was on arrival, fresh or stale."""
    service.upstream_age = 20
    await read(cached, A)
    fresh = await read(cached, A)
    await after(10)
    stale = await read(cached, A)

    assert [20, 20] == [r.upstream_age for r in readings(fresh) + readings(stale)]


@pytest.mark.parametrize(("limit", "requests"), [(101.1, 1), (101, 2)])
async def test_max_staleness_counts_the_age_on_arrival(
    cached: CacheLayer, service: Service, limit: float, requests: int
) -> None:
    """A caller with a limit gets no reading that is older, though its receipt was a moment ago."""
    service.upstream_age = 100
    await read(cached, A)
    await after(1)
    await read(cached, A, call=Call(max_staleness=limit))

    assert requests == len(service.asked)


@pytest.mark.parametrize(("limit", "requests"), [(101.1, 2), (101, 3)])
async def test_max_staleness_of_an_unknown(
    cached: CacheLayer, service: Service, limit: float, requests: int
) -> None:
    """An "unknown" that was old on arrival is served to callers without a shorter limit."""
    service.unknown, service.upstream_age = {A}, 100
    await read(cached, A)
    await after(1)
    await read(cached, A)
    await read(cached, B)
    await read(cached, A, call=Call(max_staleness=limit))

    assert requests == len(service.asked)


async def test_stale_if_error_counts_the_age_on_arrival(
    cached: CacheLayer, service: Service
) -> None:
    """In an outage an answer that was old on arrival can be shown for so much less time."""
    service.upstream_age = 200
    await read(cached, A)
    await after(99.9)
    service.error = DOWN
    assert [STALE] == freshness(await read(cached, A))
    await after(0.1)

    with pytest.raises(TimedOut):
        await read(cached, A)


async def test_an_answer_past_all_windows_on_arrival(cached: CacheLayer, service: Service) -> None:
    """An answer older than `stale_if_error` is served within `ttl`, and bridges no outage."""
    service.upstream_age = 600
    await read(cached, A)
    assert [CACHED] == freshness(await read(cached, A))
    await after(5)
    service.error = DOWN

    with pytest.raises(TimedOut):
        await read(cached, A)


async def test_the_oldest_of_a_page_counts_the_age_on_arrival(
    cached: CacheLayer, service: Service
) -> None:
    """The reported age of a page of hits counts the age on arrival."""
    ages: list[float] = []
    service.upstream_age = 100
    await read(cached, A)
    await after(1)
    cached.stats.page_age = ages.append
    cached.hit(A)
    cached.hit_many([A])
    await read(cached, A)

    assert [101, 101, 101] == ages


async def test_an_older_answer_is_not_asked_for_by_each_view(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """If a later answer is older than the stored reading, that stays, fresh for another `ttl`."""
    await read(cached, A)
    await after(6)
    service.quantity, service.upstream_age = 7, 100
    await read(cached, A)
    await all_turns()
    await after(4.9)

    assert ([CACHED], [100]) == (freshness(now := await read(cached, A)), quantities(now))
    assert pytest.approx(10.9) == await age(cached, clock)
    assert 2 == len(service.asked)
    await after(0.1)
    assert [STALE] == freshness(await read(cached, A))


async def test_ages_are_whole_seconds(cached: CacheLayer, service: Service) -> None:
    """The same answer again, which appears older by a part of a second, is not asked for again."""
    service.upstream_age = 100
    await read(cached, A)
    await after(5.25)
    service.upstream_age = 106  # rounded up
    await read(cached, A)
    await all_turns()

    for _ in range(4):
        await after(1)
        assert [CACHED] == freshness(await read(cached, A))
    assert 2 == len(service.asked)


async def test_an_older_answer_does_not_revive_an_invalidated_reading(
    cached: CacheLayer, service: Service
) -> None:
    """An invalidated reading is not fresh again by an answer from before the invalidation."""
    await read(cached, A)
    await after(1)
    cached.invalidate([A])
    await after(1)
    service.quantity, service.upstream_age = 7, 3
    for _ in range(2):
        assert ([STALE], [100]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_an_answer_from_before_a_fence_is_not_stored(
    cached: CacheLayer, service: Service
) -> None:
    """An answer that a cache on the way had kept since before an invalidation is not stored."""
    cached.invalidate([A])
    await after(1)
    service.upstream_age = 1
    assert [LIVE] == freshness(await read(cached, A))
    assert [LIVE] == freshness(await read(cached, A))
    await after(0.1)
    await read(cached, A)

    assert [CACHED] == freshness(await read(cached, A))


async def test_an_answer_from_before_an_event(cached: CacheLayer, service: Service) -> None:
    """An answer that a cache on the way had kept since before an event does not undo the event."""
    await after(1)
    await cached.apply_event(an_event(OUT, A, at=1001))
    await after(1)
    service.upstream_age = 5
    await read(cached, A, call=Call(max_staleness=0))

    assert [0] == quantities(await read(cached, A))


async def test_an_event_is_younger_than_an_old_answer(cached: CacheLayer) -> None:
    """An event that happened after an answer came into a cache on the way replaces that answer."""
    service = cached.inner
    assert isinstance(service, Service)
    service.upstream_age = 60
    await read(cached, A)
    await after(1)
    await cached.apply_event(an_event(OUT, A, at=950))

    assert [0] == quantities(await read(cached, A))


async def test_an_unknown_older_than_the_reading(cached: CacheLayer, service: Service) -> None:
    """If a cache on the way had kept an "unknown" for longer, the reading stays, fresh again."""
    await read(cached, A)
    await after(6)
    service.unknown, service.upstream_age = {A}, 100
    await read(cached, A)
    await all_turns()
    await after(4.9)

    assert ([CACHED], [100]) == (freshness(now := await read(cached, A)), quantities(now))
    assert 2 == len(service.asked)


async def test_an_unknown_is_not_asked_for_by_each_view(
    cached: CacheLayer, service: Service
) -> None:
    """The same "unknown" again, which appears older by a part of a second, is kept again."""
    service.unknown, service.upstream_age = {A}, 100
    await read(cached, A)
    await after(4.25)
    service.upstream_age = 105  # rounded up
    for _ in range(4):
        await read(cached, A)

    assert 2 == len(service.asked)


@pytest.mark.parametrize(
    ("upstream_age", "shown"),
    [(0.0, (LIVE, 7)), (99.0, (LIVE, 7)), (100.0, (LIVE, 7)), (101.0, (CACHED, 100))],
)
async def test_the_younger_of_two_is_served(
    cached: CacheLayer, service: Service, upstream_age: float, shown: tuple[Freshness, int]
) -> None:
    """Of a stored reading and an answer that was old on arrival, the younger is served."""
    await read(cached, A)
    await after(100)
    service.quantity, service.upstream_age = 7, upstream_age

    [reading] = readings(await read(cached, A))
    assert shown == (reading.freshness, reading.level.available_quantity)


async def test_an_older_answer_is_no_outage(
    cached: CacheLayer, service: Service, heard: Heard
) -> None:
    """If the answer is older than the stored reading, that is fresh again; there is no outage."""
    await read(cached, A)
    await after(100)
    service.upstream_age = 101

    assert [CACHED] == freshness(await read(cached, A))
    assert [] == heard.of(ServedStale)


async def test_updated_at_is_capped_at_the_real_age(cached: CacheLayer, service: Service) -> None:
    """An update that lies ahead of an answer's real age counts as one at that moment."""
    service.upstream_age = 60
    service.updated_at = EPOCH + timedelta(seconds=1200)
    await read(cached, A)
    service.upstream_age, service.quantity = 0.0, 7
    service.updated_at = EPOCH + timedelta(seconds=941)
    await read(cached, A, call=Call(max_staleness=0))

    assert [7] == quantities(await read(cached, A))
