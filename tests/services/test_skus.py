"""A host whose variants are SKUs, from its page to the Inventory Service and back."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis import Redis

from shelfport import (
    Created,
    Freshness,
    InitializationPolicy,
    InventoryIntegration,
    Queued,
    Settings,
    StockReading,
    StockStatus,
    Unavailable,
    build,
)
from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.contracts.sandbox import Faults, Sandbox, SeedRecord
from shelfport.domain.model import IdFormat, variant_id
from shelfport.options import (
    CacheOptions,
    EventOptions,
    QueueOptions,
    RetryOptions,
    SharedCacheOptions,
)
from tests.adapters.cli.conftest import SOURCES, _started, ended
from tests.services.events.buses import clean
from tests.support.catalogs import ShownCatalog
from tests.support.services import unique

SCARF, HAT, UNKNOWN = "SCARF-BLUE", "HAT/RED&L?#1%+", "no-such;sku"
CATALOG = """
import pathlib

class Catalog:
    marks = pathlib.Path(__file__).with_name("marks.txt")

    async def mark_not_orderable(self, variant):
        with self.marks.open("a") as file:
            file.write(f"not orderable {variant}\\n")

    async def mark_orderable(self, variant):
        with self.marks.open("a") as file:
            file.write(f"orderable {variant}\\n")

    async def show_status(self, variant, status, as_of):
        raise AssertionError("this process has no bus")
"""


@pytest.fixture
def name(redis_url: str) -> Iterator[str]:
    """What everything on the shared server begins with."""
    name = unique("skus")
    yield name
    asyncio.run(clean("redis", redis_url, name))
    with Redis.from_url(redis_url) as redis:
        for key in redis.scan_iter(match=f"*{name}*", count=10_000):
            redis.delete(key)


@asynccontextmanager
async def the_shop(redis_url: str, name: str, folder: Path) -> AsyncIterator[SimpleNamespace]:
    """A sandbox in text format that publishes to a bus, and a host with every part."""
    bus = EventOptions(url=redis_url, prefix=f"{name}.")
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(EventPublisher(open_bus(bus)))
        seed = [SeedRecord(variant_id(sku, IdFormat.TEXT), 7, 3) for sku in (SCARF, HAT)]
        sandbox = await stack.enter_async_context(
            Sandbox(id_format=IdFormat.TEXT, seed=seed, publish=publisher.publish)
        )
        settings = Settings(
            base_url=sandbox.url,
            id_format=IdFormat.TEXT,
            cache=CacheOptions(ttl=60),
            retry=RetryOptions(max_attempts=1),
            queue=QueueOptions(url=f"sqlite:///{folder}/queue.db", worker=False),
            shared_cache=SharedCacheOptions(url=redis_url, prefix=name, timeout=5 / 4),
            events=bus,
        )
        catalog = ShownCatalog()
        host = await stack.enter_async_context(build(settings, catalog=catalog))
        yield SimpleNamespace(sandbox=sandbox, settings=settings, host=host, catalog=catalog)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - another process, or a server, makes it true
            await asyncio.sleep(0.02)


async def test_a_host_with_skus(redis_url: str, name: str, tmp_path: Path) -> None:
    """Page, creation under each policy, worker, event, catalog, command and Redis speak SKUs."""
    async with the_shop(redis_url, name, tmp_path) as shop:
        host: InventoryIntegration[str] = shop.host
        sandbox: Sandbox = shop.sandbox

        page = await host.get_stock_levels([HAT, UNKNOWN, SCARF])
        assert [HAT, UNKNOWN, SCARF] == list(page)
        assert [7, None, 7] == [quantity_of(availability) for availability in page.values()]

        created = await host.request_inventory_initialization("new/1", initial_quantity=4)
        sandbox.faults = Faults(mode="down")
        queued = [
            await host.request_inventory_initialization(
                sku, initial_quantity=quantity, policy=policy
            )
            for sku, quantity, policy in (
                ("new/2", 5, InitializationPolicy.RETRY_LATER),
                ("new,3", 6, InitializationPolicy.NOT_ORDERABLE),
            )
        ]
        sandbox.faults = Faults()
        assert isinstance(created, Created)
        assert ["new/2", "new,3"] == [
            outcome.entry.request.variant_id for outcome in queued if isinstance(outcome, Queued)
        ]

        await a_worker_ends_the_queue(shop, tmp_path)
        opened = {sku: await host.get_stock_level(sku) for sku in ("new/1", "new/2", "new,3")}
        assert [4, 5, 6] == [quantity_of(availability) for availability in opened.values()]
        marks = (tmp_path / "marks.txt").read_text().splitlines()
        assert ["not orderable new,3", "orderable new,3"] == marks

        scarf = variant_id(SCARF, IdFormat.TEXT)
        sandbox.set_stock(scarf, 0)
        await until(lambda: scarf in shop.catalog.statuses)
        assert {SCARF: StockStatus.OUT_OF_STOCK} == shop.catalog.shown()
        assert 0 == quantity_of(await host.get_stock_level(SCARF))

        variables = {"SHELFPORT_ID_FORMAT": "text", "SHELFPORT_BASE_URL": sandbox.url}
        async with _started("get", HAT, SCARF, "--json", **variables) as process:
            done = await ended(process)
        printed = {e["variantId"]: e["availableQuantity"] for e in json.loads(done.out)["stock"]}
        assert (0, {HAT: 7, SCARF: 0}) == (done.code, printed)

        async with build(shop.settings) as replica:
            asked = len(sandbox.journal)
            [answer] = (await replica.get_stock_levels([HAT])).values()
            assert (asked, 7) == (len(sandbox.journal), quantity_of(answer))
            assert isinstance(answer, StockReading)
            assert Freshness.CACHED is answer.freshness


async def a_worker_ends_the_queue(shop: SimpleNamespace, folder: Path) -> None:
    """Work the queue off by the command, in another process, with a catalog of its own."""
    (folder / "sku_shop.py").write_text(CATALOG)
    variables = {
        "PYTHONPATH": f"{SOURCES}:{folder}",
        "SHELFPORT_ID_FORMAT": "text",
        "SHELFPORT_BASE_URL": shop.sandbox.url,
        "SHELFPORT_QUEUE_URL": shop.settings.queue.url.get_secret_value(),
    }
    async with _started("worker", "--catalog", "sku_shop:Catalog", **variables) as worker:
        async with asyncio.timeout(15):
            while (await shop.host.queue.stats()).waiting:  # noqa: ASYNC110 - see `until`
                await asyncio.sleep(0.02)
        worker.send_signal(signal.SIGTERM)
        assert 0 == await worker.wait()


def quantity_of(availability: StockReading | Unavailable) -> int | None:
    """The quantity of a reading; None for a variant without a record."""
    return availability.level.available_quantity if isinstance(availability, StockReading) else None
