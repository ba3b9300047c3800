"""An ops page over an integration with a sandbox, and a queue without a worker."""

from collections.abc import AsyncIterator

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shelfport import InventoryIntegration, Settings
from shelfport import build as build_inventory
from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.contracts.sandbox import Sandbox, SeedRecord
from shelfport.ops import Recorder, ops_app
from shelfport.options import BreakerOptions, CacheOptions, QueueOptions
from tests.support.catalogs import ShownCatalog
from tests.support.values import an_id

TOKEN = "a token that is long enough"


@attrs.frozen
class Desk:
    """What a test of the page uses."""

    client: TestClient[web.Request, web.Application]
    inventory: InventoryIntegration
    recorder: Recorder
    settings: Settings
    sandbox: Sandbox
    bus: InProcessBus

    async def page(self, query: str = "") -> str:
        """The page."""
        answer = await self.client.get(f"/ops/{query}")
        assert 200 == answer.status
        return await answer.text()


@pytest.fixture
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """The page, with the arguments of `ops_app` that a test gives as its parameter."""
    options = {"actions": True} | getattr(request, "param", {})
    async with Sandbox(seed=[SeedRecord(an_id(1), 5), SeedRecord(an_id(2), 0)]) as sandbox:
        settings = Settings(
            base_url=sandbox.url,
            cache=CacheOptions(
                ttl=0, stale_while_revalidate=0, stale_if_error=60, refresh_backoff=0
            ),
            breaker=BreakerOptions(minimum_calls=2, open_duration=60),
            queue=QueueOptions(url="memory:", worker=False),
        )
        recorder, bus = Recorder(), InProcessBus()
        inventory = build_inventory(settings, telemetry=[recorder], bus=bus, catalog=ShownCatalog())
        app = web.Application()
        app.add_subapp("/ops", ops_app(inventory, recorder, settings, **options))
        async with inventory, TestClient(TestServer(app)) as client:
            yield Desk(client, inventory, recorder, settings, sandbox, bus)
