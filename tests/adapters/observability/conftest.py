"""One integration before a sandbox, whose circuit opens at the second failure."""

from collections.abc import AsyncIterator

import pytest

from shelfport import Settings
from shelfport.contracts.sandbox import Sandbox, SeedRecord
from shelfport.options import BreakerOptions, CacheOptions, RetryOptions
from tests.support.values import an_id


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=[SeedRecord(an_id(1), 5), SeedRecord(an_id(2), 5)]) as sandbox:
        yield sandbox


@pytest.fixture
def settings(sandbox: Sandbox) -> Settings:
    return Settings(
        base_url=sandbox.url,
        cache=CacheOptions(ttl=60, stale_while_revalidate=0, stale_if_error=0),
        retry=RetryOptions(max_attempts=2, base_delay=0.001),
        breaker=BreakerOptions(minimum_calls=2, open_duration=60),
    )
