from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_bytes, token_hex

import pytest
from redis import Redis

from shelfport.adapters.redis import RedisClient, RedisStore
from shelfport.options import SharedCacheOptions
from tests.support.private_redis import PrivateRedis, private_redis
from tests.support.services import unique


@pytest.fixture
def prefix(redis_url: str) -> Iterator[str]:
    """What a test's keys on the shared server begin with; they are deleted after it."""
    prefix = unique("shelfport-test")
    yield prefix
    with Redis.from_url(redis_url) as redis:
        for key in redis.scan_iter(match=f"*{prefix}*", count=10_000):
            redis.delete(key)


@pytest.fixture
async def redis_store(redis_url: str, prefix: str) -> AsyncIterator[RedisStore]:
    """A store on the shared server."""
    client = RedisClient(SharedCacheOptions(url=redis_url, timeout=5))
    async with RedisStore(client, prefix, token_bytes(8), lambda: token_hex(8)) as store:
        yield store


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[PrivateRedis]:
    """A Redis of the test's own."""
    with private_redis(tmp_path) as server:
        yield server
