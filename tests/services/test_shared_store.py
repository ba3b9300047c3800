"""The conformance suite of `SharedStore` on a real Redis."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from secrets import token_bytes, token_hex

import pytest
from redis.asyncio import Redis

from shelfport.adapters.redis import RedisClient, RedisStore
from shelfport.contracts.conformance import SharedStoreConformance, SharedStoreHarness
from shelfport.options import SharedCacheOptions
from shelfport.ports import SharedStore
from tests.faults.servers import closed_port
from tests.support.private_redis import PrivateRedis, private_redis
from tests.support.services import unique


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRedis]:
    """A Redis of its own, as one case breaks the connections of every listener."""
    with private_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


class RedisHarness(SharedStoreHarness):
    """The stores of several replicas under one prefix."""

    def __init__(self, url: str, prefix: str) -> None:
        self._url = url
        self._prefix = prefix

    def store(self) -> AbstractAsyncContextManager[SharedStore]:
        return self._at(self._url)

    def broken(self) -> AbstractAsyncContextManager[SharedStore]:
        return self._at(f"redis://127.0.0.1:{closed_port()}/0")

    async def cut(self) -> None:
        async with Redis.from_url(self._url) as redis:
            await redis.client_kill_filter(_type="pubsub")

    def _at(self, url: str) -> AbstractAsyncContextManager[SharedStore]:
        client = RedisClient(SharedCacheOptions(url=url, timeout=5))
        return RedisStore(client, self._prefix, token_bytes(8), lambda: token_hex(8))


class TestRedisStore(SharedStoreConformance):
    """The scripts keep every rule."""

    breaks = True
    cuts = True

    @pytest.fixture
    def harness(self, server: PrivateRedis) -> RedisHarness:
        return RedisHarness(server.url, unique())
