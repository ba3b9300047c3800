"""Access by keyboard, with a screen reader, and on a small screen."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: nox -s browser")

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import Shop


async def outage(shop: Shop) -> Page:
    """The shop in an outage; the ops page has a dead letter."""
    page = await shop.open()
    ops = await shop.reject_product(page, "Summit Head Torch, 400 lumens")
    await ops.close()
    await page.click("#state-down")
    await expect(page.locator('.badge[data-freshness="stale"]').first).to_be_visible()
    return page


async def focused(page: Page) -> str:
    """The id, or else the text, of the focused element."""
    found: str = await page.evaluate(
        "(document.activeElement.id || document.activeElement.textContent).trim()"
    )
    return found


async def tab_to(page: Page, wanted: str) -> int:
    """Press Tab until `wanted` has the focus; how often it took."""
    for presses in range(1, 80):
        await page.keyboard.press("Tab")
        if await focused(page) == wanted:
            return presses
    raise AssertionError(f"{wanted} is not reached by Tab")


async def test_the_shop_by_keyboard_alone(shop: Shop) -> None:
    """The first Tab offers to skip the navigation; a button is reached, seen, and pressed."""
    page = await shop.open()
    await page.keyboard.press("Tab")
    assert "Skip to the content" == await focused(page)
    await expect(page.locator(".skip")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    assert "main" == await focused(page)
    await tab_to(page, "state-down")
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert "solid" == outline
    await page.keyboard.press("Enter")

    await expect(page.locator("legend")).to_have_text("Inventory Service: down")


async def test_the_ops_page_by_keyboard_alone(shop: Shop) -> None:
    """The focus, typed text and open details stay while fragments are replaced."""
    await outage(shop)
    ops = await shop.open("/ops/")
    await expect(ops.locator("#dead summary")).to_be_visible()
    await tab_to(ops, "hold-open")
    await ops.wait_for_timeout(2500)
    assert "hold-open" == await focused(ops)
    await tab_to(ops, "correlation")
    for letter in "checkout-1":
        await ops.keyboard.press(letter)
        await ops.wait_for_timeout(150)
    await expect(ops.locator("#correlation")).to_have_value("checkout-1")
    await tab_to(ops, "Drop…")
    await ops.keyboard.press("Space")
    await ops.wait_for_timeout(2500)
    assert "Drop…" == await focused(ops)
    await ops.keyboard.press("Tab")
    await ops.keyboard.press("Enter")

    await expect(ops.locator(".notice")).to_have_text("The entry is dropped.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_axe_finds_nothing(
    shop: Shop, scheme: Any, width: int, pictures: Path, report: Any
) -> None:
    """axe-core finds no fault on either page in an outage, and no page is wider than the screen."""
    page = await outage(shop)
    ops = await shop.open("/ops/?correlation=nothing")
    await expect(ops.locator("#dead summary")).to_be_visible()
    for name, one in (("shop", page), ("ops", ops)):
        await one.set_viewport_size({"width": width, "height": 900})
        await one.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await one.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=True)
        await one.click("#pause")
        found = await Axe().run(one)
        faults = [
            f"{v['id']} ({v['impact']}): {node['target']}"
            for v in found.response["violations"]
            for node in v["nodes"]
        ]
        report(f"axe on {name}: {len(found.response['passes'])} rules passed, faults: {faults}")
        assert [] == faults
        assert await one.evaluate("document.documentElement.scrollWidth") <= width


async def test_the_plots_have_descriptions(shop: Shop) -> None:
    """A plot is an image with a description; changes of the headline are announced."""
    ops = await shop.open("/ops/")
    for plot in ("#served svg", "#latency svg"):
        await expect(ops.locator(plot)).to_have_role("img")
        assert len(await ops.locator(plot).get_attribute("aria-label") or "") > 40
    await expect(ops.locator("#headline")).to_have_attribute("aria-live", "polite")
