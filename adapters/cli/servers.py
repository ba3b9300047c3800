"""`sandbox` and `demo`: commands that serve until they are told to stop."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.cli.options import load_given, misuse
from shelfport.adapters.cli.running import Exit, Misuse, until_signalled
from shelfport.adapters.demo import run_demo, run_scenario
from shelfport.adapters.demo.environment import AddressTaken
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.contracts.sandbox import CATALOGUE, CannotListen, Sandbox, seed_records

DEMO_PORT = 8000


async def run_sandbox(
    *, host: str, port: int, store: Path | None, empty: bool, events: str | None
) -> int:
    """Serve a sandbox Inventory Service until Ctrl-C, announcing changes on the bus `events`."""
    announcer = None if events is None else _announcer(events)

    async def serve(stop: asyncio.Event) -> None:
        seed = () if empty else seed_records()
        try:
            async with (
                announcer or nullcontext(),
                Sandbox(
                    store_path=store,
                    seed=seed,
                    host=host,
                    port=port,
                    publish=None if announcer is None else announcer.announce,
                ) as sandbox,
            ):
                say(f"Inventory Service (sandbox): {sandbox.url}")
                if not empty:
                    one = CATALOGUE[0].variant_id
                    say(f"Try: shelfport get {one} --base-url {sandbox.url}")
                say("For development alone: it asks nobody for credentials. Ctrl-C ends it.")
                await stop.wait()
        except (CannotListen, ValueError) as error:
            raise Misuse(str(error).rstrip(".")) from error

    return await until_signalled(serve)


def _announcer(url: str) -> EventPublisher:
    # Exchange and prefix come from the environment, as those of whoever listens do.
    with misuse():
        options = load_given((), {"events.url": url}).settings.events
        return EventPublisher(open_bus(options))


async def play_demo(*, once: bool, port: int | None) -> int:
    """Serve the demo until Ctrl-C, or tell its story once."""
    try:
        if once:
            return Exit.ANSWERED if await run_scenario(say, port=port or 0) else Exit.NO
        return await until_signalled(
            lambda stop: run_demo(stop, say, port=DEMO_PORT if port is None else port)
        )
    except AddressTaken as error:
        raise Misuse(f"{error}; choose another with --port, or 0 for a free one") from error


def say(line: str) -> None:
    """Print a line at once, also into a pipe: whoever reads it waits for it."""
    print(line, flush=True)
