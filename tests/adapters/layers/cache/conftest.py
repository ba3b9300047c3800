from collections.abc import AsyncIterator

import pytest

from shelfport.adapters.layers import CacheLayer, ReadingStore
from shelfport.adapters.runtime.background import Background
from tests.adapters.layers.cache.world import OPTIONS, Service
from tests.support.clocks import HostClock
from tests.support.listening import Heard, lowest


@pytest.fixture
def clock() -> HostClock:
    return HostClock()


@pytest.fixture
def service(clock: HostClock) -> Service:
    return Service(clock)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def cached(service: Service, heard: Heard, clock: HostClock) -> AsyncIterator[CacheLayer]:
    async with Background() as background:
        yield CacheLayer(service, clock, ReadingStore(OPTIONS, lowest), background, heard)
