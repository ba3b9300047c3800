"""stale-while-revalidate: a reading is served at once, and refreshed in the background."""

import pytest

from shelfport import StockReading
from shelfport.adapters.layers import CacheLayer
from shelfport.ports import Call
from shelfport.signals import RefreshFailed
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    OPTIONS,
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
)
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids
from tests.support.values import a_reading

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_refreshed_in_the_background(cached: CacheLayer, service: Service) -> None:
    """After `ttl` a reading is served at once as STALE, and is fresh the next time."""
    await read(cached, A)
    await after(5)
    service.quantity, service.delay = 7, 2.0
    at_once = await read(cached, A)
    await after(2.1)
    next_time = await read(cached, A)

    assert ([STALE], [100]) == (freshness(at_once), quantities(at_once))
    assert [A] == [a.level.variant_id for a in at_once.values() if isinstance(a, StockReading)]
    assert ([CACHED], [7]) == (freshness(next_time), quantities(next_time))
    assert [[A], [A]] == service.asked


async def test_a_refresh_is_traced_to_its_cause(cached: CacheLayer, service: Service) -> None:
    """A refresh has the ids of the call that caused it, but not its deadline and its limit."""
    await read(cached, A)
    await after(10)
    now = LoopClock().monotonic()
    await read(
        cached,
        A,
        call=Call(correlation_id="page-17", traceparent=TRACE, deadline=now + 1, max_staleness=20),
    )
    await after(0)

    assert Call(correlation_id="page-17", traceparent=TRACE) == service.reads[-1][1]


async def test_one_refresh_at_a_time(cached: CacheLayer, service: Service) -> None:
    """A variant has one refresh in flight at most."""
    await read(cached, A, B)
    await after(10)
    service.delay = 2.0
    for _ in range(5):
        await read(cached, A)
    await read(cached, A, B)

    await after(0)
    assert [[A, B], [A], [B]] == service.asked


async def test_bounded_refreshes(cached: CacheLayer, service: Service) -> None:
    """No more than `max_background_refreshes` run at once; a later page starts the others."""
    await read(cached, A, B, C)
    await after(10)
    service.delay = 2.0
    for variant in (A, B, C):
        await read(cached, variant)
    await after(2.1)
    assert [[A, B, C], [A], [B]] == service.asked

    await read(cached, C)
    await after(0)
    assert [C] == service.asked[-1]


async def test_a_failed_refresh_backs_off(
    cached: CacheLayer, service: Service, heard: Heard
) -> None:
    """A failed refresh is signalled once, and no refresh starts during `refresh_backoff`."""
    await read(cached, A)
    await after(10)
    service.error = DOWN
    await read(cached, A)
    await after(0.9)
    assert [STALE] == freshness(await read(cached, A))
    assert [RefreshFailed(1, DOWN)] == heard.signals
    assert 2 == len(service.asked)

    await after(0.2)
    await read(cached, A)
    await after(0)
    assert 3 == len(service.asked)


async def test_a_failure_pauses_its_own_variants(cached: CacheLayer, service: Service) -> None:
    """A failed refresh pauses the refreshing of its variants, and of no other."""
    await read(cached, A, B)
    await after(10)
    service.error = DOWN
    await read(cached, A)
    await after(0.01)
    await read(cached, A, B)
    await after(0.01)

    assert [[A, B], [A], [B]] == service.asked


async def test_a_success_ends_the_back_off(cached: CacheLayer, service: Service) -> None:
    """A successful read of the variant ends its back-off at once."""
    await read(cached, A)
    await after(10)
    service.error = DOWN
    await read(cached, A)
    await after(0.01)
    service.error = None
    service.script = stale_again
    await read(cached, A, call=Call(max_staleness=0))
    await read(cached, A)
    await after(0.01)

    assert [[A], [A], [A], [A]] == service.asked


async def stale_again(ids: Ids, _: Call) -> Answers:
    """A cache below: what it answers is refreshed at the next read."""
    return {variant: a_reading(variant, 7, LoopClock().now(), STALE) for variant in ids}


async def test_the_back_off_ends_on_time(cached: CacheLayer, service: Service) -> None:
    """A page at the very end of the back-off starts a refresh."""
    await read(cached, A)
    await after(10)
    service.error = DOWN
    failed_at = LoopClock().monotonic()
    await read(cached, A)
    await all_turns()
    await after(failed_at + OPTIONS.refresh_backoff - LoopClock().monotonic())
    await read(cached, A)
    await all_turns()

    assert 3 == len(service.asked)


async def test_asked_for_twice_in_one_page(cached: CacheLayer, service: Service) -> None:
    """A duplicate variant in a page does not hide the variants after it."""
    await read(cached, A)
    await after(10)
    answers = await read(cached, A, A, B, B, C)
    again = await read(cached, C, C, A)

    assert [A, B, C] == list(answers)
    assert [C, A] == list(again)
    assert [B, C, A] == service.asked[-1]


async def test_the_bound_holds_again_and_again(cached: CacheLayer, service: Service) -> None:
    """After refreshes have ended, as many run at once as before."""
    for _ in range(3):
        await read(cached, A, B, C)
        await after(10)
        service.reads.clear()
        service.delay = 2.0
        for variant in (A, B, C):
            await read(cached, variant)
        await after(2.1)
        assert [[A], [B]] == service.asked
        service.delay = 0.0
        await after(300)
