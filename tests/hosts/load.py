"""Load on a shop: concurrent page views and new products."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count, cycle
from statistics import quantiles

import aiohttp
import attrs

from shelfport import ProductVariantId, variant_id

CONNECTION_GONE = (aiohttp.ClientError, ConnectionError, TimeoutError)


@attrs.define
class Load:
    """The results of a load."""

    seconds: list[float] = attrs.field(factory=list)
    """How long each page took."""
    statuses: list[int] = attrs.field(factory=list)
    stock: list[str] = attrs.field(factory=list)
    created: list[ProductVariantId] = attrs.field(factory=list)
    """The products that were answered 201."""
    refused: int = 0
    """Requests without a connection, or without a complete answer."""

    def __str__(self) -> str:
        cuts = quantiles(self.seconds, n=100)
        return (
            f"{len(self.seconds)} pages, p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms"
        )


async def look(
    session: aiohttp.ClientSession, url: str, variant: ProductVariantId, load: Load
) -> None:
    """Request one product page."""
    began = time.perf_counter()
    async with session.get(f"{url}/products/{variant}") as response:
        page = await response.json() if response.status == 200 else {}
    load.seconds.append(time.perf_counter() - began)
    load.statuses.append(response.status)
    load.stock.append(page.get("stock", ""))


async def create(
    session: aiohttp.ClientSession, url: str, policy: str, load: Load, **headers: str
) -> ProductVariantId | None:
    """Create a product; returns its variant, or None if the shop did not create it."""
    new = {"name": "Ridgeline Trail Shoe", "policy": policy}
    async with session.post(f"{url}/products", json=new, headers=headers) as response:
        if response.status != 201:
            load.statuses.append(response.status)
            return None
        variant = variant_id((await response.json())["variant"])
    load.created.append(variant)
    return variant


async def pages(
    url: str,
    variants: Iterable[ProductVariantId],
    number: int,
    concurrency: int,
    *,
    keep: bool = True,
) -> Load:
    """Request `number` pages with `concurrency`, over kept connections or a new one for each."""
    load, todo, shown = Load(), iter(range(number)), cycle(variants)

    async def customer(session: aiohttp.ClientSession) -> None:
        for _ in todo:
            await look(session, url, next(shown), load)

    connector = aiohttp.TCPConnector(force_close=not keep)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        asyncio.TaskGroup() as customers,
    ):
        for _ in range(concurrency):
            customers.create_task(customer(session))
    return load


@asynccontextmanager
async def under_load(
    url: str, variants: Iterable[ProductVariantId], concurrency: int
) -> AsyncIterator[Load]:
    """Request pages and create products until the block ends."""
    load, shown, numbers, over = Load(), cycle(variants), count(), asyncio.Event()
    # ROLL_BACK asks inside a transaction: on SQLite, where one writes at a time, all others wait.
    policies = cycle((*("RETRY_LATER", "NOT_ORDERABLE") * 4, "ROLL_BACK"))

    async def visitor(session: aiohttp.ClientSession) -> None:
        while not over.is_set():
            try:
                if next(numbers) % 4:
                    await look(session, url, next(shown), load)
                else:
                    await create(session, url, next(policies), load)
            except CONNECTION_GONE:
                load.refused += 1
                await asyncio.sleep(0.02)

    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as visitors:
        for _ in range(concurrency):
            visitors.create_task(visitor(session))
        try:
            yield load
        finally:
            over.set()
