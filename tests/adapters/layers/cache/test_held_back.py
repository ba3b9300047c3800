"""A later read with an older level: held back for one `ttl`, then believed."""

from datetime import timedelta

import pytest

from shelfport.adapters.layers import CacheLayer
from shelfport.ports import Call
from shelfport.signals import ReadingsHeldBack, ServedStale
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    LIVE,
    STALE,
    A,
    B,
    C,
    Service,
    after,
    all_turns,
    freshness,
    quantities,
    read,
    readings,
)
from tests.support.clocks import EPOCH, HostClock, LoopClock
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids
from tests.support.values import LOW, a_reading, an_event

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0
NOW = Call(max_staleness=0)


def change(service: Service, quantity: int, updated: float) -> None:
    """From now on the service answers with this level, updated so many seconds after `EPOCH`."""
    service.quantity, service.updated_at = quantity, EPOCH + timedelta(seconds=updated)


async def lag(cached: CacheLayer, service: Service) -> None:
    """Read 100 of A and B, and 2 s later 7, which were updated before those 100."""
    change(service, 100, 500)
    await read(cached, A, B)
    await after(2)
    change(service, 7, 400)
    await read(cached, A, B, call=NOW)


async def test_the_stored_reading_stays(cached: CacheLayer, service: Service) -> None:
    """A page shows the level that was updated last, within a `ttl` of the later read."""
    await lag(cached, service)
    await after(4.9)
    now = await read(cached, A)

    assert ([CACHED], [100]) == (freshness(now), quantities(now))
    assert 2 == len(service.asked)


async def test_it_is_signalled(cached: CacheLayer, service: Service, heard: Heard) -> None:
    """One signal a read says how many readings are held back."""
    await lag(cached, service)
    assert [ReadingsHeldBack(2)] == heard.of(ReadingsHeldBack)


async def test_a_strict_caller_gets_the_answer(cached: CacheLayer, service: Service) -> None:
    """A caller that accepts no age gets the service's own answer."""
    await lag(cached, service)
    now = await read(cached, A, call=NOW)

    assert ([LIVE], [7]) == (freshness(now), quantities(now))
    assert [A] == service.asked[-1]


async def test_a_caller_with_a_limit_gets_the_held_reading(
    cached: CacheLayer, service: Service
) -> None:
    """If the stored reading is too old for a caller, it gets the one that is held back."""
    await lag(cached, service)
    await after(1)
    now = await read(cached, A, call=Call(max_staleness=1.1))
    assert ([CACHED], [7]) == (freshness(now), quantities(now))
    assert 2 == len(service.asked)

    await read(cached, A, call=Call(max_staleness=1))
    assert 3 == len(service.asked)


@pytest.mark.parametrize("waited", [5.0, 5.1])
async def test_it_is_believed_after_a_ttl(
    cached: CacheLayer, service: Service, waited: float
) -> None:
    """A read that begins one `ttl` after the first, and is still older, is believed."""
    await lag(cached, service)
    await after(waited)
    await read(cached, A)
    await all_turns()
    now = await read(cached, A)

    assert ([CACHED], [7]) == (freshness(now), quantities(now))
    assert 3 == len(service.asked)


async def test_it_is_not_believed_before(cached: CacheLayer, service: Service) -> None:
    """However many reads are older within the `ttl`, the stored reading stays."""
    await lag(cached, service)
    for _ in range(4):
        await after(1.2)
        await read(cached, A, call=NOW)

    assert [100] == quantities(await read(cached, A))


async def test_the_latest_of_them_is_held(cached: CacheLayer, service: Service) -> None:
    """Of several readings that are held back, the latest is for callers with a limit."""
    await lag(cached, service)
    await after(1)
    change(service, 5, 300)
    await read(cached, A, call=NOW)
    await after(1)

    assert [5] == quantities(await read(cached, A, call=Call(max_staleness=1.1)))


async def test_a_newer_level_ends_it(cached: CacheLayer, service: Service) -> None:
    """A level that is not older is stored, and the next older one is held back anew."""
    await lag(cached, service)
    await after(1)
    change(service, 50, 600)
    await read(cached, A, call=NOW)
    assert [50] == quantities(await read(cached, A, call=Call(max_staleness=1)))
    await after(4.5)
    change(service, 7, 400)
    await read(cached, A, call=NOW)

    assert [50] == quantities(await read(cached, A))


async def test_the_same_level_ends_it(cached: CacheLayer, service: Service) -> None:
    """If the service answers with the stored level again, nothing is held back any more."""
    await lag(cached, service)
    await after(1)
    change(service, 100, 500)
    await read(cached, A, call=NOW)
    await after(4.5)
    change(service, 7, 400)
    await read(cached, A, call=NOW)

    assert [100] == quantities(await read(cached, A))


async def test_in_an_outage(cached: CacheLayer, service: Service) -> None:
    """In an outage the stored reading is the fallback."""
    await lag(cached, service)
    await after(100)
    service.error = DOWN

    assert ([STALE], [100]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_a_fence_ends_it(cached: CacheLayer, service: Service) -> None:
    """After an invalidation, what was held back is not served."""
    await lag(cached, service)
    cached.invalidate([A])
    await after(1)
    await read(cached, A, B, call=Call(max_staleness=2))

    assert [A] == service.asked[-1]


async def test_a_fence_for_all_ends_it(cached: CacheLayer, service: Service) -> None:
    """`invalidate_all` ends it for every variant."""
    await lag(cached, service)
    cached.invalidate_all()
    await after(1)
    await read(cached, A, B, call=Call(max_staleness=2))

    assert [A, B] == service.asked[-1]


async def test_an_event_ends_it(cached: CacheLayer, service: Service) -> None:
    """An event of the variant ends it."""
    await lag(cached, service)
    await cached.apply_event(an_event(LOW, A, at=1002))
    await after(1)
    change(service, 50, 1002)

    assert ([LIVE], [50]) == (freshness(now := await read(cached, A)), quantities(now))
    assert ([CACHED], [50]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_an_older_answer_after_a_fence(
    cached: CacheLayer, service: Service, heard: Heard
) -> None:
    """After an invalidation, an older answer is served to all, until the stored one is right."""
    change(service, 100, 500)
    await read(cached, A)
    await after(1)
    cached.invalidate([A])
    await after(1)
    change(service, 7, 400)
    first, second = await read(cached, A), await read(cached, A)

    assert ([[7], [7]]) == [quantities(first), quantities(second)]
    assert [CACHED] == freshness(second)
    assert [] == heard.of(ServedStale)
    assert 2 == len(service.asked)


async def test_in_the_last_window(cached: CacheLayer, service: Service, heard: Heard) -> None:
    """If the service is asked first, and its answer is held back, there is no outage."""
    change(service, 100, 500)
    await read(cached, A)
    await after(100)
    change(service, 7, 400)
    now = await read(cached, A)

    assert ([CACHED], [100]) == (freshness(now), quantities(now))
    assert [] == heard.of(ServedStale)


async def test_a_missing_variant_beside_it(cached: CacheLayer, service: Service) -> None:
    """In a page that waits for the service, what is held back is not shown either."""
    change(service, 100, 500)
    await read(cached, A)
    await after(100)
    change(service, 7, 400)

    assert [100, 7] == quantities(await read(cached, A, C))


async def test_a_clock_of_the_service_that_was_ahead(cached: CacheLayer, service: Service) -> None:
    """A level that was updated by a clock ahead of ours is replaced by the next change."""
    change(service, 100, 1240)
    await read(cached, A)
    await after(2)
    change(service, 0, 1001)
    await read(cached, A, call=NOW)

    assert [0] == quantities(await read(cached, A))


async def test_without_a_date_the_later_read_wins(cached: CacheLayer, service: Service) -> None:
    """A level that does not say when it was updated replaces an earlier one, and is replaced."""
    change(service, 100, 500)
    await read(cached, A)
    await after(1)
    service.quantity, service.updated_at = 50, None
    await read(cached, A, call=NOW)
    assert [50] == quantities(await read(cached, A))
    await after(1)
    change(service, 7, 400)
    await read(cached, A, call=NOW)

    assert [7] == quantities(await read(cached, A))


async def test_a_stale_answer_proves_nothing(
    cached: CacheLayer, service: Service, heard: Heard
) -> None:
    """A STALE reading of the cache below does not replace a level that was updated later."""
    change(service, 100, 500)
    await read(cached, A)

    async def below(ids: Ids, _: Call) -> Answers:
        return {variant: a_reading(variant, 7, LoopClock().now(), STALE) for variant in ids}

    service.script = below
    for _ in range(3):
        await after(2)
        await read(cached, A, call=NOW)

    assert ([STALE], [100]) == (freshness(now := await read(cached, A)), quantities(now))
    assert [] == heard.of(ReadingsHeldBack)


async def test_after_a_long_suspension_the_later_read_wins(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """A reading that a suspension has taken past all windows holds nothing back."""
    change(service, 100, 500)
    await read(cached, A)
    await after(1)
    clock.suspend(298.9)
    change(service, 7, 400)
    await read(cached, A, call=NOW)
    assert [100] == quantities(await read(cached, A))
    clock.suspend(0.1)
    await read(cached, A, call=NOW)

    assert [7] == quantities(await read(cached, A))


@pytest.mark.parametrize("jump", [60.0, -60.0])
async def test_the_age_of_the_stored_reading(
    cached: CacheLayer, service: Service, clock: HostClock, jump: float
) -> None:
    """A reading that stays has its age by the later clock, also if the wall clock was set."""
    change(service, 100, 500)
    await read(cached, A)
    await after(2)
    clock.set_wall(jump)
    change(service, 7, 400)
    await read(cached, A, call=NOW)
    await after(2)
    page = await read(cached, A)

    age = 4 + max(0, jump)
    assert [100] == quantities(page)
    assert [age] == [r.age(clock.now()).total_seconds() for r in readings(page)]
    assert [7] == quantities(await read(cached, A, call=Call(max_staleness=age)))


async def test_the_age_on_arrival_of_the_stored_reading(
    cached: CacheLayer, service: Service, clock: HostClock
) -> None:
    """A reading that stays says how old it was on arrival, also if the wall clock was set."""
    change(service, 100, 500)
    service.upstream_age = 2
    await read(cached, A)
    await after(2)
    clock.set_wall(60)
    service.upstream_age = 0
    change(service, 7, 400)
    await read(cached, A, call=NOW)

    assert [2] == [reading.upstream_age for reading in readings(await read(cached, A))]


async def test_of_a_shared_request(cached: CacheLayer, service: Service, heard: Heard) -> None:
    """A reading that several callers bring from one request is held back, and counted, once."""
    change(service, 100, 500)
    await read(cached, A)
    await after(1)
    change(service, 7, 400)
    answers = await service.answer([A], NOW)

    async def shared(ids: Ids, _: Call) -> Answers:
        return answers

    service.script = shared
    for _ in range(3):
        await read(cached, A, call=NOW)

    assert [ReadingsHeldBack(1)] == heard.of(ReadingsHeldBack)
    assert [100] == quantities(await read(cached, A))
