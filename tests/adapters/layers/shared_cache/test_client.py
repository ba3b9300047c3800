import pytest

from shelfport.adapters.layers import SharedCacheLayer
from shelfport.ports.shared_store import SharedCacheUnavailable
from shelfport.signals import (
    BreakerState,
    SharedCacheDown,
    SharedCacheRecovered,
    SharedCacheWritesDropped,
)
from tests.adapters.layers.cache.world import LIVE, A, B, after, all_turns, freshness
from tests.adapters.layers.shared_cache.test_layer import read
from tests.adapters.layers.shared_cache.world import World
from tests.support.clocks import LoopClock

pytestmark = pytest.mark.looptime


async def opened(world: World, replica: SharedCacheLayer) -> None:
    world.store.error = SharedCacheUnavailable("refused")
    for _ in range(3):
        await read(replica, A)


async def test_it_comes_back_by_itself(world: World, one: SharedCacheLayer) -> None:
    """A task, never a caller, tries an unavailable store, and callers use it again."""
    await opened(world, one)
    world.store.hung, world.store.error = True, None
    waits = []
    for _ in range(50):
        began = LoopClock().monotonic()
        assert [LIVE] == freshness(await read(one, A))
        waits.append(LoopClock().monotonic() - began)
        await after(0.1)
    world.store.hung = False
    await after(1.1)
    state = one.client.snapshot(LoopClock().monotonic()).circuit_breaker.state
    world.store.asked.clear()
    await read(one, B)

    assert {0.0} == set(waits)
    assert BreakerState.CLOSED is state
    assert ["lookup", "store"] == world.store.asked
    assert [SharedCacheDown("refused")] == world.heard.of(SharedCacheDown)
    assert [SharedCacheRecovered()] == world.heard.of(SharedCacheRecovered)


async def test_writes_wait_in_a_bounded_queue(world: World, one: SharedCacheLayer) -> None:
    """Background writes wait in a bounded queue; further ones are dropped."""
    world.store.delay = 0.04
    for _ in range(7):
        one.client.fence_later((A,))
    await after(1)

    assert 4 == world.store.asked.count("fence")
    assert [1, 2, 3] == [signal.total for signal in world.heard.of(SharedCacheWritesDropped)]
    assert 3 == one.client.snapshot(0).dropped_writes


async def test_a_write_that_fails_is_counted(world: World, one: SharedCacheLayer) -> None:
    """A failed write is counted, and no caller notices it."""
    await read(one, A)
    world.store.error = SharedCacheUnavailable("refused")
    one.client.fence_later((A,))
    await all_turns()

    assert [SharedCacheWritesDropped(1, "refused")] == world.heard.of(SharedCacheWritesDropped)


async def test_a_fence_is_dropped_while_the_store_is_unavailable(
    world: World, one: SharedCacheLayer
) -> None:
    """An event that does not reach the store is counted, and raises nothing."""
    await opened(world, one)
    await one.client.fence((A,))

    assert "the shared cache is unavailable" == world.heard.of(SharedCacheWritesDropped)[-1].why
