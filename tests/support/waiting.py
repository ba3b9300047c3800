"""Waiting for conditions of other tasks."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until `condition` holds, looking often; fails if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)


async def eventually(happened: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return once `happened` says so; a TimeoutError if that is not within ten seconds."""
    async with asyncio.timeout(10):
        while True:
            said = happened()
            if said is True or (not isinstance(said, bool) and await said):
                return
            await asyncio.sleep(0.01)
