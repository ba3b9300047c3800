"""A Product Service over a fake that a test can break, and one over a sandbox."""

from collections.abc import AsyncIterator

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shelfport import InMemoryInventory, Settings, SystemClock, build
from shelfport.adapters.demo import ProductCatalog, product_service
from shelfport.adapters.demo.environment import DemoEnvironment, Windows, demo_environment


@attrs.frozen
class Shop:
    """A Product Service whose Inventory Service is in memory."""

    client: TestClient[web.Request, web.Application]
    products: ProductCatalog
    inventory: InMemoryInventory


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    inventory = InMemoryInventory(clock=SystemClock())
    products = ProductCatalog()
    app = product_service(build(Settings(), adapter=inventory), products)
    async with TestClient(TestServer(app)) as client:
        yield Shop(client, products, inventory)


@pytest.fixture
async def environment() -> AsyncIterator[DemoEnvironment]:
    async with demo_environment(
        Windows(ttl=0.0, stale_while_revalidate=0.0, stale_if_error=60.0), buttons=True
    ) as running:
        yield running
