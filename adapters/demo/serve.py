"""`run_demo`: both services, until Ctrl-C."""

import asyncio
from collections.abc import Callable
from typing import Final

from shelfport.adapters.demo.environment import Windows, demo_environment

DEMO_WINDOWS: Final = Windows(
    ttl=2.0, stale_while_revalidate=3.0, stale_if_error=58.0, open_duration=3.0
)


async def run_demo(stop: asyncio.Event, say: Callable[[str], None], *, port: int = 0) -> None:
    """Start both services, print their addresses, and end them when `stop` is set.

    Args:
        stop: ends the demo.
        say: takes the output, line by line.
        port: the Product Service's; 0 takes a free one.

    Raises:
        AddressTaken: the port is taken.
    """
    windows = DEMO_WINDOWS
    async with demo_environment(windows, port=port, buttons=True) as environment:
        say(f"Product Service:   {environment.url}/")
        say(f"Operations:        {environment.url}/ops/")
        say(f"Inventory Service: {environment.sandbox.url}")
        say("")
        say("Open the first two in a browser and take the Inventory Service down.")
        say(f"For {windows.ttl:g} s the page shows cached stock as current, then for")
        say(f"{windows.stale_if_error:g} s with its age; after that it says")
        say('"Stock information unavailable".')
        say("Ctrl-C ends both services.")
        await stop.wait()
