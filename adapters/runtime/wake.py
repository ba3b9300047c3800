"""`Wake`: a hint that there is something to do, for whoever looks from time to time anyway."""

import asyncio
from contextlib import suppress


class Wake:
    """Ends a wait early. A hint that comes while nobody waits is kept for who waits next."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        """Where somebody waits."""

    def wake(self) -> None:
        """End the wait under way, or else the next one. From any thread."""
        loop = self._loop
        if loop is None:
            self._woken.set()
            return
        # The loop may be closing at this moment: then nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float) -> None:
        """Wait for a hint, `seconds` at most."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._loop = None
            self._woken.clear()
