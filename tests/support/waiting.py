"""Waiting for what happens elsewhere: in a server, a thread, a file."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(happened: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return once `happened` says so; a TimeoutError if that is not within ten seconds."""
    async with asyncio.timeout(10):
        while True:
            said = happened()
            if said is True or (not isinstance(said, bool) and await said):
                return
            await asyncio.sleep(0.01)
