"""Makes the pictures of the documentation from the running demo: `nox -s pictures`.

    python -m tests.browser.pictures docs/pictures

Many requests for the demo's shop run while its Inventory Service is up, slow, flaky and down.
"""

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from shelfport.adapters.demo.environment import DemoEnvironment, Windows, demo_environment
from shelfport.adapters.demo.service_control import SandboxControl, ServiceState
from tests.browser.chromium import installed

WINDOWS: Final = Windows(
    ttl=2.0, stale_while_revalidate=3.0, stale_if_error=33.0, open_duration=3.0
)
PHASES: Final = (
    (ServiceState.UP, 45),
    (ServiceState.SLOW, 20),
    (ServiceState.UP, 20),
    (ServiceState.FLAKY, 25),
    (ServiceState.DOWN, 12),
)
"""The states of the service, each with its seconds."""
LARGEST: Final = 200_000
"""Bytes that a picture may have."""


async def crowd(environment: DemoEnvironment) -> None:
    """Get the shop's page ten times a second, for ever."""
    async with aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{environment.url}/products.json") as answer:
                    await answer.read()
            await asyncio.sleep(0.1)


async def opened(browser: Browser, url: str, *, scheme: str, width: int, height: int) -> Page:
    """A page that is connected for live updates."""
    page = await browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    await page.goto(url)
    await page.locator('.live[data-state="live"]').wait_for()
    return page


async def take(folder: Path) -> None:
    """Run the phases, and take each picture in its phase."""
    path = installed()
    async with (
        demo_environment(WINDOWS, buttons=True) as environment,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        shop_url, ops_url = f"{environment.url}/", f"{environment.url}/ops/"
        crowding = asyncio.create_task(crowd(environment))
        control = SandboxControl(environment.sandbox)
        shop = await opened(browser, shop_url, scheme="light", width=1120, height=640)
        await shop.screenshot(path=folder / "listing.png")
        variants = [product.variant_id for product in environment.products]
        for number, (state, seconds) in enumerate(PHASES):
            control.put(state)
            control.set_stock(variants[number], 0)
            control.set_stock(variants[number + 8], 40)
            if state is ServiceState.DOWN:
                # A new product whose record must wait.
                await shop.fill("#name", "Summit Head Torch, 400 lumens")
                await shop.select_option("#policy", "RETRY_LATER")
                await shop.click("button.main")
            await asyncio.sleep(seconds)
        await shop.screenshot(path=folder / "listing-outage.png")
        narrow = await opened(browser, shop_url, scheme="dark", width=360, height=640)
        await narrow.screenshot(path=folder / "listing-narrow.png")
        await asyncio.sleep(35)  # until the last known stock is too old to show
        for scheme, name in (("light", "ops-outage"), ("dark", "ops-outage-dark")):
            ops = await opened(browser, ops_url, scheme=scheme, width=1120, height=860)
            await ops.screenshot(path=folder / f"{name}.png")
        control.put(ServiceState.UP)
        await asyncio.sleep(6)
        ops = await opened(browser, ops_url, scheme="light", width=1120, height=860)
        await ops.locator("#plots").screenshot(path=folder / "plots.png")
        crowding.cancel()
        await asyncio.gather(crowding, return_exceptions=True)
        await browser.close()


def main(folder: Path) -> int:
    """Make all pictures in `folder`, and print their sizes."""
    logging.disable(logging.WARNING)  # the outage is intended
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(folder))
    sizes = {picture.name: picture.stat().st_size for picture in sorted(folder.glob("*.png"))}
    for name, size in sizes.items():
        print(f"{name}: {size / 1000:.0f} kB{'' if size <= LARGEST else ', TOO LARGE'}")
    return 0 if sizes and max(sizes.values()) <= LARGEST else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
