"""`Wake`: ends the wait of a polling loop early."""

import asyncio
from contextlib import suppress


class Wake:
    """A wake-up for one waiter. Without a waiter, it ends the next wait."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop of the waiter; None without one."""

    def wake(self) -> None:
        """End the pending wait, or the next one. Any thread may call it."""
        loop = self._loop
        if loop is None:
            self._woken.set()
            return
        # The loop may be closing at this moment: then the waiter is gone.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float) -> None:
        """Wait for `wake`, at most `seconds`."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._loop = None
            self._woken.clear()
