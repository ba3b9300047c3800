"""Suspensions of the host, and wall clocks that are set: what the cache still believes.

The clock that says a reading is older decides, except for how long an outage can be bridged.
"""

from collections.abc import Callable

import pytest

from shelfport import ProductVariantId
from shelfport.adapters.layers import CacheLayer, ReadingStore
from shelfport.adapters.runtime.background import Background
from shelfport.errors import TimedOut
from shelfport.ports import Call
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    LIVE,
    OPTIONS,
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
from tests.support.clocks import HostClock, LoopClock, SettableClock
from tests.support.listening import Heard, lowest
from tests.support.ports import Answers
from tests.support.values import OUT, an_event

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0
HOUR = 3600.0


def age(answers: Answers | None, clock: LoopClock) -> float:
    """What a page shows as the age of A, in seconds."""
    assert answers is not None
    [reading] = readings(answers)
    return reading.age(clock.now()).total_seconds()


async def test_a_suspension_ends_ttl(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """After a suspension longer than `ttl` a reading is no hit, and the service is asked."""
    await read(cached, A, B)
    clock.suspend(HOUR)
    service.quantity = 7

    assert (None, None) == (cached.hit(A), cached.hit_many([A, B]))
    assert [LIVE] == freshness(await read(cached, A))


async def test_a_short_suspension(cached: CacheLayer, service: Service, clock: HostClock) -> None:
    """The time of a suspension counts for `ttl` as any other time."""
    await read(cached, A)
    await after(2)
    clock.suspend(2.5)
    assert ([CACHED], 4.5) == (freshness(now := await read(cached, A)), age(now, clock))

    await after(0.5)
    assert ([STALE], 5.0) == (freshness(now := await read(cached, A)), age(now, clock))


async def test_a_suspension_counts_for_max_staleness(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """A reading from before a suspension is too old for a caller with a shorter limit."""
    await read(cached, A)
    clock.suspend(3)
    service.quantity = 7

    assert [100] == quantities(await read(cached, A, call=Call(max_staleness=3.1)))
    assert [7] == quantities(await read(cached, A, call=Call(max_staleness=3)))


async def test_a_suspension_ends_the_refreshing(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """After a suspension past `stale_while_revalidate` the service is asked first."""
    await read(cached, A)
    clock.suspend(29.9)
    service.quantity = 7
    assert [100] == quantities(await read(cached, A))
    await all_turns()
    clock.suspend(30)

    assert [LIVE] == freshness(await read(cached, A))


async def test_a_suspension_shortens_the_fallback(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """In an outage a suspension counts for `stale_if_error`."""
    await read(cached, A)
    clock.suspend(299.9)
    service.error = DOWN
    assert [STALE] == freshness(now := await read(cached, A))
    assert pytest.approx(299.9) == age(now, clock)
    clock.suspend(0.1)

    with pytest.raises(TimedOut):
        await read(cached, A)


async def test_a_suspension_ends_an_unknown(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """After a suspension longer than `negative_ttl` an "unknown" is asked for again."""
    service.unknown = {A}
    await read(cached, A)
    clock.suspend(4)
    service.unknown = set()

    assert [LIVE] == freshness(await read(cached, A))


async def test_a_suspension_after_an_event(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """After a suspension the reading of an event is not fresh either."""
    await cached.apply_event(an_event(OUT, A, at=1000))
    assert [0] == quantities(await read(cached, A))
    clock.suspend(HOUR)

    assert [LIVE] == freshness(await read(cached, A))


async def test_after_a_suspension_readings_are_kept_as_before(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """What is read after a suspension has all of its windows."""
    clock.suspend(HOUR)
    await read(cached, A)
    await after(4.9)
    assert [CACHED] == freshness(await read(cached, A))
    await after(295)
    service.error = DOWN

    assert [STALE] == freshness(await read(cached, A))


async def test_a_clock_that_does_not_count_suspensions(service: Service, heard: Heard) -> None:
    """Without a scale that counts them, a suspension ends `ttl`, but no fallback of an outage."""
    service.clock = clock = SettableClock()
    async with Background() as background:
        cached = CacheLayer(service, clock, ReadingStore(OPTIONS, lowest), background, heard)
        await read(cached, A)
        clock.suspend(HOUR)
        service.error = DOWN
        answers = await read(cached, A)

    assert ([STALE], HOUR) == (freshness(answers), age(answers, clock))
    assert 2 == len(service.asked)


async def test_a_clock_that_is_set_forward_ends_ttl(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """After the wall clock was set forward, a reading is no hit, and the service is asked."""
    await read(cached, A)
    clock.set_wall(HOUR)

    assert (None, None) == (cached.hit(A), cached.hit_many([A]))
    assert [LIVE] == freshness(await read(cached, A))
    await after(4.9)
    assert [CACHED] == freshness(await read(cached, A))


async def test_a_clock_that_is_set_forward_keeps_the_fallback(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """A wall clock that is set forward does not empty the fallback of an outage."""
    await read(cached, A)
    clock.set_wall(HOUR)
    service.error = DOWN
    assert ([STALE], HOUR) == (freshness(now := await read(cached, A)), age(now, clock))
    await after(299.9)
    assert [STALE] == freshness(await read(cached, A))
    await after(0.1)

    with pytest.raises(TimedOut):
        await read(cached, A)


async def test_a_clock_that_is_set_forward_counts_for_max_staleness(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """A caller with a limit gets no reading that is older by the wall clock."""
    await read(cached, A)
    clock.set_wall(60)
    service.error = DOWN

    assert [STALE] == freshness(await read(cached, A, call=Call(max_staleness=60.1)))
    with pytest.raises(TimedOut):
        await read(cached, A, call=Call(max_staleness=60))


Look = Callable[[CacheLayer], Answers | None]


def hit(cached: CacheLayer) -> Answers | None:
    reading = cached.hit(A)
    return None if reading is None else {A: reading}


def hit_many(cached: CacheLayer) -> Answers | None:
    ids: list[ProductVariantId] = [A]
    return cached.hit_many(ids)


@pytest.mark.parametrize("look", [hit, hit_many])
@pytest.mark.parametrize("back", [HOUR, 4, 2])
async def test_a_clock_that_is_set_back(
    cached: CacheLayer, service: Service, clock: HostClock, back: float, look: Look
) -> None:
    """After the wall clock was set back, a page shows the age of a reading as it is."""
    await read(cached, A)
    await after(4.5)
    clock.set_wall(-back)

    page = look(cached)
    shown = await read(cached, A) if page is None else page
    assert ([CACHED], 4.5) == (freshness(shown), age(shown, clock))
    assert 1 == len(service.asked)


async def test_a_clock_that_is_set_back_does_not_prolong_ttl(
    cached: CacheLayer, clock: HostClock
) -> None:
    """After the wall clock was set back, `ttl` ends by the monotonic clock."""
    await read(cached, A)
    await after(4)
    clock.set_wall(-HOUR)
    await after(1)

    assert (None, None) == (cached.hit(A), cached.hit_many([A]))
    assert ([STALE], 5.0) == (freshness(now := await read(cached, A)), age(now, clock))


async def test_a_clock_that_is_set_back_in_an_outage(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """In an outage the age of the last reading is shown as it is, and `stale_if_error` ends."""
    await read(cached, A)
    clock.set_wall(-HOUR)
    service.error = DOWN
    await after(100)
    assert ([STALE], 100.0) == (freshness(now := await read(cached, A)), age(now, clock))
    await after(200)

    with pytest.raises(TimedOut):
        await read(cached, A)


@pytest.mark.parametrize(
    ("waited", "step", "is_hit"),
    [(4, 0.5, True), (3, 2, False), (5, -0.5, False), (2, -1, True), (2, -1.5, False)],
)
async def test_hits_go_by_both_clocks(
    cached: CacheLayer, clock: HostClock, waited: float, step: float, *, is_hit: bool
) -> None:
    """A hit is within `ttl` by both clocks, and the wall clock was set back by a second at most."""
    await read(cached, A)
    await after(waited)
    clock.set_wall(step)

    assert [is_hit] * 2 == [found is not None for found in (cached.hit(A), cached.hit_many([A]))]


async def test_a_clock_that_is_set_right_again(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """A wall clock that is set forward and back again changes nothing."""
    await read(cached, A)
    before = await read(cached, A)
    clock.set_wall(HOUR)
    clock.set_wall(-HOUR)

    assert before[A] is (await read(cached, A))[A] is cached.hit(A)


@pytest.mark.parametrize("drift", [0.01, -0.2])
async def test_a_clock_that_drifts(cached: CacheLayer, clock: HostClock, drift: float) -> None:
    """A wall clock that runs a little fast or slow costs no hit."""
    await read(cached, A)
    before = cached.hit(A)
    for _ in range(4):
        await after(1)
        clock.set_wall(drift)

        assert before is not None
        assert before is cached.hit(A) is (cached.hit_many([A]) or {})[A]


async def test_the_age_of_a_drifting_clock(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """A wall clock that loses time slowly makes a reading appear younger by a second at most."""
    service.error = None
    await read(cached, A)
    service.error = DOWN
    for _ in range(5):
        await after(20)
        clock.set_wall(-0.4)
        shown = await read(cached, A)

    assert 100 == pytest.approx(age(shown, clock), abs=1)
