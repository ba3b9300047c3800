"""`demo_environment`: both services of the demo, each over HTTP on this machine."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
from aiohttp import web

from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.adapters.composition.build import build
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.demo.product_service import product_service
from shelfport.adapters.demo.products import ProductCatalog
from shelfport.adapters.demo.service_control import SandboxControl
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.adapters.http import HttpOptions
from shelfport.adapters.layers import BreakerOptions, CacheOptions
from shelfport.adapters.ops.aiohttp_app import ops_app
from shelfport.adapters.ops.recorder import Recorder
from shelfport.adapters.queue.options import MEMORY, QueueOptions
from shelfport.contracts.sandbox import Sandbox, seed_records

_HOST = "127.0.0.1"
_GRACE = 0.5
"""Seconds for requests under way at shutdown."""


class AddressTaken(OSError):
    """The Product Service cannot listen on its address; the message is one sentence."""


@attrs.frozen
class Windows:
    """The timing of a demo in seconds: short, so that a person sees each window end."""

    ttl: float
    stale_while_revalidate: float
    stale_if_error: float
    soft_timeout: float = 0.1
    attempt_timeout: float = 0.5
    deadline: float = 1.0
    open_duration: float = 0.5

    def settings(self, base_url: str) -> Settings:
        """The settings of a Product Service whose Inventory Service is at `base_url`."""
        return Settings(
            base_url=base_url,
            deadline=self.deadline,
            http=HttpOptions(attempt_timeout=self.attempt_timeout),
            cache=CacheOptions(
                ttl=self.ttl,
                stale_while_revalidate=self.stale_while_revalidate,
                stale_if_error=self.stale_if_error,
                soft_timeout=self.soft_timeout,
                refresh_backoff=0.2,
            ),
            breaker=BreakerOptions(
                slow_call_duration=self.attempt_timeout, open_duration=self.open_duration
            ),
            queue=QueueOptions(
                url=MEMORY, poll_interval=0.25, max_attempts=3, base_delay=0.5, max_delay=2.0
            ),
        )


@attrs.frozen
class DemoEnvironment:
    """The two running services of a demo."""

    url: str
    """The Product Service's base URL, without a slash at the end."""
    products: ProductCatalog
    sandbox: Sandbox
    """The Inventory Service."""
    windows: Windows


@asynccontextmanager
async def demo_environment(
    windows: Windows, *, port: int = 0, buttons: bool = False
) -> AsyncIterator[DemoEnvironment]:
    """Start the Inventory Service on a free port and the Product Service on `port` (0: a free one).

    A message bus in this process carries the events of the Inventory Service.

    Raises:
        AddressTaken: the port is taken.
    """
    products = ProductCatalog.of_sandbox()
    bus = InProcessBus()
    async with (
        EventPublisher(bus) as publisher,
        Sandbox(seed=seed_records(), publish=publisher.publish) as sandbox,
    ):
        settings, recorder = windows.settings(sandbox.url), Recorder()
        inventory = build(settings, catalog=products, bus=bus, telemetry=[recorder])
        control = SandboxControl(sandbox) if buttons else None
        app = product_service(inventory, products, control=control, links={"Operations": "ops/"})
        ops = ops_app(inventory, recorder, settings, actions=buttons, links={"Shop": "../"})
        app.add_subapp("/ops", ops)
        async with _served(app, port) as url:
            yield DemoEnvironment(url, products, sandbox, windows)


@asynccontextmanager
async def _served(app: web.Application, port: int) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, _HOST, port).start()
        except OSError as error:
            # asyncio's message repeats the address.
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise AddressTaken(
                f"the Product Service cannot listen on {_HOST}:{port}: {reason}"
            ) from error
        host, bound = runner.addresses[0][:2]
        yield f"http://{host}:{bound}"
    finally:
        await runner.cleanup()
