"""`Wake`: a hint that there is something to do, for whoever looks from time to time anyway."""

import asyncio


class Wake:
    """Ends a wait early. A hint that comes while nobody waits is kept for who waits next."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """End the wait under way, or else the next one."""
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Wait for a hint, `seconds` at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()
