"""Events: what the cache shows after each of them, and what it does not believe."""

import asyncio
from datetime import timedelta

import pytest

from shelfport import (
    InventoryEvent,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
)
from shelfport.adapters.layers import CacheLayer
from shelfport.ports import Call
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    LIVE,
    STALE,
    A,
    B,
    Service,
    after,
    freshness,
    quantities,
    read,
)
from tests.support.clocks import EPOCH, LoopClock
from tests.support.ports import Answers, Ids
from tests.support.values import BACK, LOW, OUT, an_event

pytestmark = pytest.mark.looptime(start=1000)


async def test_out_of_stock_is_known_without_asking(cached: CacheLayer, service: Service) -> None:
    """That it is out of stock is a reading as of the event, from the event, and nobody is asked."""
    await read(cached, A)
    await after(1)
    event = an_event(OUT, A, at=1001)
    await cached.apply_event(event)
    [reading] = (await read(cached, A)).values()

    assert isinstance(reading, StockReading)
    level = StockLevel(A, 0, StockStatus.OUT_OF_STOCK, event.occurred_at)
    assert (level, event.occurred_at, "event", CACHED) == (
        reading.level,
        reading.as_of,
        reading.source,
        reading.freshness,
    )
    assert 1 == len(service.asked)


@pytest.mark.parametrize("kind", [LOW, BACK])
async def test_the_others_make_it_ask(
    cached: CacheLayer, service: Service, kind: type[InventoryEvent]
) -> None:
    """Low and back in stock say no quantity: the service is asked; if it is down, all is stale."""
    await read(cached, A)
    await cached.apply_event(an_event(OUT, A, at=1000.5))
    await after(1)
    await cached.apply_event(an_event(kind, A, at=1001))
    await after(0.001)
    service.error = DOWN
    assert ([STALE], [100]) == (freshness(now := await read(cached, A)), quantities(now))

    service.error, service.quantity = None, 3
    await after(2)
    assert ([LIVE], [3]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_a_read_after_the_event_wins(cached: CacheLayer, service: Service) -> None:
    """A read from after an event takes its place, though the row was stamped just before it."""
    await cached.apply_event(an_event(OUT, A, at=1000))
    await after(0.1)
    service.quantity = 5  # rows of this service are stamped at EPOCH, long before the event
    await read(cached, A, call=Call(max_staleness=0))

    assert [5] == quantities(await read(cached, A))


async def test_a_slow_read_from_before_the_event_loses(
    cached: CacheLayer, service: Service
) -> None:
    """A read that was sent before an event was heard, and lands after it, is not kept."""
    service.delay = 2
    slow = asyncio.create_task(read(cached, A))
    await after(1)
    await cached.apply_event(an_event(OUT, A, at=1001))
    await slow

    assert [0] == quantities(await read(cached, A))


async def test_a_refresh_from_before_the_event_is_not_joined(
    cached: CacheLayer, service: Service
) -> None:
    """A page after an event waits for a read that began after it, not for one under way."""
    await read(cached, A)
    await after(100)
    service.delay, service.quantity = 0.15, 7
    early = asyncio.create_task(read(cached, A))
    await after(0.05)
    service.quantity = 3
    await cached.apply_event(an_event(LOW, A, at=1100.05))
    await after(0.05)
    late = await read(cached, A)

    assert ([LIVE], [3]) == (freshness(late), quantities(late))
    assert [7] == quantities(await early)
    await after(1)
    assert ([CACHED], [3]) == (freshness(kept := await read(cached, A)), quantities(kept))


async def test_an_older_event_undoes_nothing(cached: CacheLayer, service: Service) -> None:
    """An event that happened before the last one is passed over, and so is the same one again."""
    await after(1)
    back = an_event(BACK, A, at=1000.5)
    await cached.apply_event(back)
    await after(0.001)
    await read(cached, A)
    await cached.apply_event(an_event(OUT, A, at=1000.4))
    await cached.apply_event(back)

    assert ([CACHED], [100]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_an_event_that_the_row_knows_is_passed_over(
    cached: CacheLayer, service: Service
) -> None:
    """An event from before the kept level was updated tells nothing new."""

    async def updated_later(asked: Ids, _call: Call) -> Answers:
        updated = EPOCH + timedelta(seconds=999)
        level = {v: StockLevel(v, 9, StockStatus.LOW_STOCK, updated) for v in asked}
        return {v: StockReading(level[v], LoopClock().now(), "test") for v in asked}

    service.script = updated_later
    await read(cached, A)
    await cached.apply_event(an_event(OUT, A, at=998))
    await cached.apply_event(an_event(OUT, A, at=999))
    assert ([CACHED], [9]) == (freshness(now := await read(cached, A)), quantities(now))

    await cached.apply_event(an_event(OUT, A, at=999.5))
    await after(0.001)
    await read(cached, A)
    assert 2 == len(service.asked)


async def test_old_news_over_a_younger_read_make_it_ask(
    cached: CacheLayer, service: Service
) -> None:
    """An event from before the kept read was sent is not shown over it: the service is asked."""
    await read(cached, A)
    await after(1)
    await cached.apply_event(an_event(OUT, A, at=990))
    await after(0.001)
    service.quantity = 1

    assert ([LIVE], [1]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_a_delayed_event_is_as_old_as_it_is(cached: CacheLayer, service: Service) -> None:
    """An event that comes late is shown with its age, and refreshed; one too old is not shown."""
    service.error = DOWN
    await cached.apply_event(an_event(OUT, A, at=980))
    await cached.apply_event(an_event(OUT, B, at=0))
    answers = await cached.read([A, B], Call())

    assert [STALE, None] == freshness(answers)


async def test_a_clock_that_is_ahead(cached: CacheLayer, service: Service) -> None:
    """An event from a clock ahead of ours counts as of now."""
    await cached.apply_event(an_event(OUT, A, at=1100))
    [reading] = (await read(cached, A)).values()

    assert isinstance(reading, StockReading)
    assert (LoopClock().now(), CACHED) == (reading.as_of, reading.freshness)


async def test_an_unknown_variant_is_asked_again(cached: CacheLayer, service: Service) -> None:
    """An event about a variant that was unknown ends that."""
    service.unknown = {A}
    await read(cached, A)
    service.unknown = set()
    await cached.apply_event(an_event(BACK, A, at=1000))
    await after(0.001)

    assert [LIVE] == freshness(await read(cached, A))


async def test_memory_of_events_is_bounded(cached: CacheLayer) -> None:
    """Of events, too, only so many variants are remembered."""
    cached.shelf.options = type(cached.shelf.options)(max_entries=2)
    for number in range(1, 5):
        await cached.apply_event(an_event(OUT, ProductVariantId(an_event().event_id), at=number))

    assert (2, 2) == (len(cached.shelf._learned), len(cached.shelf._told))
