import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import pytest

from shelfport.adapters.ops.live import LiveFragments, TooManyWatch


class Page:
    """Fragments that a test changes, and how often they were made."""

    def __init__(self) -> None:
        self.fragments = {"a": "1", "b": "1"}
        self.made = 0

    async def render(self) -> Mapping[str, str]:
        self.made += 1
        return dict(self.fragments)


async def message(stream: AsyncGenerator[bytes, None]) -> dict[str, str]:
    """The next message with data."""
    async for piece in stream:
        if b"data: " in piece:
            found: dict[str, str] = json.loads(piece.partition(b"data: ")[2])
            return found
    raise AssertionError("the stream ended")


async def test_only_what_changed_is_sent() -> None:
    """At first comes everything, then what is new; nothing of it breaks a line."""
    page = Page()
    live = LiveFragments(page.render, every=0.001)
    async with aclosing(live.stream()) as stream:
        first = await message(stream)
        page.fragments["b"] = "2\n\ndata: x"
        await asyncio.sleep(0.005)
        second = await message(stream)

    assert ({"a": "1", "b": "1"}, {"b": "2\n\ndata: x"}) == (first, second)


async def test_nobody_costs_nothing() -> None:
    """While nobody watches nothing is made."""
    page = Page()
    LiveFragments(page.render, every=0.001)
    await asyncio.sleep(0.02)

    assert 0 == page.made


async def test_watchers_share_what_is_made() -> None:
    """Twenty who look at once cost one rendering."""
    page = Page()
    live = LiveFragments(page.render, every=60)
    streams = [live.stream() for _ in range(20)]
    await asyncio.gather(*(message(stream) for stream in streams))
    watching = live.watching
    for stream in streams:
        await stream.aclose()

    assert (1, 20, 0) == (page.made, watching, live.watching)


async def test_there_are_only_so_many_streams() -> None:
    """Beyond the limit a stream is refused, until another has ended."""
    live = LiveFragments(Page().render, most=1)
    first = live.stream()
    await message(first)
    with pytest.raises(TooManyWatch):
        live.stream()
    await first.aclose()

    second = live.stream()
    assert {"a": "1", "b": "1"} == await message(second)
    await second.aclose()


async def test_closing_ends_all_streams() -> None:
    """A server that stops need not wait for whoever watches."""
    live = LiveFragments(Page().render, every=60)
    stream = live.stream()
    await message(stream)
    live.close()
    async with asyncio.timeout(5):
        left = [piece async for piece in stream]

    assert ([], 0) == (left, live.watching)
