"""`hit` and `hit_many` return the readings of `read`, or None."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shelfport import Freshness, InventoryOutOfStock, StockReading, variant_id
from shelfport.adapters.layers import CacheLayer
from shelfport.ports import DEFAULT_CALL
from tests.adapters.layers.cache.world import A, B, C, Service, after, read
from tests.support.clocks import LoopClock

pytestmark = pytest.mark.looptime(start=1000)


async def test_a_hit_is_the_stored_reading(cached: CacheLayer) -> None:
    """Both return the objects that `read` returns, once each, in first-asked order."""
    await read(cached, A, B)
    known = await cached.read([B, A], DEFAULT_CALL)

    page = cached.hit_many([B, A, B])
    assert page is not None
    assert list(known.items()) == list(page.items())
    assert cached.hit(A) is known[A] is page[A]


async def test_the_first_hit(cached: CacheLayer) -> None:
    """The first hit builds the reading of its variant; later hits return the same object."""
    answers = await read(cached, A, B)
    live = {v: answer for v, answer in answers.items() if isinstance(answer, StockReading)}

    page = cached.hit_many([A])
    assert page == {A: live[A].kept_as(Freshness.CACHED)}
    assert page == cached.hit_many([A])
    assert cached.hit(B) == live[B].kept_as(Freshness.CACHED)
    assert cached.hit(B) is cached.hit(B)


async def test_no_hit(cached: CacheLayer) -> None:
    """A page with a missing variant is no hit, and neither is a reading after its `ttl`."""
    await read(cached, A)

    assert cached.hit_many([A, C]) is None
    assert cached.hit(C) is None
    await after(5)
    assert cached.hit(A) is None
    assert cached.hit_many([A]) is None


async def test_unknown_is_no_hit(cached: CacheLayer, service: Service) -> None:
    """An "unknown" is stored, but is no hit."""
    service.unknown = {A}
    await read(cached, A, B)

    assert (None, None) == (cached.hit(A), cached.hit_many([B, A]))


@pytest.mark.parametrize("text", ["", "..", "SCARF-BLUE", "12345678" * 4])
async def test_text_that_is_no_id(cached: CacheLayer, text: str) -> None:
    """Text that is no id of a stored variant is no hit."""
    await read(cached, A)

    assert (None, None) == (cached.hit(text), cached.hit_many([A, text]))


@pytest.mark.parametrize("other", [5, None, [A], {A: 1}])
async def test_no_text_at_all(cached: CacheLayer, other: Any) -> None:
    """A page with a value that is no text is no hit, hashable or not."""
    await read(cached, A)

    assert cached.hit_many([A, other]) is None


async def test_another_spelling(cached: CacheLayer) -> None:
    """An id that is not in its canonical form is no hit: the port gives it its form first."""
    variant = variant_id("c9bf9e57-1685-4c89-bafb-ff5af830be8a")
    await read(cached, variant)

    assert cached.hit(variant) is not None
    assert cached.hit(variant.upper()) is None


async def test_the_windows_of_each_request_count(cached: CacheLayer) -> None:
    """A page of several requests is a hit only while all of them are within their `ttl`."""
    await read(cached, A)
    await after(3)
    await read(cached, B, C)
    assert {A, B, C} == set(cached.hit_many([A, B, C]) or ())
    await after(3)

    assert [None, None] == [cached.hit_many([A, B, C]), cached.hit_many([B, C, A])]
    assert {B, C} == set(cached.hit_many([B, C]) or ())


async def test_an_event_is_seen(cached: CacheLayer) -> None:
    """The reading of an event is a hit; an invalidation ends it."""
    await read(cached, A, B)
    moment = LoopClock().now() + timedelta(seconds=1)
    await after(2)
    event = InventoryOutOfStock(event_id=UUID(int=1), occurred_at=moment, variant_id=A)
    await cached.apply_event(event)

    told = cached.hit(A)
    assert isinstance(told, StockReading)
    assert (0, "event") == (told.level.available_quantity, told.source)
    cached.invalidate([A])
    assert cached.hit(A) is None
    assert cached.hit_many([B]) is not None


async def test_hits_are_counted(cached: CacheLayer) -> None:
    """Both count their hits, and report the oldest age."""
    ages: list[float] = []
    await read(cached, A)
    await after(1)
    await read(cached, B)
    cached.hit_many([A, B])
    cached.stats.page_age = ages.append
    cached.hit(A)
    cached.hit_many([B, A])

    assert 5 == cached.snapshot().fresh
    assert [1, 1] == [round(age, 6) for age in ages]
