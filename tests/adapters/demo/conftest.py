"""A Product Service over a fake that a test can break, and one over a sandbox."""

from collections.abc import AsyncIterator

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shelfport import InMemoryInventory, Settings, SystemClock, build
from shelfport.adapters.demo import Catalogue, product_service
from shelfport.adapters.demo.stage import Stage, Windows, staged


@attrs.frozen
class Shop:
    """A Product Service whose Inventory Service is in memory."""

    client: TestClient[web.Request, web.Application]
    products: Catalogue
    inventory: InMemoryInventory


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    inventory = InMemoryInventory(clock=SystemClock())
    products = Catalogue()
    app = product_service(build(Settings(), adapter=inventory), products)
    async with TestClient(TestServer(app)) as client:
        yield Shop(client, products, inventory)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(
        Windows(fresh_for=0.0, refresh_for=0.0, stale_for=60.0), buttons=True
    ) as running:
        yield running
