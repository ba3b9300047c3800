"""The demo for a person: both services until told to stop."""

import asyncio
from collections.abc import Callable
from typing import Final

from shelfport.adapters.demo.environment import Windows, demo_environment

DEMO_WINDOWS: Final = Windows(
    ttl=2.0, stale_while_revalidate=3.0, stale_if_error=58.0, open_duration=3.0
)


async def run_demo(stop: asyncio.Event, say: Callable[[str], None], *, port: int = 0) -> None:
    """Start both services, say where they are, and end them when `stop` is set.

    Args:
        stop: ends the demo.
        say: takes what there is to tell, line by line.
        port: the Product Service's; 0 takes a free one.

    Raises:
        AddressTaken: the port is taken.
    """
    windows = DEMO_WINDOWS
    async with demo_environment(windows, port=port, buttons=True) as stage:
        say(f"Product Service:   {stage.url}/")
        say(f"Operations:        {stage.url}/ops/")
        say(f"Inventory Service: {stage.sandbox.url}")
        say("")
        say("Open the first two in a browser, take the Inventory Service down, and watch:")
        say(f"for {windows.ttl:g} s what was read is served again; after that, and for")
        say(
            f"{windows.stale_if_error:g} s more, it is shown with its age; beyond that the page says"
        )
        say('"Stock information unavailable". Ctrl-C ends both.')
        await stop.wait()
