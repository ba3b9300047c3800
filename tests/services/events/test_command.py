"""`shelfport events` and `shelfport sandbox --events` over a real bus."""

import asyncio
import signal

import aiohttp
import msgspec
import pytest

from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.options import EventOptions
from shelfport.contracts.sandbox import CATALOGUE
from shelfport.ports.message_bus import Bus, Message
from tests.adapters.cli.conftest import _started, ended
from tests.services.events.buses import clean
from tests.support.services import unique


@pytest.fixture
def name() -> str:
    return unique("t")


async def has_dead_letter(bus: Bus) -> bool:
    """Whether there is a dead letter now."""
    async with bus.dead_letters() as source:
        return bool(await source.fetch(1))


async def test_from_the_sandbox_to_a_listener_and_a_replay(redis_url: str, name: str) -> None:
    """A listener prints a change at the sandbox; a dead letter is replayed."""
    variables = {"SHELFPORT_EVENTS_URL": redis_url, "SHELFPORT_EVENTS_PREFIX": f"{name}."}
    options = EventOptions(url=redis_url, prefix=f"{name}.")
    bus, variant = open_bus(options), CATALOGUE[0].variant_id
    try:
        async with (
            _started("sandbox", "--port", "0", "--events", redis_url, **variables) as sandbox,
            _started("events", "listen", "--json", **variables) as listener,
            _started("events", "listen", "--consume", **variables) as worker,
        ):
            assert sandbox.stdout is not None
            assert listener.stdout is not None
            assert worker.stdout is not None
            for process in (listener, worker):
                assert process.stderr is not None
                assert b"listening to Redis" in await process.stderr.readline()
            url = (await sandbox.stdout.readline()).decode().split()[-1]
            async with (
                aiohttp.ClientSession() as session,
                session.put(
                    f"{url}/_sandbox/stock/{variant}", json={"availableQuantity": 0}
                ) as response,
            ):
                assert 200 == response.status
            printed = msgspec.json.decode(await listener.stdout.readline())
            handled = (await worker.stdout.readline()).decode()
            async with bus.publisher() as publisher:
                await publisher.publish(Message(b"poison", channel="inventory.low-stock"))
            async with asyncio.timeout(10):
                while not await has_dead_letter(bus):  # noqa: ASYNC110 - the bus sends no signal
                    await asyncio.sleep(0.05)
            for process in (sandbox, listener, worker):
                process.send_signal(signal.SIGINT)
            codes = [(await ended(process)).code for process in (sandbox, listener, worker)]
        async with _started("events", "replay", **variables) as replay:
            replayed = await ended(replay)
    finally:
        await clean("redis", redis_url, name)

    assert ("OUT_OF_STOCK", str(variant)) == (printed["status"], printed["productVariantId"])
    assert f"Out of stock   {variant}" in handled
    assert [0, 0, 0] == codes
    assert (0, True) == (replayed.code, "the event is malformed at $" in replayed.out)
