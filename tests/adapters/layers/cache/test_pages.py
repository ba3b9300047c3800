"""Pages of several kinds, and variants that are unknown."""

import itertools

import attrs
import pytest

from shelfport import Freshness
from shelfport.adapters.layers import CacheLayer, ReadingStore
from shelfport.adapters.runtime.background import Background
from shelfport.errors import TimedOut
from shelfport.ports import Call, UnknownVariant, Unreadable
from shelfport.signals import ServedStale
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    LIVE,
    OPTIONS,
    STALE,
    A,
    B,
    C,
    D,
    Service,
    after,
    freshness,
    quantities,
    read,
)
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids
from tests.support.values import a_reading

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0


async def test_a_missing_variant_refreshes_the_whole_page(
    cached: CacheLayer, service: Service
) -> None:
    """A page with a missing variant refreshes all that is not fresh in the same request."""
    await read(cached, A)
    await after(80)
    await read(cached, B)
    await after(20)
    await read(cached, C)
    service.quantity = 7
    answers = await read(cached, D, C, B, A)

    assert [D, A, B] == service.asked[-1]
    assert [LIVE, CACHED, LIVE, LIVE] == freshness(answers)
    assert [7, 100, 7, 7] == quantities(answers)


async def test_a_page_that_was_read_together_is_refreshed_together(
    service: Service, heard: Heard
) -> None:
    """Jitter does not divide a page: all of it is fresh, then all of it is refreshed at once."""
    draws = itertools.cycle((0.0, 0.5, 1.0))
    store = ReadingStore(attrs.evolve(OPTIONS, jitter=0.2), lambda low, high: next(draws))
    async with Background() as background:
        cached = CacheLayer(service, LoopClock(), store, background, heard)
        await read(cached, A, B, C)
        await after(4.9)
        before = await read(cached, A, B, C)
        await after(0.2)
        at_its_end = await read(cached, A, B, C)
        await after(0.1)
        refreshed = await read(cached, A, B, C)

    assert [[CACHED] * 3, [STALE] * 3, [CACHED] * 3] == [
        freshness(answers) for answers in (before, at_its_end, refreshed)
    ]
    assert [[A, B, C], [A, B, C]] == service.asked


async def test_an_invalidated_variant_is_refreshed_alone(
    cached: CacheLayer, service: Service
) -> None:
    """The others of the request that an invalidated variant came with stay fresh."""
    await read(cached, A, B, C)
    await after(1)
    cached.invalidate([B])
    await after(1)
    answers = await read(cached, A, B, C)

    assert [CACHED, LIVE, CACHED] == freshness(answers)
    assert [[A, B, C], [B]] == service.asked


async def test_a_page_in_an_outage(cached: CacheLayer, service: Service, heard: Heard) -> None:
    """In an outage a page shows stored readings; variants without one are unreadable."""
    await read(cached, A)
    await after(100)
    service.error = DOWN
    answers = await read(cached, A, B)

    assert [STALE, None] == freshness(answers)
    assert Unreadable(DOWN) == answers[B]
    assert [ServedStale(1, 100.0, None)] == heard.signals


async def test_unreadable_in_part(cached: CacheLayer, service: Service) -> None:
    """A variant that alone cannot be read is served stale, too."""
    await read(cached, A)
    await after(100)

    async def script(ids: Ids, call: Call) -> Answers:
        return {v: Unreadable(DOWN) if v == A else a_reading(v) for v in ids}

    service.script = script

    assert [STALE, LIVE] == freshness(await read(cached, A, B))
    assert [STALE] == freshness(await read(cached, A))


@pytest.mark.parametrize(
    ("age", "max_staleness", "served"),
    [
        (1.0, 2.0, [CACHED]),
        (2.0, 2.0, []),
        (1.0, 0.0, []),
        (0.0, 0.0, []),
        (10.0, 11.0, [STALE]),
        (10.0, 10.0, []),
        (100.0, 101.0, [STALE]),
        (100.0, 100.0, []),
        (400.0, 1000.0, []),
    ],
)
async def test_the_callers_limit_shortens_the_windows(
    cached: CacheLayer, service: Service, age: float, max_staleness: float, served: list[Freshness]
) -> None:
    """No reading as old as the caller's limit is served, whatever the windows are."""
    await read(cached, A)
    await after(age)
    service.error = DOWN
    try:
        answers = await read(cached, A, call=Call(max_staleness=max_staleness))
    except TimedOut:
        answers = {}

    assert served == freshness(answers)


async def test_unknown_is_cached(cached: CacheLayer, service: Service) -> None:
    """An "unknown" is served for `negative_ttl`; then the service is asked again."""
    service.unknown = {A}
    assert {A: UnknownVariant(A)} == await read(cached, A)
    await after(3.9)
    assert {A: UnknownVariant(A)} == await read(cached, A)
    assert 1 == len(service.asked)

    await after(0.2)
    await read(cached, A)
    assert 2 == len(service.asked)
