import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import pytest

from shelfport.adapters.ops.live import LiveFragments, TooManyStreams


class Page:
    """Fragments that a test changes, and the number of their renderings."""

    def __init__(self) -> None:
        self.fragments = {"a": "1", "b": "1"}
        self.rendered = 0

    async def render(self) -> Mapping[str, str]:
        self.rendered += 1
        return dict(self.fragments)


async def message(stream: AsyncGenerator[bytes, None]) -> dict[str, str]:
    """The next message with data."""
    async for piece in stream:
        if b"data: " in piece:
            found: dict[str, str] = json.loads(piece.partition(b"data: ")[2])
            return found
    raise AssertionError("the stream ended")


async def test_only_what_changed_is_sent() -> None:
    """The stream has everything first, then the changes; no fragment breaks a line."""
    page = Page()
    live = LiveFragments(page.render, every=0.001)
    async with aclosing(live.stream()) as stream:
        first = await message(stream)
        page.fragments["b"] = "2\n\ndata: x"
        await asyncio.sleep(0.005)
        second = await message(stream)

    assert ({"a": "1", "b": "1"}, {"b": "2\n\ndata: x"}) == (first, second)


async def test_without_a_stream_nothing_is_rendered() -> None:
    """Without a stream nothing is rendered."""
    page = Page()
    LiveFragments(page.render, every=0.001)
    await asyncio.sleep(0.02)

    assert 0 == page.rendered


async def test_streams_share_a_rendering() -> None:
    """Twenty streams cost one rendering."""
    page = Page()
    live = LiveFragments(page.render, every=60)
    streams = [live.stream() for _ in range(20)]
    await asyncio.gather(*(message(stream) for stream in streams))
    open_streams = live.open_streams
    for stream in streams:
        await stream.aclose()

    assert (1, 20, 0) == (page.rendered, open_streams, live.open_streams)


async def test_there_are_only_so_many_streams() -> None:
    """Beyond the limit a stream is refused until another one ends."""
    live = LiveFragments(Page().render, max_streams=1)
    first = live.stream()
    await message(first)
    with pytest.raises(TooManyStreams):
        live.stream()
    await first.aclose()

    second = live.stream()
    assert {"a": "1", "b": "1"} == await message(second)
    await second.aclose()


async def test_closing_ends_all_streams() -> None:
    """A server that stops does not wait for streams."""
    live = LiveFragments(Page().render, every=60)
    stream = live.stream()
    await message(stream)
    live.close()
    async with asyncio.timeout(5):
        left = [piece async for piece in stream]

    assert ([], 0) == (left, live.open_streams)


def test_one_loop_after_another() -> None:
    """Streams that wait for one rendering work in a second event loop, after closing as well."""
    page = Page()

    async def slow() -> Mapping[str, str]:
        await asyncio.sleep(0.01)
        return await page.render()

    live = LiveFragments(slow, every=0)

    async def two_streams() -> tuple[dict[str, str], dict[str, str]]:
        async with aclosing(live.stream()) as one, aclosing(live.stream()) as other:
            return await asyncio.gather(message(one), message(other))

    asyncio.run(two_streams())
    live.close()

    assert 2 == len(asyncio.run(two_streams()))
