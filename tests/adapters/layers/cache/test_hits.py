"""`reading` and `page`: a hit without the layers says what `read` says, or nothing."""

from datetime import timedelta
from uuid import UUID

import pytest

from shelfport import Freshness, InventoryOutOfStock, StockReading
from shelfport.adapters.layers import CacheLayer
from shelfport.ports import DEFAULT_CALL
from tests.adapters.layers.cache.world import A, B, C, Service, after, read
from tests.support.clocks import LoopClock

pytestmark = pytest.mark.looptime(start=1000)


async def test_a_hit_is_the_kept_reading(cached: CacheLayer) -> None:
    """Both hand out the very objects that `read` hands out, once each, in first-asked order."""
    await read(cached, A, B)
    known = await cached.read([B, A], DEFAULT_CALL)

    page = cached.page([B, A, B])
    assert page is not None
    assert list(known.items()) == list(page.items())
    assert cached.reading(A) is known[A] is page[A]


async def test_the_first_hit(cached: CacheLayer) -> None:
    """Whoever asks first gets the whole reading, of its own variant, and all after it the same."""
    answers = await read(cached, A, B)
    live = {v: answer for v, answer in answers.items() if isinstance(answer, StockReading)}

    page = cached.page([A])
    assert page == {A: live[A].kept_as(Freshness.CACHED)}
    assert page == cached.page([A])
    assert cached.reading(B) == live[B].kept_as(Freshness.CACHED)
    assert cached.reading(B) is cached.reading(B)


async def test_no_hit_no_answer(cached: CacheLayer) -> None:
    """A page of which one variant is not kept is no hit, nor is anything past its fresh window."""
    await read(cached, A)

    assert cached.page([A, C]) is None
    assert cached.reading(C) is None
    await after(5)
    assert cached.reading(A) is None
    assert cached.page([A]) is None


async def test_unknown_is_for_the_long_way(cached: CacheLayer, service: Service) -> None:
    """What the service has no record of is kept, but it is no reading."""
    service.unknown = {A}
    await read(cached, A, B)

    assert (None, None) == (cached.reading(A), cached.page([B, A]))


@pytest.mark.parametrize("other", [str(A), A.int, None, object()])
async def test_only_uuids(cached: CacheLayer, other: object) -> None:
    """Whatever is no UUID is not looked for: what it means is for the mapper."""
    await read(cached, A)

    assert (None, None) == (cached.reading(other), cached.page([A, other]))


async def test_an_event_is_seen(cached: CacheLayer) -> None:
    """What an event told lies over what was read, here as well; a change ends the hit."""
    await read(cached, A, B)
    moment = LoopClock().now() + timedelta(seconds=1)
    await after(2)
    event = InventoryOutOfStock(event_id=UUID(int=1), occurred_at=moment, variant_id=A)
    await cached.apply_event(event)

    told = cached.reading(A)
    assert isinstance(told, StockReading)
    assert (0, "event") == (told.level.available_quantity, told.source)
    cached.invalidate([A])
    assert cached.reading(A) is None
    assert cached.page([B]) is not None


async def test_hits_are_counted(cached: CacheLayer) -> None:
    """Both count what they hand out, and tell the oldest age to whoever subscribed."""
    ages: list[float] = []
    await read(cached, A)
    await after(1)
    await read(cached, B)
    cached.page([A, B])
    cached.tally.page_age = ages.append
    cached.reading(A)
    cached.page([B, A])

    assert 5 == cached.snapshot().fresh
    assert [1, 1] == [round(age, 6) for age in ages]
