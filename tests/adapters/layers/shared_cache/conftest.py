from collections.abc import AsyncIterator

import pytest

from shelfport.adapters.layers import SharedCacheLayer
from shelfport.adapters.runtime.background import Background
from tests.adapters.layers.cache.world import Service
from tests.adapters.layers.shared_cache.world import World
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.shared_store import ModelStore


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with Background() as background:
        yield World(Service(), ModelStore(LoopClock()), background, Heard())


@pytest.fixture
async def one(world: World) -> AsyncIterator[SharedCacheLayer]:
    replica = world.replica()
    async with replica.client:
        yield replica


@pytest.fixture
async def other(world: World) -> AsyncIterator[SharedCacheLayer]:
    replica = world.replica()
    async with replica.client:
        yield replica
