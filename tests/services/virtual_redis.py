"""A real Redis in virtual time: its scripts run for real, their duration and its clock do not."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from hashlib import sha1
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.exceptions import NoScriptError

from shelfport.adapters.redis.scripts import Script
from shelfport.adapters.redis.store import FENCE
from shelfport.ports.shared_store import SharedCacheUnavailable

VIRTUAL_TIME = """
local real = redis
local ends, now = ARGV[#ARGV - 1], tonumber(ARGV[#ARGV])
local function with(call, command, key, milliseconds)
  if command == 'TIME' then
    return { math.floor(now / 1000000), now % 1000000 }
  elseif command == 'PEXPIRE' then
    return call('HSET', ends, key, string.format('%.0f', now + milliseconds * 1000))
  elseif command == 'PTTL' then
    local at = call('HGET', ends, key)
    if call('EXISTS', key) == 0 then
      return -2
    end
    return at and math.ceil((at - now) / 1000) or -1
  end
end
local redis = {
  call = function(...) return with(real.call, ...) or real.call(...) end,
  pcall = function(...) return with(real.pcall, ...) or real.pcall(...) end,
}
for _, key in ipairs(KEYS) do
  local at = real.call('HGET', ends, key)
  if at and tonumber(at) <= now then
    real.call('DEL', key)
    real.call('HDEL', ends, key)
  end
end
"""
"""Goes before a script: the server's clock and the ends of its keys are virtual."""


@cache
def in_virtual_time(script: Script) -> Script:
    text = VIRTUAL_TIME + script.text
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


class VirtualRedis:
    """A `ScriptRunner` that blocks the loop for the real command, and sleeps in virtual time.

    This object delivers published messages, with the same delay as replies.
    """

    def __init__(self, redis: "Redis", prefix: str, now: Callable[[], int]) -> None:
        self.redis = redis
        self.prefix = prefix
        self.now = now
        """The server's clock, in microseconds since 1970."""
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
        virtual = in_virtual_time(script)
        terms = (*keys, *args, f"{self.prefix}-ends", self.now())
        try:
            result: Any = self.redis.evalsha(virtual.sha, len(keys), *terms)
        except NoScriptError:
            result = self.redis.eval(virtual.text, len(keys), *terms)
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
