"""Invalidation: fences, and reads that began before them."""

import asyncio
from datetime import timedelta

import pytest

from shelfport.adapters.layers import CacheLayer
from shelfport.errors import TimedOut
from shelfport.ports import DEFAULT_CALL, Call, UnknownVariant
from shelfport.signals import ServedStale
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
    freshness,
    quantities,
    read,
)
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids
from tests.support.values import a_reading, an_initial_stock

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0


async def test_a_new_record_is_seen_at_once(cached: CacheLayer, service: Service) -> None:
    """After an initialization the next read asks for the variant, though it was unknown before."""
    service.unknown = {A}
    await read(cached, A)
    service.unknown = set()
    request = an_initial_stock(A)
    await cached.initialize(request, DEFAULT_CALL)
    await after(0.001)

    assert [LIVE] == freshness(await read(cached, A))
    assert [(request, DEFAULT_CALL)] == service.initializations


async def test_a_write_elsewhere_is_seen_at_once(cached: CacheLayer, service: Service) -> None:
    """After a write that this layer did not see, the next read asks for its variants alone."""
    await read(cached, A, B)
    await cached.apply_write((A,))
    await after(0.001)

    assert [LIVE, CACHED] == freshness(await read(cached, A, B))


async def test_a_failed_initialization_is_a_change_too(
    cached: CacheLayer, service: Service
) -> None:
    """An initialization that failed may have happened: it invalidates an "unknown"."""

    class Failing(Service):
        async def initialize(self, request: object, call: object) -> object:  # type: ignore[override]  # only raises
            raise DOWN

    failing = Failing()
    cached.inner = failing  # type: ignore[assignment]  # it only fails
    failing.unknown = {A}
    await read(cached, A)
    with pytest.raises(TimedOut):
        await cached.initialize(an_initial_stock(A), DEFAULT_CALL)
    await after(0.001)
    await read(cached, A)

    assert 2 == len(failing.asked)


async def test_a_slow_read_from_before_a_fence_is_not_stored(
    cached: CacheLayer, service: Service
) -> None:
    """A read that began before an invalidation is answered, but not stored."""
    service.delay = 2.0
    slow = asyncio.create_task(read(cached, A))
    await after(1)
    service.quantity, service.delay = 7, 0.0
    cached.invalidate([A])

    assert [100] == quantities(await slow)
    assert ([LIVE], [7]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_a_slow_read_does_not_replace_a_newer_one(
    cached: CacheLayer, service: Service
) -> None:
    """Of two reads that overlap, the one that began later stays."""
    service.delay = 2.0
    slow = asyncio.create_task(read(cached, A))
    await after(1)
    service.quantity, service.delay = 7, 0.0
    await read(cached, A)
    await slow

    assert [7] == quantities(await read(cached, A))


async def test_after_a_fence_the_service_is_asked_first(
    cached: CacheLayer, service: Service
) -> None:
    """An invalidated reading is served only if the service does not answer."""
    await read(cached, A, B)
    await after(1)
    cached.invalidate([A])
    service.quantity = 7
    assert [LIVE, CACHED] == freshness(await read(cached, A, B))

    await after(1)
    cached.invalidate([A])
    service.error = DOWN
    assert [STALE] == freshness(await read(cached, A))


async def test_no_read_from_before_a_fence_is_joined(cached: CacheLayer, service: Service) -> None:
    """A read after an invalidation joins no in-flight read from before it."""
    await after(10)
    cached.invalidate([A])
    await after(3)
    await read(cached, A)
    await read(cached, B)
    await after(20)
    await read(cached, A, C, call=Call(max_staleness=1000))

    assert [3, None] == [call.max_staleness for _, call in service.reads[:2]]
    assert pytest.approx(23) == service.reads[-1][1].max_staleness


async def test_age_counts_from_the_sending(cached: CacheLayer, service: Service) -> None:
    """The age of an answer from a shared request counts from the sending of that request."""
    sent = LoopClock().now()
    await after(3)

    async def shared(ids: Ids, call: Call) -> Answers:
        return {variant: a_reading(variant, as_of=sent) for variant in ids}

    service.script = shared
    await read(cached, A)
    await after(1.9)
    assert [CACHED] == freshness(await read(cached, A))

    await after(0.2)
    assert [STALE] == freshness(await read(cached, A))


async def test_the_stricter_limit_goes_down(cached: CacheLayer, service: Service) -> None:
    """The shorter of the caller's limit and the time since the invalidation goes down."""
    cached.invalidate([A])
    await after(3)
    await read(cached, A, call=Call(max_staleness=2))
    cached.invalidate([B])
    await after(3)
    await read(cached, B, call=Call(max_staleness=20))

    assert [2, 3] == [call.max_staleness for _, call in service.reads]


async def test_invalidate_all(cached: CacheLayer, service: Service) -> None:
    """`invalidate_all` expires everything; readings stay as fallbacks."""
    await read(cached, A, B)
    await after(1)
    cached.invalidate_all()
    await after(0.001)
    service.quantity = 7
    asked = await read(cached, A)
    service.error = DOWN

    assert ([LIVE], [7]) == (freshness(asked), quantities(asked))
    assert [STALE] == freshness(await read(cached, B))


async def test_an_unknown_from_another_cache(cached: CacheLayer, service: Service) -> None:
    """An "unknown" from a cache below is served for the rest of its window only."""

    async def script(asked: Ids, call: Call) -> Answers:
        return {v: UnknownVariant(v, LoopClock().now() - timedelta(seconds=3)) for v in asked}

    service.script = script
    for _ in range(3):
        await read(cached, A)
        await after(0.6)

    assert 2 == len(service.asked)


async def test_a_reading_from_another_cache_may_be_older(
    cached: CacheLayer, service: Service
) -> None:
    """A stale reading from a cache below does not replace a younger one in memory."""

    async def script(asked: Ids, call: Call) -> Answers:
        old = LoopClock().now() - timedelta(seconds=100)
        return {v: a_reading(v, 3, old, STALE) for v in asked}

    await read(cached, A)
    await after(40)
    service.script = script
    page = await read(cached, A, B)

    assert ([STALE, STALE], [100, 3]) == (freshness(page), quantities(page))


async def test_stale_from_below_is_not_current(cached: CacheLayer, service: Service) -> None:
    """A stale reading from a cache below is not served as current, however young it is."""

    async def script(asked: Ids, call: Call) -> Answers:
        return {v: a_reading(v, 3, LoopClock().now() - timedelta(seconds=1), STALE) for v in asked}

    service.script = script
    await read(cached, A)
    service.script = service.answer

    assert [STALE] == freshness(await read(cached, A))
    await after(0.1)
    refreshed = await read(cached, A)
    assert ([CACHED], [100]) == (freshness(refreshed), quantities(refreshed))


async def test_stale_from_below_is_signalled(
    cached: CacheLayer, service: Service, heard: Heard
) -> None:
    """A stale reading from a cache below is signalled like one from memory."""

    async def script(asked: Ids, call: Call) -> Answers:
        return {
            v: a_reading(v, 3, LoopClock().now() - timedelta(seconds=100), STALE) for v in asked
        }

    service.script = script
    await read(cached, A, call=Call(correlation_id="c"))

    [told] = heard.of(ServedStale)
    assert (1, 100.0, "c") == (told.variants, round(told.oldest, 6), told.correlation_id)
