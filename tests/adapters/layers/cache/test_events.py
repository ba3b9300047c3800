"""Events: what the cache serves after each of them."""

import asyncio
from datetime import timedelta

import pytest

from shelfport import (
    InventoryEvent,
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
from tests.support.values import BACK, LOW, OUT, an_event, an_id

pytestmark = pytest.mark.looptime(start=1000)


async def test_out_of_stock_needs_no_request(cached: CacheLayer, service: Service) -> None:
    """OUT_OF_STOCK is served as a reading as of the event, without a request."""
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
async def test_other_events_cause_a_request(
    cached: CacheLayer, service: Service, kind: type[InventoryEvent]
) -> None:
    """After the other two events the service is asked; if it is down, the reading is STALE."""
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
    """A read after an event replaces it, though its timestamp is a moment older."""
    await cached.apply_event(an_event(OUT, A, at=1000))
    await after(0.1)
    service.quantity = 5  # rows of this service are stamped at EPOCH, long before the event
    await read(cached, A, call=Call(max_staleness=0))

    assert [5] == quantities(await read(cached, A))


async def test_a_slow_read_from_before_the_event_loses(
    cached: CacheLayer, service: Service
) -> None:
    """A read that was sent before an event and ends after it is not stored."""
    service.delay = 2
    slow = asyncio.create_task(read(cached, A))
    await after(1)
    await cached.apply_event(an_event(OUT, A, at=1001))
    await slow

    assert [0] == quantities(await read(cached, A))


async def test_a_refresh_from_before_the_event_is_not_joined(
    cached: CacheLayer, service: Service
) -> None:
    """A page after an event joins no in-flight refresh from before it."""
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
    """An event that is older than the last one, or the same, is discarded."""
    await after(1)
    back = an_event(BACK, A, at=1000.5)
    await cached.apply_event(back)
    await after(0.001)
    await read(cached, A)
    await cached.apply_event(an_event(OUT, A, at=1000.4))
    await cached.apply_event(back)

    assert ([CACHED], [100]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_an_event_that_the_level_includes_is_discarded(
    cached: CacheLayer, service: Service
) -> None:
    """An event from before the update of the stored level is discarded."""

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


async def test_an_event_older_than_the_reading_expires_it(
    cached: CacheLayer, service: Service
) -> None:
    """An event that is older than the stored reading only expires it."""
    await read(cached, A)
    await after(1)
    await cached.apply_event(an_event(OUT, A, at=990))
    await after(0.001)
    service.quantity = 1

    assert ([LIVE], [1]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_a_delayed_event_is_as_old_as_it_is(cached: CacheLayer, service: Service) -> None:
    """A late event is served with its age, and refreshed; one past all windows is not served."""
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
    """An event deletes the "unknown" of its variant."""
    service.unknown = {A}
    await read(cached, A)
    service.unknown = set()
    await cached.apply_event(an_event(BACK, A, at=1000))
    await after(0.001)

    assert [LIVE] == freshness(await read(cached, A))


async def test_memory_of_events_is_bounded(cached: CacheLayer) -> None:
    """The memory for events is bounded by `max_entries`."""
    cached.store.options = type(cached.store.options)(max_entries=2)
    for number in range(1, 5):
        await cached.apply_event(an_event(OUT, an_id(), at=number))

    assert (2, 2) == (len(cached.store._last_events), len(cached.store._event_entries))
