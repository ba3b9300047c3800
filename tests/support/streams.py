"""Reading server-sent events."""

import asyncio
import json

import aiohttp

PATIENCE = 20.0
"""Seconds; far beyond what any page takes, for slow machines."""


async def next_fragments(content: aiohttp.StreamReader) -> dict[str, str]:
    """The next message of a stream of fragments that has any."""
    async with asyncio.timeout(PATIENCE):
        while True:
            line = (await content.readline()).decode()
            assert line, "the stream ended"
            if line.startswith("data: "):
                fragments: dict[str, str] = json.loads(line.removeprefix("data: "))
                if fragments:
                    return fragments
