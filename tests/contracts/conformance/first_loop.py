"""`FirstLoop`: the planted fault of a part that works in its first event loop only."""

import asyncio
from contextlib import suppress


class FirstLoop:
    """Belongs to the event loop in which it is first waited for, as a lock or an event does."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Return at once; in another event loop than the first, raise asyncio's RuntimeError."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                await self._event.wait()
