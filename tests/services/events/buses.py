"""The shared servers that are buses, and how to clean each up."""

from collections.abc import Callable, Coroutine
from typing import Any

import aio_pika
import nats
from redis.asyncio import Redis

from tests.support.services import Service

BUSES = {
    "rabbitmq": Service.RABBITMQ,
    "nats": Service.NATS,
    "redis": Service.REDIS,
}


async def clean(bus: str, url: str, name: str) -> None:
    """Delete what a test left on a shared server."""
    await _CLEANERS[bus](url, name)


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
