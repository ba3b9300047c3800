"""Opening in one event loop after another, as hosts do between two tests or two requests."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any


def open_and_close(part: AbstractAsyncContextManager[Any]) -> None:
    """Open `part` in an event loop of its own, let its tasks begin to wait, and close it."""

    async def once() -> None:
        async with part:
            await asyncio.sleep(0.01)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, once()).result()
