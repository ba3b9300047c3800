from collections.abc import AsyncIterator

import pytest

from shelfport.adapters.layers import CacheLayer, ReadingStore
from shelfport.adapters.runtime.background import Background
from tests.adapters.layers.cache.world import OPTIONS, Service
from tests.support.clocks import LoopClock
from tests.support.listening import Heard, lowest


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def cached(service: Service, heard: Heard) -> AsyncIterator[CacheLayer]:
    async with Background() as background:
        yield CacheLayer(service, LoopClock(), ReadingStore(OPTIONS, lowest), background, heard)
