"""`LiveFragments`: parts of a page that are updated by server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from time import monotonic
from typing import Final

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would buffer the stream
}
_MAX_DURATION: Final = 30.0
"""Seconds after which a stream ends and the browser opens another: a server that shuts down waits
for its streams."""


class TooManyStreams(Exception):
    """The limit of open streams is reached."""


class LiveFragments:
    """Streams the fragments of HTML that have changed.

    The request of each stream drives it. Streams share one rendering, so that a hundred cost little
    more than one. Without a stream nothing is rendered.

    Args:
        render: renders all fragments, by the ids of the elements that they fill.
        every: seconds between two renderings.
        max_streams: streams that may be open at the same time.
    """

    def __init__(
        self,
        render: Callable[[], Awaitable[Mapping[str, str]]],
        *,
        every: float = 1.0,
        max_streams: int = 50,
    ) -> None:
        self._render = render
        self._every = every
        self._max_streams = max_streams
        self._open = 0
        self._rendered: Mapping[str, str] = {}
        self._rendered_at = float("-inf")
        self._rendering = asyncio.Lock()
        self._closing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop of both: a host may open and close the page in one loop after another."""

    @property
    def open_streams(self) -> int:
        """How many streams are open."""
        return self._open

    def close(self) -> None:
        """End all streams soon."""
        self._closing.set()

    def stream(self) -> AsyncGenerator[bytes, None]:
        """A new stream: all fragments first, then the fragments that change.

        Raises:
            TooManyStreams: the limit of open streams is reached.
        """
        if self._open >= self._max_streams:
            raise TooManyStreams
        return self._stream()

    async def _stream(self) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            self._rendering, self._closing = asyncio.Lock(), asyncio.Event()
        self._open += 1
        sent: dict[str, str] = {}
        ends = monotonic() + _MAX_DURATION
        try:
            yield b"retry: 1000\n\n"
            while monotonic() < ends and not self._closing.is_set():
                current = await self._current()
                changed = {name: html for name, html in current.items() if sent.get(name) != html}
                sent.update(changed)
                # JSON has no line breaks, which would end a message.
                yield b"event: fragments\ndata: " + json.dumps(changed).encode() + b"\n\n"
                await self._pause()
        finally:
            self._open -= 1

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._every):
                await self._closing.wait()
        except TimeoutError:
            pass

    async def _current(self) -> Mapping[str, str]:
        async with self._rendering:
            # A little early is in time, or two streams in step would render everything twice.
            if monotonic() - self._rendered_at >= self._every * 0.9:
                self._rendered, self._rendered_at = await self._render(), monotonic()
            return self._rendered
