"""A real browser on the demo; its complaints and its requests are recorded."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
import pytest

from shelfport.adapters.demo.environment import DemoEnvironment, Windows, demo_environment
from tests.browser.chromium import NoBrowser, chromium

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

WINDOWS = Windows(ttl=1.0, stale_while_revalidate=1.0, stale_if_error=7.0, open_duration=0.5)
LONG = bool(os.environ.get("SHELFPORT_LONG"))
SHORT = {"test_the_ops_page_shows_the_outage"}
"""What the default tests play, where there is a browser."""
PATIENCE = 20_000
"""Milliseconds that a page may take to show something; for slow machines."""


@attrs.frozen
class Shop:
    """The demo, and a browser on it."""

    environment: DemoEnvironment
    browser: "Browser"
    context: "BrowserContext"
    complaints: list[str]
    """Messages of the console, and errors of scripts."""
    fetched: set[str]
    """The hosts that the browser requested."""

    async def open(self, path: str = "/") -> "Page":
        """A new page at `path`."""
        page = await self.context.new_page()
        self.watch(page)
        answer = await page.goto(self.environment.url + path)
        assert answer is not None
        assert 200 == answer.status
        return page

    async def keep_product(self, page: "Page", name: str) -> None:
        """Create a product in an outage, at the shop `page`; its record is opened later."""
        await page.click("#state-down")
        await page.fill("#name", name)
        await page.fill("#initial-quantity", "3")
        await page.select_option("#policy", "RETRY_LATER")
        await page.click("button.main")

    async def reject_product(self, page: "Page", name: str) -> "Page":
        """Keep a product whose record the service then rejects; the ops page with a dead letter."""
        await self.keep_product(page, name)
        await page.click("#state-rejecting")
        ops = await self.open("/ops/")
        await ops.locator("#dead summary").wait_for()
        return ops

    def watch(self, page: "Page") -> None:
        """Record the complaints and requests of `page`."""
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.fetched.add(urlsplit(request.url).netloc))


@pytest.fixture
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    """The demo with its buttons, in short windows; at the end there may be no complaint."""
    if not LONG and request.node.name not in SHORT:
        pytest.skip("a browser at length: run by nox -s browser")
    from playwright.async_api import async_playwright, expect

    expect.set_options(timeout=PATIENCE)
    try:
        path = chromium()
    except NoBrowser as error:
        pytest.skip(str(error))
    async with (
        demo_environment(WINDOWS, buttons=True) as environment,
        async_playwright() as playwright,
    ):
        # Root, as in a container, has no sandbox to give; the pages are our own.
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        shop = Shop(environment, browser, context, [], set())
        yield shop
        await browser.close()
    assert [] == shop.complaints
    assert {urlsplit(environment.url).netloc} >= shop.fetched


@pytest.fixture(scope="session")
def pictures() -> Path:
    """The folder for pictures that a person should look at."""
    folder = Path(__file__).parents[2] / "build" / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
