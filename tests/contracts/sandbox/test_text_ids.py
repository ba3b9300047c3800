"""The sandbox of a service whose ids are text, such as SKUs."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from yarl import URL

from shelfport import InventoryEvent, ProductVariantId, variant_id
from shelfport.contracts.sandbox import Opening, Sandbox, SeedRecord
from shelfport.contracts.sandbox.provider_states import STATES_PATH
from shelfport.domain.model import IdFormat
from tests.contracts.checked_client import Answered
from tests.contracts.sandbox_setup import StillClock, connected
from tests.support.values import LOW


def sku(text: str) -> ProductVariantId:
    return variant_id(text, IdFormat.TEXT)


AWKWARD = [
    sku(text)
    for text in (
        "A/B",
        "50%",
        "%2F",
        "what?",
        "a+b",
        "a&b=c",
        "#7",
        "a;b:c@d",
        "[x]{y}|z\\~^`",
        '"it\'s"',
        "...",
        "<!$()*>",
        "7d6aed21-5d13-5113-8dd7-fc1ddeedb6be",
        "X" * 128,
    )
]
SCARF = sku("SCARF/BLUE")
REFUSED = ["a b", "a\tb", "é", "Х", ".", "..", "X" * 129, "\x7f"]
RULE = "it must be 1 to 128 ASCII characters from '!' to '~', and not '.' or '..'"


class TextClient:
    """Requests about SKUs, percent-encoded as RFC 3986 says.

    The contract's schema wants UUIDs, so answers are not checked against it.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def request(self, method: str, target: str, **options: object) -> Answered:
        async with (
            connected(self._sandbox) as client,
            client.session.request(
                method,
                URL(self._sandbox.url + target, encoded=True),
                **options,  # type: ignore[arg-type]  # aiohttp's own options
            ) as response,
        ):
            return Answered(response.status, response.headers, await response.read())

    async def get(self, target: str) -> Answered:
        return await self.request("GET", target)

    async def one(self, text: str) -> Answered:
        return await self.get(f"/inventory/{quote(text, safe='')}")

    async def several(self, *texts: str) -> Answered:
        ids = ",".join(quote(text, safe="") for text in texts)
        return await self.get(f"/inventory?productVariantIds={ids}")

    async def initialize(self, text: str, key: object = None, **members: object) -> Answered:
        return await self.request(
            "POST",
            "/inventory",
            headers={"Idempotency-Key": str(key or uuid4())},
            json={"productVariantId": text, **members},
        )


@pytest.fixture
async def sandbox(clock: StillClock) -> AsyncIterator[Sandbox]:
    seed = [SeedRecord(variant, number) for number, variant in enumerate(AWKWARD, start=1)]
    async with Sandbox(id_format=IdFormat.TEXT, seed=seed, clock=clock, ledger=True) as running:
        yield running


@pytest.fixture
def skus(sandbox: Sandbox) -> TextClient:
    return TextClient(sandbox)


@pytest.mark.parametrize("variant", AWKWARD)
async def test_reads_one(skus: TextClient, variant: ProductVariantId) -> None:
    """An id of any characters is read from the path as it was before it was encoded."""
    answered = await skus.one(variant)

    assert (200, variant) == (answered.status, answered.json["productVariantId"])
    assert AWKWARD.index(variant) + 1 == answered.json["availableQuantity"]


async def test_reads_several(skus: TextClient) -> None:
    """Ids of any characters are read from one query, where a comma separates them."""
    answered = await skus.several(*AWKWARD, "none")

    assert {v: number for number, v in enumerate(AWKWARD, start=1)} == {
        level["productVariantId"]: level["availableQuantity"] for level in answered.json
    }


async def test_a_comma(skus: TextClient, sandbox: Sandbox) -> None:
    """An id with a comma is read alone; in a query the comma separates two ids."""
    for text in ("a,b", "a", "b"):
        sandbox.set_stock(sku(text), 1)

    assert "a,b" == (await skus.one("a,b")).json["productVariantId"]
    answered = await skus.several("a,b")
    assert ["a", "b"] == sorted(level["productVariantId"] for level in answered.json)


async def test_case_counts(skus: TextClient) -> None:
    """Two SKUs that differ in case are two variants."""
    assert [404, 201, 200, 404] == [
        (await skus.one("Hat")).status,
        (await skus.initialize("Hat")).status,
        (await skus.one("Hat")).status,
        (await skus.one("HAT")).status,
    ]


@pytest.mark.parametrize("variant", AWKWARD)
async def test_opens_a_record(clock: StillClock, tmp_path: Path, variant: ProductVariantId) -> None:
    """A POST opens the record of any id; a store file keeps it, and its key, over a restart."""
    key = uuid4()
    path = tmp_path / "stock.db"
    arguments = {"id_format": IdFormat.TEXT, "store_path": path, "clock": clock, "ledger": True}
    async with Sandbox(**arguments) as running:  # type: ignore[arg-type]  # of several types
        first = await TextClient(running).initialize(variant, key, initialQuantity=3)
    async with Sandbox(**arguments) as running:  # type: ignore[arg-type]  # of several types
        again = await TextClient(running).initialize(variant, key, initialQuantity=3)
        read = await TextClient(running).one(variant)

        assert [Opening(variant, key, clock.now)] == running.openings
    assert (201, first.body) == (again.status, again.body)
    assert (variant, 3) == (read.json["productVariantId"], read.json["availableQuantity"])


async def test_record_exists(clock: StillClock) -> None:
    """Without a ledger, the record of a SKU is not opened twice; its level comes with the 409."""
    async with Sandbox(id_format=IdFormat.TEXT, seed=[SeedRecord(SCARF, 5)]) as running:
        answered = await TextClient(running).initialize(SCARF)

    assert (409, "record-exists") == (answered.status, answered.slug)
    assert SCARF == answered.json["current"]["productVariantId"]


async def test_unknown_variant(skus: TextClient) -> None:
    """A SKU without a record is a 404 whose sentence has the SKU."""
    answered = await skus.one("no/such?")

    assert (404, "unknown-variant") == (answered.status, answered.slug)
    assert "No inventory record of variant no/such?." == answered.detail


@pytest.mark.parametrize("text", REFUSED)
async def test_refuses_what_is_no_id(skus: TextClient, sandbox: Sandbox, text: str) -> None:
    """Text that is no id is refused in a query, a body and a control request, with the rule."""
    encoded = quote(text, safe="").replace(".", "%2E")
    answers = [
        await skus.get(f"/inventory?productVariantIds={encoded}"),
        await skus.initialize(text),
    ]
    if text not in {".", ".."}:  # clients and servers resolve these in a path
        answers += [
            await skus.get(f"/inventory/{encoded}"),
            await skus.request("PUT", f"/_sandbox/stock/{encoded}", json={"availableQuantity": 1}),
        ]

    assert {(400, "invalid-request")} == {(each.status, each.slug) for each in answers}
    assert all(RULE in each.detail for each in answers)
    assert [] == sandbox.openings


async def test_refuses_an_empty_id(skus: TextClient) -> None:
    """Empty text is no id, not even between two commas."""
    answers = [
        await skus.get("/inventory?productVariantIds="),
        await skus.get("/inventory?productVariantIds=a,,b"),
        await skus.initialize(""),
    ]

    assert {400} == {each.status for each in answers}
    assert all(f"has '': {RULE}" in each.detail for each in answers)


async def test_refuses_a_body_without_text(skus: TextClient) -> None:
    """A number is no SKU: the sentence names the rule of this format."""
    answered = await skus.request(
        "POST",
        "/inventory",
        headers={"Idempotency-Key": str(uuid4())},
        json={"productVariantId": 7},
    )

    assert f"productVariantId is not valid: {RULE}." == answered.detail


async def test_sets_stock(skus: TextClient, sandbox: Sandbox) -> None:
    """The control endpoint sets the stock of any SKU in its path, and answers with it."""
    for number, variant in enumerate(AWKWARD, start=50):
        answered = await skus.request(
            "PUT",
            f"/_sandbox/stock/{quote(variant, safe='')}",
            json={"availableQuantity": number},
        )

        assert (variant, number) == (
            answered.json["productVariantId"],
            answered.json["availableQuantity"],
        )
        assert number == (await skus.one(variant)).json["availableQuantity"]
    assert len(AWKWARD) == (await skus.get("/_sandbox/health")).json["records"]


async def test_the_journal_has_the_encoded_target(skus: TextClient) -> None:
    """The journal has the path as it is after decoding, and the query as it was sent."""
    await skus.one("A/B?")
    await skus.several("50%", "a&b")
    one, several, *_ = (await skus.get("/_sandbox/journal")).json

    assert "/inventory/A/B?" == one["path"]
    assert "productVariantIds=50%25,a%26b" == several["query"]


async def test_an_event_has_the_sku() -> None:
    """The event of a change of stock is about the SKU."""
    events: list[InventoryEvent] = []

    async def publish(event: InventoryEvent) -> None:
        events.append(event)

    async with Sandbox(
        id_format=IdFormat.TEXT, seed=[SeedRecord(SCARF, 50)], publish=publish
    ) as running:
        await TextClient(running).request(
            "PUT", f"/_sandbox/stock/{quote(SCARF, safe='')}", json={"availableQuantity": 2}
        )

    assert [(LOW, SCARF)] == [(type(event), event.variant_id) for event in events]


async def test_a_provider_state_has_a_sku(skus: TextClient) -> None:
    """A provider state sets up, and forgets, the record of any SKU."""
    variant = AWKWARD[-5]  # it needs escapes in JSON
    stock = {"availableQuantity": 3, "lowStockThreshold": 1}
    key = str(uuid4())
    numbers = {"initialQuantity": 3, "lowStockThreshold": 1}
    for state, params, status in (
        ("a variant has stock", stock, 200),
        ("a variant has no record", {}, 404),
        ("an idempotency key opened a record", {"idempotencyKey": key, **numbers}, 200),
        ("a variant has no record", {}, 404),
    ):
        body = {"state": state, "params": {"productVariantId": variant, **params}}
        assert 200 == (await skus.request("POST", STATES_PATH, json=body)).status
        assert status == (await skus.one(variant)).status
    # The state without a record has forgotten the key, too.
    assert 201 == (await skus.initialize(variant, key, initialQuantity=9)).status


async def test_a_uuid_is_text(skus: TextClient) -> None:
    """In text format a UUID in upper case is another id than in lower case."""
    shouted = AWKWARD[-2].upper()

    assert 404 == (await skus.one(shouted)).status


async def test_uuids_are_the_default() -> None:
    """A sandbox without a format refuses a SKU."""
    async with Sandbox() as running:
        answered = await TextClient(running).initialize(SCARF)

    assert (400, True) == (answered.status, "must be a UUID" in answered.detail)
