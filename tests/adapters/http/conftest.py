from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from shelfport.http import HttpInventory
from shelfport.options import HttpOptions
from tests.support.clocks import ManualClock

Connect = Callable[..., Awaitable[HttpInventory]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def connect(clock: ManualClock) -> AsyncIterator[Connect]:
    """Opens adapters, and closes them after the test."""
    async with AsyncExitStack() as stack:

        async def connect(url: str, options: HttpOptions | None = None) -> HttpInventory:
            return await stack.enter_async_context(HttpInventory(url, clock=clock, options=options))

        yield connect
