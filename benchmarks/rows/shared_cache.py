"""P11: a page from the cache that replicas share."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
import redis.asyncio
from typed_settings import Secret

from benchmarks.contestants import BareLevel, shelfport
from benchmarks.measuring import Spread, in_turns
from benchmarks.outcome import Goal, Row
from benchmarks.service import level
from benchmarks.surroundings import Service, Taker, Variants, records
from shelfport import Freshness, StockReading
from shelfport.options import SharedCacheOptions

PAGE = 24
_URL = os.environ.get("SHELFPORT_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
_decode = msgspec.msgpack.Decoder(BareLevel).decode
_encode = msgspec.msgpack.Encoder().encode


async def p11(service: Service) -> Row:
    """Pages that another replica has read, with an empty memory."""
    records(logging.INFO)
    rounds, count = 30, 15
    prefix = f"bench-{uuid4().hex[:12]}"
    pages = Variants().pages((rounds + 1) * count + 2)
    shared = SharedCacheOptions(url=Secret(_URL), prefix=prefix)
    client = redis.asyncio.Redis.from_url(_URL, protocol=2)
    sent = 0

    async def bare(ids: Sequence[UUID]) -> Mapping[UUID, BareLevel]:
        values = await client.mget([f"{prefix}:bare:{variant.hex}" for variant in ids])
        found = zip(ids, values, strict=True)
        return {variant: _decode(value) for variant, value in found if isinstance(value, bytes)}

    async with (
        shelfport(service.root, shared_cache=shared) as writer,
        shelfport(service.at("reader"), shared_cache=shared) as reader,
    ):
        theirs, ours, filled, kept = (Taker(pages) for _ in range(4))

        async def fill_bare() -> None:
            for ids in filled.take(count):
                levels = {
                    f"{prefix}:bare:{variant.hex}": _encode(
                        msgspec.json.decode(_renamed(str(variant)), type=BareLevel)
                    )
                    for variant in ids
                }
                await client.mset(levels)
                await asyncio.gather(*(client.expire(key, 60) for key in levels))

        async def fill_shared() -> None:
            for ids in kept.take(count):
                await writer.get_stock_levels(ids)
                keys = [f"{{{prefix}}}:2:{variant}" for variant in ids]
                for _ in range(500):
                    # Writes are asynchronous: wait until all are stored.
                    values = await asyncio.gather(*(client.hexists(key, "v") for key in keys))
                    if all(values):
                        break
                    await asyncio.sleep(0.002)

        async def read_bare() -> None:
            for ids in theirs.take(count):
                await bare(ids)

        async def read_shared() -> None:
            for ids in ours.take(count):
                await reader.get_stock_levels(ids)

        try:
            times = await in_turns(
                {"bare MGET": read_bare, "shelfport": read_shared},
                rounds=rounds,
                pieces=count,
                before={"bare MGET": fill_bare, "shelfport": fill_shared},
            )
            # Counts from here how often a page goes to Redis.
            [ids] = kept.take(1)
            await writer.get_stock_levels(ids)
            await asyncio.sleep(0.1)
            execute: Any = redis.asyncio.Redis.execute_command

            async def counted(*args: Any, **options: Any) -> Any:
                nonlocal sent
                sent += 1
                return await execute(*args, **options)

            redis.asyncio.Redis.execute_command = counted  # type: ignore[method-assign]  # counts
            try:
                page = await reader.get_stock_levels(ids)
            finally:
                redis.asyncio.Redis.execute_command = execute  # type: ignore[method-assign]  # as it was
            assert {
                reading.freshness for reading in page.values() if isinstance(reading, StockReading)
            } == {Freshness.CACHED}
            asked = (await service.came()).get("/reader")
        finally:
            async for key in client.scan_iter(f"*{prefix}*", count=1000):
                await client.delete(key)
            await client.aclose()
    return Row(
        "P11",
        f"shared cache in Redis, page of {PAGE}, memory cold (floor: redis-py MGET and decode)",
        [
            Goal("one round trip", 1, Spread.of([float(sent)]), exact=True),
            Goal(
                "requests to the service",
                0,
                Spread.of([float(asked.requests if asked is not None else 0)]),
                exact=True,
            ),
            Goal("1.5 × bare", 1.5, times.ratio("shelfport", "bare MGET")),
        ],
        times.spreads(),
    )


def _renamed(variant: str) -> str:
    text = level(variant)
    for wire, name in (
        ("productVariantId", "variant_id"),
        ("availableQuantity", "available_quantity"),
        ("updatedAt", "updated_at"),
    ):
        text = text.replace(wire, name)
    return text
