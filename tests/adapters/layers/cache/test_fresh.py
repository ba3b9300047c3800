"""ttl: a reading is served without a request."""

import asyncio

import pytest

from shelfport import (
    StockReading,
)
from shelfport.adapters.layers import CacheLayer
from tests.adapters.layers.cache.world import (
    CACHED,
    LIVE,
    STALE,
    A,
    B,
    C,
    Service,
    after,
    freshness,
    read,
    readings,
)
from tests.support.clocks import LoopClock
from tests.support.listening import Heard

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0


async def test_a_fresh_reading_is_served_again(cached: CacheLayer, service: Service) -> None:
    """Within `ttl` a reading is served without a request, with its own `as_of`."""
    live = await read(cached, A)
    await after(4.9)
    kept = await read(cached, A)

    assert [LIVE] == freshness(live)
    assert [CACHED] == freshness(kept)
    reading = kept[A]
    assert isinstance(reading, StockReading)
    assert pytest.approx(4.9) == reading.age(LoopClock().now()).total_seconds()
    assert [[A]] == service.asked


async def test_a_hit_returns_the_stored_object(cached: CacheLayer) -> None:
    """Every hit returns the same reading object, and a mapping of its own."""
    await read(cached, A)
    first, second = await read(cached, A), await read(cached, A)

    assert first[A] is second[A]
    assert first is not second


async def test_a_page_of_hits_starts_nothing(cached: CacheLayer, heard: Heard) -> None:
    """A page that is all hits starts no task and makes no signal."""
    await read(cached, A, B)
    tasks = asyncio.all_tasks()
    await read(cached, B, A, B)

    assert tasks == asyncio.all_tasks()
    assert [] == heard.signals


async def test_only_missing_ids_are_asked_for(cached: CacheLayer, service: Service) -> None:
    """Only missing ids are read; the result has the order of the page."""
    await read(cached, B)
    answers = await read(cached, A, B, C, A)

    assert [[B], [A, C]] == service.asked
    assert [A, B, C] == list(answers)
    assert [LIVE, CACHED, LIVE] == freshness(answers)


async def test_nothing_asked(cached: CacheLayer, service: Service) -> None:
    """No ids, no call below."""
    assert {} == await read(cached)
    assert [] == service.asked


async def test_what_the_service_wrote_is_kept(cached: CacheLayer, service: Service) -> None:
    """A status that is not of the contract, and a missing date, are served from memory, too."""
    service.reported_status, service.updated_at = "BACKORDER", None
    await read(cached, A)
    fresh = await read(cached, A)
    await after(10)
    stale = await read(cached, A)

    assert [CACHED, STALE] == freshness(fresh) + freshness(stale)
    assert [("BACKORDER", None)] * 2 == [
        (reading.level.reported_status, reading.level.updated_at)
        for reading in readings(fresh) + readings(stale)
    ]
