"""The buses that the tests of events run against, each with names of its own."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import aio_pika
import nats
import pytest
from redis.asyncio import Redis

from shelfport.adapters.events.options import EventOptions
from tests.support.brokers import mock_kafka
from tests.support.services import Service, address_of, unique

BUSES = {
    "rabbitmq": Service.RABBITMQ,
    "nats": Service.NATS,
    "redis": Service.REDIS,
}


@pytest.fixture(scope="session")
def kafka_url() -> Iterator[str]:
    """librdkafka's mock cluster: a real protocol, and no server to install."""
    with mock_kafka() as url:
        yield url


@pytest.fixture(params=[*BUSES, "kafka"])
def bus_name(request: pytest.FixtureRequest) -> str:
    """Each of the buses in turn."""
    name: str = request.param
    return name


@pytest.fixture
def options(bus_name: str, request: pytest.FixtureRequest) -> Iterator[EventOptions]:
    """Options for the shared bus, under names of their own, which are taken away again."""
    if bus_name == "kafka":
        url = request.getfixturevalue("kafka_url")
    else:
        url = address_of(BUSES[bus_name])
    name = unique("t")
    yield EventOptions(
        url=url,
        exchange=name,
        prefix=f"{name}.",
        group="shop",
        redeliver_after=4,
        attempts=3,
        attempt_timeout=1,
        first_delay=0.05,
        longest_delay=0.5,
    )
    _clean(bus_name, url, name)


def _clean(bus: str, url: str, name: str) -> None:
    """Take away what a test left on a shared server."""
    asyncio.run(_CLEANERS[bus](url, name))


async def _clean_rabbitmq(url: str, name: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        for queue in (f"{name}.shop", f"{name}.shop.dead"):
            await channel.queue_delete(queue)
        for exchange in (name, f"{name}.shop.dead"):
            await channel.exchange_delete(exchange)


async def _clean_nats(url: str, name: str) -> None:
    client = await nats.connect(url)
    context = client.jetstream()
    for stream in await context.streams_info():
        if stream.config.name is not None and stream.config.name.startswith(name):
            await context.delete_stream(stream.config.name)
    await client.close()


async def _clean_redis(url: str, name: str) -> None:
    redis = Redis.from_url(url)
    keys = [key async for key in redis.scan_iter(match=f"{name}.*")]
    if keys:
        await redis.delete(*keys)
    await redis.aclose()


async def _clean_kafka(url: str, name: str) -> None:
    """The mock cluster ends with the tests."""


_CLEANERS: dict[str, Callable[[str, str], Coroutine[Any, Any, None]]] = {
    "rabbitmq": _clean_rabbitmq,
    "nats": _clean_nats,
    "redis": _clean_redis,
    "kafka": _clean_kafka,
}
