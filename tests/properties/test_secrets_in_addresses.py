"""Passwords in the addresses of queue, shared cache and bus are in no output."""

import asyncio
from urllib.parse import quote

import pytest
from dependency_injector import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfport import (
    Container,
    InitializationPolicy,
    InventoryError,
    Settings,
    SettingsError,
)
from shelfport.options import EventOptions, QueueOptions, SharedCacheOptions
from tests.properties.hunt import (
    everything_logged,
    recorded_by_us,
    recorded_without_variables,
    reprs,
)
from tests.support.servers import conversing
from tests.support.values import an_id
from tests.support.waiting import until

passwords = st.text(st.sampled_from("abcXYZ0189-._~+!:%&"), min_size=8, max_size=30).filter(
    lambda text: len(set(text)) > 5
)
BUSES = ("amqp", "nats", "redis", "kafka")


async def seen_of(given_settings: Settings) -> str:
    """All output of an integration whose queue, cache and bus are unavailable."""
    seen: list[str] = []
    with everything_logged() as kept:
        container = Container(settings=providers.Object(given_settings))
        inventory = container.integration()
        try:
            async with inventory:
                await inventory.get_stock_levels([an_id(1), an_id(2)])
                try:
                    await inventory.request_inventory_initialization(
                        an_id(1), policy=InitializationPolicy.RETRY_LATER
                    )
                except InventoryError as error:
                    seen.append(recorded_by_us(error))
                if given_settings.events.url is not None:
                    await until(lambda: _troubled(container))
                seen.append(repr(inventory.snapshot()))
                seen += reprs_of(container)
        except InventoryError as error:
            seen.append(recorded_by_us(error))
        seen += reprs_of(container)
    for record in kept.records:
        if record.name.startswith("shelfport"):
            seen.append(f"{record.getMessage()} {record.__dict__}")
            if record.exc_info and record.exc_info[1] is not None:
                seen.append(recorded_without_variables(record.exc_info[1]))
    return "\n".join(seen)


def _troubled(container: Container) -> bool:
    events = container.integration().snapshot().events
    return events is not None and events.invalidation.trouble is not None


def reprs_of(container: Container) -> list[str]:
    """The `repr` of every part with an address, and of its contents."""
    parts = (
        container.settings(),
        container.queue(),
        container.shared_cache(),
        container.bus(),
        container.events(),
        container.integration(),
    )
    return [text for part in parts for text in reprs(part)]


def hasty(
    password: str, *, queue: bool = False, shared: int | None = None, bus: str | None = None
) -> Settings:
    """Settings with a password and addresses without a server."""
    secret = quote(password, safe="")
    where = f"shop:{secret}@127.0.0.1"
    return Settings(
        base_url="http://127.0.0.1:9",
        queue=QueueOptions(url=f"postgresql://{where}:9/shop" if queue else "memory:"),
        shared_cache=SharedCacheOptions(
            url=None if shared is None else f"redis://{where}:{shared}"
        ),
        events=EventOptions(url=None if bus is None else f"{bus}://{where}:9"),
    )


@given(password=passwords)
@settings(max_examples=10)
def test_of_the_queue(runner: asyncio.Runner, password: str) -> None:
    """The password of queue.url is in no error, record, repr or variable of our frames."""
    seen = runner.run(seen_of(hasty(password, queue=True)))

    assert "postgresql://127.0.0.1:9/shop cannot be reached" in seen
    assert password not in seen
    assert quote(password, safe="") not in seen


@given(password=passwords)
@settings(max_examples=10)
def test_of_the_shared_cache(runner: asyncio.Runner, password: str) -> None:
    """The password of shared_cache.url is in no error, record, repr or variable of our frames."""
    seen = runner.run(seen_of(hasty(password, shared=9)))

    assert "RedisClient(redis://127.0.0.1:9)" in seen
    assert password not in seen
    assert quote(password, safe="") not in seen


@pytest.mark.parametrize("bus", BUSES)
@given(password=passwords)
@settings(max_examples=5)
def test_of_the_bus(runner: asyncio.Runner, bus: str, password: str) -> None:
    """The password of events.url is in no output, for every bus."""
    seen = runner.run(seen_of(hasty(password, bus=bus)))

    assert "events: not receiving stock events for" in seen
    assert password not in seen
    assert quote(password, safe="") not in seen


async def _quoting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server in place of Redis that quotes what it received."""
    while came := await reader.read(4096):
        writer.write(b"-ERR you said " + came.replace(b"\r\n", b" ") + b"\r\n")


@given(password=passwords)
@settings(max_examples=10)
def test_of_a_redis_that_quotes_what_it_was_sent(runner: asyncio.Runner, password: str) -> None:
    """A password that a Redis quotes is masked in messages and records."""

    async def run() -> str:
        async with conversing(_quoting) as url:
            port = int(url.rpartition(":")[2])
            return await seen_of(hasty(password, shared=port))

    seen = runner.run(run())

    assert "you said" in seen
    assert password not in seen


@given(password=passwords, what=st.sampled_from(["queue", "shared", "bus"]))
def test_of_what_is_no_address(password: str, what: str) -> None:
    """An invalid address is refused without being quoted, in frame variables, too."""
    seen = ""
    try:
        match what:
            case "queue":
                queue = QueueOptions(url=f"oracle://shop:{password}@127.0.0.1/shop")
                Container(
                    settings=providers.Object(Settings(adapter="memory", queue=queue))
                ).queue()
            case "shared":
                SharedCacheOptions(url=f"redis://:{quote(password, safe='')}@127.0.0.1/x")
            case _:
                EventOptions(url=f"carrier-pigeon://:{password}@127.0.0.1")
    except (SettingsError, ValueError) as error:
        seen = recorded_by_us(error)

    assert seen
    assert password not in seen
    assert quote(password, safe="") not in seen
