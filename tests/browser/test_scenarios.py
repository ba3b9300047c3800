"""The scenarios of an operator and a newcomer, in a real browser."""

import re

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: nox -s browser")

from playwright.async_api import expect

from tests.browser.conftest import Shop


async def test_the_page_during_an_outage(shop: Shop) -> None:
    """A badge turns stale, with its age, then unavailable; the page stays, and recovers."""
    page = await shop.open()
    badge = page.locator(".products li").first.locator(".badge")
    await expect(badge).to_have_text("In stock")
    await page.click("#state-down")
    loaded = await page.evaluate("performance.timeOrigin")
    await expect(badge).to_have_attribute("data-freshness", "stale")
    caveat = page.locator(".products li").first.locator(".caveat")
    await expect(caveat).to_have_text(re.compile(r"as of \d+ s ago"))
    await expect(badge).to_have_text("Stock information unavailable")
    await expect(page.locator("h1")).to_have_text("Products")
    assert 24 == await page.locator(".products li").count()
    assert loaded == await page.evaluate("performance.timeOrigin"), "the page was reloaded"

    await page.click("#state-up")
    await expect(badge).to_have_text("In stock")
    await expect(page.locator('.badge[data-freshness="stale"]')).to_have_count(0)


async def test_the_ops_page_shows_the_outage(shop: Shop) -> None:
    """The open circuit, its next probe and the degraded state appear without a reload."""
    page, ops = await shop.open(), await shop.open("/ops/")
    await expect(ops.locator("#headline .pill")).to_have_text("All is well")
    await page.click("#state-down")

    await expect(ops.locator("#headline .pill")).to_have_text("Degraded")
    await expect(ops.locator("#headline")).to_contain_text("the circuit is")
    await expect(ops.locator("#log")).to_contain_text("circuit open")
    await expect(ops.locator("#served path")).not_to_have_count(0)
    await expect(ops.locator("#served .band")).not_to_have_count(0)
    await expect(ops.locator("#latency rect.failed")).not_to_have_count(0)
    await expect(ops.locator("#faults")).to_have_text(re.compile(r"service\s*[1-9]"))


async def test_a_dead_letter_is_retried(shop: Shop) -> None:
    """A waiting record that the service rejects is a dead letter; a button retries it."""
    page = await shop.open()
    ops = await shop.reject_product(page, "Summit Head Torch, 400 lumens")
    badge = page.locator(".products li", has_text="Summit Head Torch").locator(".badge")
    await expect(badge).to_have_text("Stock information unavailable")
    await expect(ops.locator("#dead")).to_contain_text("rejected")
    await expect(ops.locator("#dead")).to_contain_text("400 Bad Request")

    await page.click("#state-up")
    await ops.get_by_role("button", name=re.compile("^Retry the record of")).click()
    await expect(ops.locator(".notice")).to_contain_text("due now")
    await expect(ops.locator("#dead")).to_contain_text("None.")
    await expect(ops.locator("#log")).to_contain_text("record opened")
    await expect(badge).to_have_text("Only 3 left")


async def test_an_outage_makes_no_dead_letter(shop: Shop) -> None:
    """A record that cannot be opened in an outage waits for as long, and is opened after it."""
    page, ops = await shop.open(), await shop.open("/ops/")
    await shop.keep_product(page, "Summit Head Torch, 400 lumens")
    badge = page.locator(".products li", has_text="Summit Head Torch").locator(".badge")
    known = page.locator(".products li").first.locator(".badge")
    await expect(known).to_have_text("Stock information unavailable")  # it lasts for long
    await expect(ops.locator("#queue")).to_contain_text("503 Service Unavailable")
    await expect(ops.locator("#dead")).to_contain_text("None.")

    await page.click("#state-up")
    await expect(badge).to_have_text("Only 3 left")


async def test_dropping_asks_twice(shop: Shop) -> None:
    """The first press asks again, which updates leave open; the second drops the entry."""
    ops = await shop.reject_product(await shop.open(), "A tent too many")
    await ops.locator("#dead summary").click()
    really = ops.get_by_role("button", name="Delete it for good")
    await ops.wait_for_timeout(2500)  # two fragments and more
    await expect(really).to_be_visible()
    await really.click()

    await expect(ops.locator(".notice")).to_have_text("The entry is dropped.")
    await expect(ops.locator("#dead")).to_contain_text("None.")


async def test_a_request_is_followed(shop: Shop) -> None:
    """A customer's request is found by its correlation id; an id in a table leads there, too."""
    await shop.open()
    # A page that the cache answers makes no entry; a new product does.
    await shop.context.request.post(
        f"{shop.environment.url}/products",
        headers={"X-Correlation-ID": "caller-4711"},
        data={"name": "Boot"},
    )
    ops = await shop.open("/ops/")
    await ops.fill("#correlation", "caller-4711")
    await ops.press("#correlation", "Enter")
    await expect(ops.locator("#search")).to_contain_text("found under caller-4711")
    await expect(ops.locator("#search")).to_contain_text("initialize answered")

    shop.environment.sandbox.faults = type(shop.environment.sandbox.faults)(mode="down")
    link = ops.locator("#log a.id").first
    await link.click()
    await expect(ops.locator("#search")).to_contain_text("found under")
    await expect(ops.locator("#search")).not_to_contain_text("caller-4711")


async def test_stock_follows_events(shop: Shop) -> None:
    """Selling a product out changes its badge, and the event is on the ops page."""
    page, ops = await shop.open(), await shop.open("/ops/")
    first = page.locator(".products li").first
    await first.get_by_role("button", name=re.compile("^Sell out")).click()

    await expect(first.locator(".badge")).to_have_text("Out of stock")
    await expect(ops.locator("#events")).to_contain_text("out of stock")
    await expect(ops.locator("#events .tag")).to_have_text("handled")


async def test_pausing_stops_updates(shop: Shop) -> None:
    """A paused page does not change; resuming brings the missed updates."""
    ops = await shop.open("/ops/")
    await expect(ops.locator("#live-state")).to_have_text("live")
    await ops.click("#pause")
    await expect(ops.locator("#live-state")).to_have_text("paused")
    page = await shop.open()
    await page.click("#state-down")
    await ops.wait_for_timeout(2500)
    await expect(ops.locator("#headline .pill")).to_have_text("All is well")
    await ops.click("#pause")

    await expect(ops.locator("#live-state")).to_have_text("live")
    await expect(ops.locator("#headline .pill")).to_have_text("Degraded")


async def test_both_pages_work_without_scripts(shop: Shop) -> None:
    """Without JavaScript the pages are complete, as old as their load, and the buttons work."""
    context = await shop.browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    shop.watch(page)
    await page.goto(shop.environment.url)
    await page.click("#state-down")
    await expect(page.locator("legend")).to_have_text("Inventory Service: down")
    await expect(page.locator("#pause")).to_be_hidden()
    await page.goto(f"{shop.environment.url}/ops/")
    await expect(page.locator("#circuit .pill")).to_be_visible()
    await context.close()
