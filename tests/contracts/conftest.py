"""A running sandbox with three records, and a client that checks its answers."""

from collections.abc import AsyncIterator

import pytest

from shelfport.contracts.sandbox import Sandbox
from tests.contracts.checked_client import CheckedClient
from tests.contracts.sandbox_setup import SEED, StillClock, connected


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
async def sandbox(clock: StillClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=SEED, clock=clock) as running:
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[CheckedClient]:
    async with connected(sandbox) as checked:
        yield checked
