from collections.abc import AsyncIterator

import pytest

from shelfport.adapters.background import Background
from shelfport.adapters.layers import Cached, Shelf
from tests.adapters.layers.cached.world import OPTIONS, Service
from tests.support.clocks import LoopClock
from tests.support.listening import Heard, lowest


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def cached(service: Service, heard: Heard) -> AsyncIterator[Cached]:
    async with Background() as background:
        yield Cached(service, LoopClock(), Shelf(OPTIONS, lowest), background, heard)
