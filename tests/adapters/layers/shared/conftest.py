from collections.abc import AsyncIterator

import pytest

from shelfport.adapters.background import Background
from shelfport.adapters.layers import Shared
from tests.adapters.layers.cached.world import Service
from tests.adapters.layers.shared.world import World
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.shared_store import ModelStore


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with Background() as background:
        yield World(Service(), ModelStore(LoopClock()), background, Heard())


@pytest.fixture
async def one(world: World) -> AsyncIterator[Shared]:
    replica = world.replica()
    async with replica.level:
        yield replica


@pytest.fixture
async def other(world: World) -> AsyncIterator[Shared]:
    replica = world.replica()
    async with replica.level:
        yield replica
