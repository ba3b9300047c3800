"""stale-if-error: the layer asks the service, and falls back to the stored reading."""

import asyncio
from datetime import timedelta
from unittest.mock import ANY

import pytest

from shelfport import Freshness
from shelfport.adapters.layers import CacheLayer
from shelfport.errors import TimedOut
from shelfport.ports import Call
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
    freshness,
    quantities,
    read,
)
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids
from tests.support.values import a_reading

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0


async def test_an_answer_within_the_soft_timeout(cached: CacheLayer, service: Service) -> None:
    """In the last window an answer within the soft timeout is served, LIVE."""
    await read(cached, A)
    await after(100)
    service.quantity, service.delay = 7, 0.1
    answers = await read(cached, A)

    assert ([LIVE], [7]) == (freshness(answers), quantities(answers))


@pytest.mark.parametrize(
    ("brought", "younger_by", "shown"),
    [(CACHED, -1, 7), (STALE, 1, 7), (STALE, -1, 100)],
)
async def test_a_stale_reading_of_another_cache(
    cached: CacheLayer, service: Service, brought: Freshness, younger_by: float, shown: int
) -> None:
    """Of a stored reading and a stale one from a cache below, the younger is served."""
    kept_at = LoopClock().now()
    await read(cached, A)
    await after(100)

    async def below(ids: Ids, _: Call) -> Answers:
        as_of = kept_at + timedelta(seconds=younger_by)
        return {variant: a_reading(variant, 7, as_of, brought) for variant in ids}

    service.script = below

    assert [shown] == quantities(await read(cached, A))


async def test_the_soft_timeout(cached: CacheLayer, service: Service, heard: Heard) -> None:
    """After the soft timeout the stored reading is served, and the refresh goes on."""
    await read(cached, A)
    await after(100)
    service.quantity, service.delay = 7, 2.0
    started = LoopClock().monotonic()
    answers = await read(cached, A, call=Call(correlation_id="page-17"))

    assert ([STALE], [100]) == (freshness(answers), quantities(answers))
    assert pytest.approx(0.25) == LoopClock().monotonic() - started
    assert [ServedStale(1, ANY, "page-17")] == heard.signals
    await after(2)
    assert ([CACHED], [7]) == (freshness(k := await read(cached, A)), quantities(k))
    assert 2 == len(service.asked)


async def test_an_overdue_refresh_is_not_waited_for(cached: CacheLayer, service: Service) -> None:
    """While a refresh is overdue, the stale reading is served at once."""
    await read(cached, A)
    await after(100)
    service.delay = 10.0
    await read(cached, A)
    started = LoopClock().monotonic()
    for _ in range(10):
        assert [STALE] == freshness(await read(cached, A))

    assert 0 == LoopClock().monotonic() - started
    assert 2 == len(service.asked)


async def test_a_young_refresh_is_joined(cached: CacheLayer, service: Service) -> None:
    """Pages join a refresh that is not overdue, and send no request."""
    await read(cached, A)
    await after(100)
    service.quantity, service.delay = 7, 0.15
    first = asyncio.create_task(read(cached, A))
    await after(0.1)
    second = await read(cached, A)

    assert [LIVE] == freshness(second)
    assert [LIVE] == freshness(await first)
    assert 2 == len(service.asked)


async def test_stale_if_error(cached: CacheLayer, service: Service, heard: Heard) -> None:
    """If the service fails, the reading is served, up to the end of `stale_if_error`."""
    await read(cached, A)
    await after(299.9)
    service.error = DOWN
    answers = await read(cached, A)

    assert [STALE] == freshness(answers)
    assert 1 == len(heard.of(ServedStale))


async def test_after_a_failure_stale_comes_at_once(cached: CacheLayer, service: Service) -> None:
    """Right after a failure the stale reading of its variant is served at once."""
    await read(cached, A, B)
    await after(100)
    service.error = DOWN
    await read(cached, A)
    service.error, service.delay = None, 2.0
    started = LoopClock().monotonic()

    assert [STALE] == freshness(await read(cached, A))
    assert started == LoopClock().monotonic()
    assert [STALE] == freshness(await read(cached, B))
    assert pytest.approx(0.25) == LoopClock().monotonic() - started


async def test_a_paused_variant_beside_others(cached: CacheLayer, service: Service) -> None:
    """In a page with a variant that pauses, the others are refreshed all the same."""
    await read(cached, A, B)
    await after(100)
    service.error = DOWN
    await read(cached, A)
    service.error = None

    assert [STALE, LIVE] == freshness(await read(cached, A, B))


async def test_the_callers_deadline_is_shorter(cached: CacheLayer, service: Service) -> None:
    """A caller with less time than the soft timeout waits for that long only."""
    await read(cached, A)
    await after(100)
    service.delay = 2.0
    now = LoopClock().monotonic()

    assert [STALE] == freshness(await read(cached, A, call=Call(deadline=now + 0.05)))
    assert pytest.approx(0.05) == LoopClock().monotonic() - now


async def test_a_cancelled_caller_leaves_the_refresh_alone(
    cached: CacheLayer, service: Service
) -> None:
    """Cancelling a caller during the soft timeout does not end the refresh."""
    await read(cached, A)
    await after(100)
    service.quantity, service.delay = 7, 0.15
    first = asyncio.create_task(read(cached, A))
    await after(0.1)
    first.cancel()
    second = await read(cached, A)

    with pytest.raises(asyncio.CancelledError):
        await first
    assert [7] == quantities(second)


async def test_too_stale(cached: CacheLayer, service: Service) -> None:
    """After the last window the answer is the failure."""
    await read(cached, A)
    await after(300)
    service.error = DOWN

    with pytest.raises(TimedOut, match="down"):
        await read(cached, A)


async def test_a_bug_in_a_refresh_costs_no_page(
    cached: CacheLayer, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected exception is logged as a bug, and the page shows the stored reading."""
    await read(cached, A)
    await after(100)
    service.error = KeyError("bug")

    assert [STALE] == freshness(await read(cached, A))
    assert "inventory refresh failed: this is a bug" in caplog.text


async def test_the_last_window_begins_on_time(cached: CacheLayer, service: Service) -> None:
    """At the very end of `stale_while_revalidate` the service is asked first."""
    await read(cached, A)
    await after(30)

    assert [LIVE] == freshness(await read(cached, A))


async def test_a_refresh_is_overdue_on_time(cached: CacheLayer, service: Service) -> None:
    """A refresh that has taken just the soft timeout is overdue."""
    await read(cached, A)
    await after(100)
    service.delay = 10.0
    await read(cached, A)  # waits for the soft timeout
    started = LoopClock().monotonic()
    assert [STALE] == freshness(await read(cached, A))

    assert started == LoopClock().monotonic()
