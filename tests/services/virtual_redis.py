"""A real Redis in virtual time: its scripts run for real, their duration is simulated."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.exceptions import NoScriptError

from shelfport.adapters.redis.scripts import Script
from shelfport.adapters.redis.store import FENCE
from shelfport.ports.shared_store import SharedCacheUnavailable


class VirtualRedis:
    """A `ScriptRunner` that blocks the loop for the real command, and sleeps in virtual time.

    This object delivers published messages, with the same delay as replies.
    """

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self.redis = redis
        self.prefix = prefix
        self.delay = 0.0
        """Seconds to the server, and again back."""
        self.out = False
        self.observe: Callable[[], None] = lambda: None
        """Called after each script, before any other task can run."""
        self._channels: list[asyncio.Queue[bytes | None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[bytes | str | int]
    ) -> Any:
        await self._travel()
        try:
            result: Any = self.redis.evalsha(script.sha, len(keys), *keys, *args)
        except NoScriptError:
            result = self.redis.eval(script.text, len(keys), *keys, *args)
        if script is FENCE and result:
            sender, *ids = args[4:]
            assert result == len(ids) == 1
            assert isinstance(sender, bytes)
            assert isinstance(ids[0], str)
            self._publish(sender + ids[0].encode())
        self.observe()
        await self._travel()
        return result

    async def ping(self) -> None:
        await self._travel()

    @asynccontextmanager
    async def messages(self, channel: str) -> AsyncIterator[AsyncIterator[bytes]]:
        await self._travel()
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._channels.append(queue)
        try:
            yield self._received(queue)
        finally:
            self._channels.remove(queue)

    def cut(self) -> None:
        """Disconnect every listener; a listener misses what is published until it reconnects."""
        for queue in self._channels:
            queue.put_nowait(None)

    def forget(self) -> None:
        """Forget everything, as after a restart."""
        for key in self.redis.scan_iter(match=f"*{self.prefix}*", count=10_000):
            self.redis.delete(key)
        self.cut()

    def _publish(self, message: bytes) -> None:
        for queue in self._channels:
            queue.put_nowait(message)

    async def _received(self, queue: "asyncio.Queue[bytes | None]") -> AsyncIterator[bytes]:
        while True:
            message = await queue.get()
            if message is None:
                raise SharedCacheUnavailable("cut")
            await asyncio.sleep(self.delay)
            yield message

    async def _travel(self) -> None:
        if self.out:
            raise SharedCacheUnavailable("out")
        await asyncio.sleep(self.delay)
