"""`LiveFragments`: parts of a page that renew themselves, by server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from time import monotonic
from typing import Final

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep pieces back
}
_LONGEST: Final = 30.0
"""Seconds after which a stream ends, and the browser opens another: a server that shuts down waits
for streams, and not all of them can be told."""


class TooManyWatch(Exception):
    """As many streams are open as may."""


class LiveFragments:
    """Sends whoever watches those fragments of HTML that have changed.

    Each watcher's own request drives it; they share what one of them had rendered, so that a
    hundred watchers cost little more than one, and none costs nothing.

    Args:
        render: makes all fragments, by the ids of the elements that they fill.
        every: seconds between two renderings.
        most: streams that may be open at once.
    """

    def __init__(
        self,
        render: Callable[[], Awaitable[Mapping[str, str]]],
        *,
        every: float = 1.0,
        most: int = 50,
    ) -> None:
        self._render = render
        self._every = every
        self._most = most
        self._watching = 0
        self._made: Mapping[str, str] = {}
        self._made_at = float("-inf")
        self._making = asyncio.Lock()
        self._closing = asyncio.Event()

    @property
    def watching(self) -> int:
        """How many streams are open."""
        return self._watching

    def close(self) -> None:
        """End all streams, soon."""
        self._closing.set()

    def stream(self) -> AsyncGenerator[bytes, None]:
        """The stream of one watcher: at first all fragments, then what changes.

        Raises:
            TooManyWatch: there are enough.
        """
        if self._watching >= self._most:
            raise TooManyWatch
        return self._stream()

    async def _stream(self) -> AsyncGenerator[bytes, None]:
        self._watching += 1
        sent: dict[str, str] = {}
        ends = monotonic() + _LONGEST
        try:
            yield b"retry: 1000\n\n"
            while monotonic() < ends and not self._closing.is_set():
                made = await self._current()
                changed = {name: html for name, html in made.items() if sent.get(name) != html}
                sent.update(changed)
                # JSON has no line breaks, which would end a message.
                yield b"event: fragments\ndata: " + json.dumps(changed).encode() + b"\n\n"
                await self._pause()
        finally:
            self._watching -= 1

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._every):
                await self._closing.wait()
        except TimeoutError:
            pass

    async def _current(self) -> Mapping[str, str]:
        async with self._making:
            # A little early counts as in time: else two watchers in step make everything twice.
            if monotonic() - self._made_at >= self._every * 0.9:
                self._made, self._made_at = await self._render(), monotonic()
            return self._made
