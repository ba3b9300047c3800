"""`Wake`: ends the wait of a polling loop early."""

import asyncio
from contextlib import suppress


class Wake:
    """A wake-up for one waiter, in any event loop. Without a waiter, it ends the next wait."""

    def __init__(self) -> None:
        self._is_woken = False
        """Whether the next wait ends at once."""
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def wake(self) -> None:
        """End the pending wait, or the next one. Any thread may call it."""
        waiter = self._waiter
        if waiter is None:
            self._is_woken = True
            return
        loop, _ = waiter
        # The loop may be closing at this moment: then the waiter is gone.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._wake_waiter)

    def _wake_waiter(self) -> None:
        """Runs in the waiter's loop; its wait may have ended since, and another may have begun."""
        if self._waiter is None:
            self._is_woken = True
        else:
            self._waiter[1].set()

    async def wait(self, seconds: float) -> None:
        """Wait for `wake`, at most `seconds`."""
        # A new event: an event belongs to the loop that first waits for it.
        woken = asyncio.Event()
        self._waiter = asyncio.get_running_loop(), woken
        try:
            if self._is_woken:
                return
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            return
        finally:
            self._waiter = None
            self._is_woken = False
