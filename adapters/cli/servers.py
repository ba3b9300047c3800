"""`sandbox` and `demo`: commands that serve until Ctrl-C."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.cli.options import load_command_settings, misuse
from shelfport.adapters.cli.output import print_line
from shelfport.adapters.cli.running import Exit, Misuse, until_signalled
from shelfport.adapters.demo import run_demo, run_scenario
from shelfport.adapters.demo.environment import AddressTaken
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.contracts.sandbox import CATALOGUE, CannotListen, Sandbox, seed_records
from shelfport.domain.model import IdFormat

DEMO_PORT = 8000


async def run_sandbox(
    *,
    host: str,
    port: int,
    store: Path | None,
    empty: bool,
    events: str | None,
    id_format: IdFormat = IdFormat.UUID,
) -> int:
    """Serve a sandbox Inventory Service until Ctrl-C; publish stock changes to the bus `events`."""
    publisher = None if events is None else _publisher(events)

    async def serve(stop: asyncio.Event) -> None:
        seed = () if empty else seed_records()
        try:
            async with (
                publisher or nullcontext(),
                Sandbox(
                    store_path=store,
                    seed=seed,
                    host=host,
                    port=port,
                    id_format=id_format,
                    publish=None if publisher is None else publisher.publish,
                ) as sandbox,
            ):
                print_line(f"Inventory Service (sandbox): {sandbox.url}")
                if not empty:
                    variant = CATALOGUE[0].variant_id
                    print_line(f"Try: shelfport get {variant} --base-url {sandbox.url}")
                print_line("For development only: it accepts requests without credentials.")
                print_line("Ctrl-C ends it.")
                await stop.wait()
        except (CannotListen, ValueError) as error:
            raise Misuse(str(error).rstrip(".")) from error

    return await until_signalled(serve)


def _publisher(url: str) -> EventPublisher:
    # Exchange and prefix come from the environment, as they do for the listeners.
    with misuse():
        options = load_command_settings((), {"events.url": url}).settings.events
        return EventPublisher(open_bus(options))


async def play_demo(*, once: bool, port: int | None) -> int:
    """Serve the demo until Ctrl-C, or play its scenario once."""
    try:
        if once:
            return Exit.ANSWERED if await run_scenario(print_line, port=port or 0) else Exit.NO
        return await until_signalled(
            lambda stop: run_demo(stop, print_line, port=DEMO_PORT if port is None else port)
        )
    except AddressTaken as error:
        raise Misuse(f"{error}; choose another with --port, or 0 for a free one") from error
