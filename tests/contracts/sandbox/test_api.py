"""The three operations, as the contract words them."""

import asyncio
from uuid import UUID, uuid4

import pytest

from shelfport import variant_id
from shelfport.contracts.sandbox import Sandbox
from tests.contracts.checked_client import CheckedClient
from tests.contracts.sandbox_setup import IN_STOCK, LOW, OUT, UNKNOWN, StillClock, connected, poll

NIL = UUID(int=0)


async def test_reads_several(client: CheckedClient) -> None:
    """Variants without a record are absent, and the others come once each."""
    answered = await client.get(f"/inventory?productVariantIds={OUT},{UNKNOWN},{IN_STOCK},{OUT}")

    assert 200 == answered.status
    assert {
        str(IN_STOCK): (100, "IN_STOCK"),
        str(OUT): (0, "OUT_OF_STOCK"),
    } == {
        level["productVariantId"]: (level["availableQuantity"], level["status"])
        for level in answered.json
    }
    assert 2 == len(answered.json)


async def test_reads_none(client: CheckedClient) -> None:
    """Where no variant has a record the answer is an empty array, not a 404."""
    answered = await client.get(f"/inventory?productVariantIds={UNKNOWN}")

    assert (200, []) == (answered.status, answered.json)


async def test_reads_one(client: CheckedClient) -> None:
    """A single variant's level is the bare object."""
    answered = await client.get(f"/inventory/{LOW}")

    assert {
        "productVariantId": str(LOW),
        "availableQuantity": 5,
        "status": "LOW_STOCK",
        "updatedAt": "2026-03-14T09:00:00Z",
    } == answered.json


async def test_case_of_an_id(client: CheckedClient, sandbox: Sandbox) -> None:
    """Ids are the same in upper and lower case."""
    shouted = UUID("abcdefab-cdef-4bcd-8fab-cdefabcdefab")
    sandbox.set_stock(variant_id(shouted), 1)

    assert 200 == (await client.get(f"/inventory/{str(shouted).upper()}")).status


async def test_unknown_variant(client: CheckedClient) -> None:
    """A variant without a record is a 404 of type unknown-variant."""
    answered = await client.get(f"/inventory/{UNKNOWN}")

    assert (404, "unknown-variant") == (answered.status, answered.slug)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("/inventory", "productVariantIds is given 0 times"),
        ("/inventory?productVariantIds=", "productVariantIds has ''"),
        (f"/inventory?productVariantIds={LOW},", "productVariantIds has ''"),
        (f"/inventory?productVariantIds={LOW}&productVariantIds={OUT}", "is given 2 times"),
        ("/inventory?productVariantIds=shoe", "productVariantIds has 'shoe': it must be a UUID"),
        (f"/inventory?productVariantIds={UUID(LOW).hex}", "in its 36 character form"),
        (f"/inventory?productVariantIds={NIL}", "productVariantIds has the nil UUID"),
        (f"/inventory/{NIL}", "productVariantId has the nil UUID"),
        ("/inventory/shoe", "productVariantId has 'shoe'"),
        (
            "/inventory?productVariantIds=" + ",".join([str(LOW)] * 201),
            "names 201 variants: at most 200",
        ),
        (
            f"/inventory?productVariantIds={LOW}&pad=" + "x" * 8_000,
            "bytes: at most 8000 are allowed",
        ),
    ],
)
async def test_refuses_bad_reads(client: CheckedClient, target: str, sentence: str) -> None:
    """A read that breaks the contract gets a sentence that names what is wrong."""
    answered = await client.get(target)

    assert (400, "invalid-request") == (answered.status, answered.slug)
    assert sentence in answered.detail


async def test_takes_as_much_as_it_says(client: CheckedClient, sandbox: Sandbox) -> None:
    """200 ids, and 8000 bytes of request target, are accepted."""
    ids = [variant_id(uuid4()) for _ in range(200)]
    for variant in ids:
        sandbox.set_stock(variant, 7)
    target = "/inventory?productVariantIds=" + ",".join(ids) + "&pad="

    answered = await client.get(target.ljust(8_000, "x"))

    assert (200, 200) == (answered.status, len(answered.json))


async def test_opens_a_record(client: CheckedClient) -> None:
    """A POST opens the record, and reads see it from then on."""
    answered = await client.initialize(uuid4(), UNKNOWN, initialQuantity=3, lowStockThreshold=3)

    assert 201 == answered.status
    item = answered.json
    assert (3, 3, "LOW_STOCK") == (item["quantity"], item["availableQuantity"], item["status"])
    assert item["id"] != item["productVariantId"] == str(UNKNOWN)
    level = (await client.get(f"/inventory/{UNKNOWN}")).json
    assert {name: item[name] for name in level} == level


async def test_defaults_of_a_record(client: CheckedClient, sandbox: Sandbox) -> None:
    """Without numbers a record starts with 0 units and a threshold of 10."""
    assert "OUT_OF_STOCK" == (await client.initialize(uuid4(), UNKNOWN)).json["status"]
    assert "LOW_STOCK" == sandbox.set_stock(UNKNOWN, 10).status.value
    assert "IN_STOCK" == sandbox.set_stock(UNKNOWN, 11).status.value


async def test_repetition(client: CheckedClient, sandbox: Sandbox, clock: StillClock) -> None:
    """The same key and payload get the same 201 again, however the stock has changed."""
    key = uuid4()
    first = await client.initialize(key, UNKNOWN, initialQuantity=3)
    clock.advance(60)
    sandbox.set_stock(UNKNOWN, 50)

    again = await client.initialize(key, UNKNOWN, initialQuantity=3, lowStockThreshold=10)

    assert (201, first.body) == (again.status, again.body)
    assert 50 == (await client.get(f"/inventory/{UNKNOWN}")).json["availableQuantity"]


async def test_key_reused(client: CheckedClient) -> None:
    """The same key with another payload is refused, and writes nothing."""
    key = uuid4()
    await client.initialize(key, UNKNOWN)

    answered = await client.initialize(key, UNKNOWN, initialQuantity=1)

    assert (422, "key-reused") == (answered.status, answered.slug)
    assert 0 == (await client.get(f"/inventory/{UNKNOWN}")).json["availableQuantity"]


async def test_record_exists(client: CheckedClient) -> None:
    """A record made under another key is left alone, and its level comes with the refusal."""
    answered = await client.initialize(uuid4(), LOW, initialQuantity=99)

    assert (409, "record-exists") == (answered.status, answered.slug)
    assert (await client.get(f"/inventory/{LOW}")).json == answered.json["current"]
    assert 5 == answered.json["current"]["availableQuantity"]
    assert "Retry-After" not in answered.headers


async def test_refusal_uses_up_no_key(client: CheckedClient) -> None:
    """A key that met record-exists may still open another variant's record."""
    key = uuid4()
    await client.initialize(key, LOW)

    assert 201 == (await client.initialize(key, UNKNOWN)).status


async def test_in_progress(client: CheckedClient, sandbox: Sandbox) -> None:
    """While a slow POST is worked on its key is in progress, and afterwards it is done."""
    key = uuid4()
    await client.set_faults(latency=0.2, times=1)
    slow = asyncio.create_task(client.initialize(key, UNKNOWN))
    await poll(lambda: sandbox.requests("POST") == 1)

    second = await client.initialize(key, UNKNOWN)
    other = await client.initialize(key, UNKNOWN, initialQuantity=4)
    unseen = await client.get(f"/inventory/{UNKNOWN}")

    assert (409, "in-progress", "1") == (
        second.status,
        second.slug,
        second.headers["Retry-After"],
    )
    assert (422, "key-reused") == (other.status, other.slug)
    assert 404 == unseen.status
    first = await slow
    assert (201, first.body) == (first.status, (await client.initialize(key, UNKNOWN)).body)


async def test_race_of_two_keys(client: CheckedClient) -> None:
    """Of two operations on one variant at once exactly one opens the record."""
    answers = await asyncio.gather(*(client.initialize(uuid4(), UNKNOWN) for _ in range(8)))

    assert [201] + [409] * 7 == sorted(answered.status for answered in answers)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is not JSON"),
        (b"{", "The body is not JSON"),
        (b"[]", "The body must be a JSON object with the fields productVariantId"),
        (b"{}", "productVariantId is missing: it must be a UUID"),
        (b'{"productVariantId": 7}', "productVariantId is not valid: it must be a UUID"),
        (f'{{"productVariantId": "{UUID(UNKNOWN).hex}"}}'.encode(), "36 character form"),
        (f'{{"productVariantId": "{NIL}"}}'.encode(), "productVariantId has the nil UUID"),
        (
            f'{{"productVariantId": "{UNKNOWN}", "quantity": 1}}'.encode(),
            "'quantity' is not a field: the fields are productVariantId, initialQuantity",
        ),
        *(
            (
                f'{{"productVariantId": "{UNKNOWN}", "{name}": {value}}}'.encode(),
                f"{name} is not valid: it must be an integer from 0 to 2147483647",
            )
            for name in ("initialQuantity", "lowStockThreshold")
            for value in ("-1", "2147483648", "1.5", "true", "null", '"1"')
        ),
        (b'{"productVariantId": "' + b"x" * 70_000 + b'"}', "at most 65536 bytes"),
    ],
)
async def test_refuses_bad_bodies(client: CheckedClient, body: bytes, sentence: str) -> None:
    """A body that breaks the contract gets a sentence that names the field and the rule."""
    answered = await client.post(
        "/inventory",
        data=body,
        headers={"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"},
    )

    assert (400, "invalid-request") == (answered.status, answered.slug)
    assert sentence in answered.detail


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ([], "Idempotency-Key is given 0 times"),
        ([("Idempotency-Key", str(LOW))] * 2, "Idempotency-Key is given 2 times"),
        ([("Idempotency-Key", "again")], "Idempotency-Key has 'again'"),
        ([("Idempotency-Key", str(NIL))], "Idempotency-Key has the nil UUID"),
        (
            [("Idempotency-Key", str(LOW)), ("Content-Type", "text/plain")],
            "'text/plain': it must be application/json",
        ),
        (
            [("Idempotency-Key", str(LOW)), ("X-Correlation-ID", "x" * 129)],
            "X-Correlation-ID is not 1 to 128 printable ASCII characters",
        ),
    ],
)
async def test_refuses_bad_headers(
    client: CheckedClient, headers: list[tuple[str, str]], sentence: str
) -> None:
    """A header that breaks the contract gets a sentence that names it."""
    if all(name != "Content-Type" for name, _ in headers):
        headers = [*headers, ("Content-Type", "application/json")]

    answered = await client.post(
        "/inventory", data=f'{{"productVariantId": "{UNKNOWN}"}}', headers=headers
    )

    assert (400, "invalid-request") == (answered.status, answered.slug)
    assert sentence in answered.detail


@pytest.mark.parametrize("target", [f"/inventory/{LOW}", f"/inventory/{UNKNOWN}", "/elsewhere"])
async def test_echoes_the_correlation_id(client: CheckedClient, target: str) -> None:
    """The correlation id comes back, whatever the answer is."""
    answered = await client.get(target, headers={"X-Correlation-ID": "checkout 42"})

    assert "checkout 42" == answered.headers["X-Correlation-ID"]


async def test_invents_no_correlation_id(client: CheckedClient) -> None:
    """A request without a correlation id, or with an invalid one, gets none back."""
    without = await client.get(f"/inventory/{LOW}")
    invalid = await client.get(f"/inventory/{LOW}", headers={"X-Correlation-ID": "x" * 129})

    assert "X-Correlation-ID" not in without.headers
    assert 400 == invalid.status
    assert "X-Correlation-ID" not in invalid.headers


async def test_foreign_paths_are_no_problem_of_the_contract(client: CheckedClient) -> None:
    """Other paths and methods get the plain 404 and 405 of a web server."""
    elsewhere = await client.get("/stock")
    async with client.session.delete("/inventory") as deleted:
        assert (404, 405) == (elsewhere.status, deleted.status)

    assert "text/plain; charset=utf-8" == elsewhere.headers["Content-Type"]


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Basic sesame", "Bearer", "sesame"])
async def test_asks_for_its_token(given: str | None) -> None:
    """With a token configured, requests without it get a challenge and nothing else."""
    async with Sandbox(token="sesame") as sandbox, connected(sandbox) as client:
        answered = await client.get(
            f"/inventory/{LOW}", headers={} if given is None else {"Authorization": given}
        )

    assert (401, "unauthenticated") == (answered.status, answered.slug)
    assert 'Bearer realm="inventory"' == answered.headers["WWW-Authenticate"]


async def test_accepts_its_token() -> None:
    """The right token is accepted, its scheme in any case."""
    async with Sandbox(token="sesame") as sandbox, connected(sandbox) as client:
        answered = await client.get(f"/inventory/{LOW}", headers={"Authorization": "bearer sesame"})

    assert "unknown-variant" == answered.slug


async def test_unexpected_errors(
    client: CheckedClient,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An error of the sandbox itself is a 500 problem without its inside, and a log record."""
    monkeypatch.setattr(sandbox._store, "level", lambda _id: 1 / 0)

    answered = await client.get(f"/inventory/{LOW}")

    assert (500, "internal-error") == (answered.status, answered.slug)
    assert "division" not in answered.detail
    assert "ZeroDivisionError" in caplog.text
