import re

import aiohttp
import pytest

from shelfport import InventoryError, variant_id
from shelfport.adapters.demo.environment import DemoEnvironment
from shelfport.adapters.demo.page_snapshot import read_badges
from shelfport.adapters.demo.products import Product
from shelfport.contracts.sandbox import Faults
from shelfport.errors import (
    ConnectionFailed,
    PathFailed,
    RequestBlocked,
    RequestRejected,
    Unauthorized,
)
from tests.adapters.demo.conftest import Shop
from tests.support.streams import next_fragments
from tests.support.waiting import eventually

HOSTILE = "<script>alert('1')</script> & \"quotes\" ${style} </title>"


async def test_a_page_costs_one_request(environment: DemoEnvironment) -> None:
    """The page of 24 products asks the Inventory Service once, for all of them."""
    async with aiohttp.ClientSession() as session, session.get(environment.url) as response:
        badges = read_badges(await response.text())

    assert (200, 24) == (response.status, len(badges))
    assert [("GET", "/inventory")] == [(e.method, e.path) for e in environment.sandbox.journal]
    asked = environment.sandbox.journal[0].query.removeprefix("productVariantIds=")
    assert [str(p.variant_id) for p in environment.products] == asked.split(",")


async def test_the_caller_s_correlation_id_is_passed_on(environment: DemoEnvironment) -> None:
    """A correlation id that came with the page's request reaches the Inventory Service (R23)."""
    headers = {"X-Correlation-ID": "page-17"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for path in ("/", "/products.json"):
            async with session.get(environment.url + path):
                pass

    assert ["page-17"] * 2 == [entry.correlation_id for entry in environment.sandbox.journal]


async def test_a_hostile_name_stays_text(shop: Shop) -> None:
    """Nothing in a product's name becomes markup or a placeholder."""
    created = await shop.client.post("/products", json={"name": HOSTILE})
    page = await (await shop.client.get("/")).text()

    assert 201 == created.status
    # The page has one script of its own, from an address.
    assert (1, 1) == (page.count("<script"), page.count("</title>"))
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &#34;quotes&#34; ${style}" in page
    assert [product.name for product in shop.products] == [HOSTILE]


async def test_a_refused_draft_stays_text(shop: Shop) -> None:
    """The draft in the form after a refusal is escaped."""
    answer = await shop.client.post(
        "/products", data={"name": '"><script>', "initialQuantity": '"><b>'}
    )
    page = await answer.text()

    assert (400, 1, False) == (answer.status, page.count("<script"), "<b>" in page)
    assert 'value="&#34;&gt;&lt;script&gt;"' in page


async def test_the_policy_allows_the_page_s_own_files_and_nothing_else(shop: Shop) -> None:
    """The policy allows nothing inline, framed or foreign, on the page and on each of its files."""
    answer = await shop.client.get("/")
    addresses = re.findall(r'(?:src|href)="([^"]+\?[^"]+)"', await answer.text())
    policy = answer.headers["Content-Security-Policy"]
    assets = [await shop.client.get("/" + address) for address in addresses]

    assert "default-src 'none'" in policy
    assert not re.search(r"unsafe|https?:|\*|data:", policy)
    assert [200, 200, 200] == [asset.status for asset in assets]
    assert {policy} == {asset.headers["Content-Security-Policy"] for asset in assets}


async def test_the_page_is_updated_live(shop: Shop) -> None:
    """The stream has the fragments of the page, and a new one when the stock changes."""
    await shop.client.post("/products", json={"name": "Boot", "initialQuantity": 30})
    async with shop.client.get("/live") as answer:
        first = await next_fragments(answer.content)
        await shop.client.post("/products", json={"name": "Tent", "initialQuantity": 30})
        second = await next_fragments(answer.content)

    assert "text/event-stream; charset=utf-8" == answer.headers["Content-Type"]
    assert {"service", "products", "lookup"} == first.keys()
    assert (False, True) == ("Tent" in first["products"], "Tent" in second["products"])


async def test_a_product_whose_record_is_opened_later(environment: DemoEnvironment) -> None:
    """Under RETRY_LATER the product is there at once, its record when the service is back (R21)."""
    environment.sandbox.faults = Faults(mode="down")
    body = {"name": "Boot", "initialQuantity": 3, "policy": "RETRY_LATER"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{environment.url}/products", json=body) as answer:
            made = await answer.json()
        environment.sandbox.faults = Faults()

        async def has_its_stock() -> bool:
            async with session.get(f"{environment.url}/products.json") as listed:
                stock = (await listed.json())["products"][-1]["stock"]
                return bool(stock["text"] == "Only 3 left")

        await eventually(has_its_stock)

    assert (201, "queued") == (answer.status, made["inventoryRecord"])


async def test_a_product_whose_record_is_rejected_later(environment: DemoEnvironment) -> None:
    """A record that waits for an outage to end is a dead letter if the service then rejects it."""
    environment.sandbox.faults = Faults(mode="down")
    body = {"name": "Boot", "initialQuantity": 3, "policy": "RETRY_LATER"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{environment.url}/products", json=body):
            pass
        environment.sandbox.faults = Faults(mode="reject_write")

        async def is_dead() -> bool:
            async with session.get(f"{environment.url}/ops/") as page:
                return "needs an operator" in await page.text()

        await eventually(is_dead)

    rejected = environment.sandbox.journal[-1]
    assert ("POST", 400) == (rejected.method, rejected.status)


@pytest.mark.parametrize("units", ["0", "20"])
async def test_stock_is_set_from_the_page(environment: DemoEnvironment, units: str) -> None:
    """The buttons beside a product change how many there are at the Inventory Service."""
    product = next(iter(environment.products))
    async with aiohttp.ClientSession() as session:
        form = {"variant": str(product.variant_id), "units": units}
        async with session.post(f"{environment.url}/stock", data=form) as answer:
            pass
        async with session.get(
            f"{environment.sandbox.url}/inventory/{product.variant_id}"
        ) as level:
            available = (await level.json())["availableQuantity"]

    assert (200, int(units)) == (answer.status, available)


@pytest.mark.parametrize("form", [{}, {"variant": "x", "units": "1"}, {"units": "-1"}], ids=repr)
async def test_stock_that_is_none_is_refused(
    environment: DemoEnvironment, form: dict[str, str]
) -> None:
    """A form without a variant or units is 400, and changes nothing."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{environment.url}/stock", data=form) as answer,
    ):
        pass

    assert 400 == answer.status


async def test_a_created_product_has_its_record(shop: Shop) -> None:
    """A new product is on sale with the stock that it was created with."""
    answer = await shop.client.post("/products", json={"name": " Boot ", "initialQuantity": 4})
    made = await answer.json()
    listed = await (await shop.client.get("/products.json")).json()

    (product,) = listed["products"]
    assert (answer.status, made) == (201, {k: product[k] for k in ("name", "variantId")})
    assert ("Boot", "low-stock", "Only 4 left", 4, "LIVE") == (
        product["name"],
        *(product["stock"][k] for k in ("badge", "text", "availableQuantity", "freshness")),
    )


async def test_a_form_leads_back_to_the_page(shop: Shop) -> None:
    """After a form the browser is sent to the page, so that a reload creates nothing."""
    answer = await shop.client.post(
        "/products", data={"name": "Boot", "initialQuantity": "30"}, allow_redirects=False
    )

    assert (303, "/", 1) == (answer.status, answer.headers["Location"], len(shop.products))


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (ConnectionFailed("gone"), 503, True),
        (PathFailed("a page of HTML"), 503, True),
        (RequestBlocked("a firewall"), 503, True),
        (RequestRejected("no such field"), 502, False),
        (Unauthorized("who?"), 502, False),
    ],
    ids=["unreachable", "path", "blocked", "rejected", "unauthorized"],
)
@pytest.mark.parametrize("kind", ["json", "data"])
async def test_no_record_no_product(
    shop: Shop, error: InventoryError, status: int, again: bool, kind: str
) -> None:
    """Where no record is opened the product is rolled back, and a sentence says so (R20)."""
    shop.inventory.fail_with(error)
    body = {"name": "Boot", "initialQuantity": "1"}
    if kind == "json":
        answer = await shop.client.post("/products", json=body)
    else:
        answer = await shop.client.post("/products", data=body)
    text = await answer.text()

    assert (answer.status, len(shop.products)) == (status, 0)
    assert "The product was not created: its inventory record could not be opened" in text
    assert again is ("try again in a moment" in text)


async def test_a_service_that_is_down_rolls_back(environment: DemoEnvironment) -> None:
    """With the Inventory Service down a creation is 503, and the page still lists 24, at 200."""
    environment.sandbox.faults = Faults(mode="down")
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{environment.url}/products", json={"name": "Boot"}) as created:
            pass
        async with session.get(environment.url) as page:
            badges = read_badges(await page.text())

    assert (503, 200) == (created.status, page.status)
    assert [True] * 24 == [badge.is_unavailable for badge in badges]


@pytest.mark.parametrize(
    "sent",
    [
        [],
        {},
        {"name": 7},
        {"name": "  "},
        {"name": "a\nb"},
        {"name": "\ud800"},
        {"name": "x" * 121},
        {"name": "Boot", "initialQuantity": -1},
        {"name": "Boot", "initialQuantity": 2**31},
        {"name": "Boot", "initialQuantity": True},
        {"name": "Boot", "initialQuantity": 1.5},
        {"name": "Boot", "initialQuantity": "²"},
        {"name": "Boot", "initialQuantity": None},
        {"name": "Boot", "policy": "NOT_ORDERABLE"},
        {"name": "Boot", "policy": ["RETRY_LATER"]},
    ],
    ids=repr,
)
async def test_bad_input_is_refused_with_a_sentence(shop: Shop, sent: object) -> None:
    """Invalid input is 400 with a sentence, and makes no request for a record."""
    answer = await shop.client.post("/products", json=sent)
    problem = await answer.json(content_type="application/problem+json")

    assert (400, 400, 0) == (answer.status, problem["status"], len(shop.products))
    assert problem["detail"].startswith("The product was not created: ")


async def test_a_body_that_is_no_json_is_refused(shop: Shop) -> None:
    """A broken document is 400, and no failure of the server."""
    answer = await shop.client.post(
        "/products", data=b"{", headers={"Content-Type": "application/json"}
    )

    assert 400 == answer.status


async def test_other_sites_cannot_post(shop: Shop) -> None:
    """A form that another site's page sends through the browser creates nothing."""
    answer = await shop.client.post(
        "/products", data={"name": "Boot"}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert (403, 0) == (answer.status, len(shop.products))


async def test_health_does_not_depend_on_the_inventory_service(shop: Shop) -> None:
    """The process is healthy while its Inventory Service is not."""
    shop.inventory.fail_with(ConnectionFailed("gone"))
    answer = await shop.client.get("/healthz")

    assert (200, {"status": "ok"}) == (answer.status, await answer.json())


async def test_buttons_are_there_only_with_a_control(shop: Shop) -> None:
    """Without a control the page has no buttons, and there is nothing behind them."""
    page = await (await shop.client.get("/")).text()
    answer = await shop.client.post("/inventory-service", data={"state": "down"})

    assert (False, 404) == ("Take it down" in page, answer.status)


@pytest.mark.parametrize("state", ["down", "slow", "flaky", "rejecting", "up"])
async def test_a_button_changes_the_inventory_service(
    environment: DemoEnvironment, state: str
) -> None:
    """Each button puts the sandbox into its state, which the page then shows."""
    environment.sandbox.faults = Faults(mode="garbage")
    url = f"{environment.url}/inventory-service"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data={"state": state}) as answer,
    ):
        page = await answer.text()

    expected = {
        "down": Faults(mode="down"),
        "slow": Faults(latency=5.0),
        "flaky": Faults(mode_rates={"down": 0.3, "refuse": 0.1, "garbage": 0.1}),
        "rejecting": Faults(mode="reject_write"),
        "up": Faults(),
    }
    assert (expected[state], 200) == (environment.sandbox.faults, answer.status)
    assert f"Inventory Service: {state}" in page


async def test_a_button_that_is_none_changes_nothing(environment: DemoEnvironment) -> None:
    """A state that there is not is 400."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{environment.url}/inventory-service", data={"state": "on fire"}) as answer,
    ):
        pass

    assert (400, Faults()) == (answer.status, environment.sandbox.faults)


@pytest.mark.parametrize("name", ["\u200b", "a\x00b", "a\u2028b"], ids=ascii)
def test_a_product_has_a_printable_name(name: str) -> None:
    """A name has no invisible characters and no line breaks."""
    with pytest.raises(ValueError, match="printable"):
        Product(name, variant_id("c9bf9e57-1685-4c89-bafb-ff5af830be8a"))
