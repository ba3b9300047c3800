"""The control endpoints: what they change, what they show, what they refuse."""

from uuid import uuid4

import pytest

from shelfport.contracts.sandbox import Faults, Sandbox
from tests.contracts.checked_client import CheckedClient
from tests.contracts.sandbox_setup import LOW, UNKNOWN, StillClock, connected


async def test_health(client: CheckedClient) -> None:
    """Health says how many records there are."""
    answered = await client.get("/_sandbox/health")

    assert (200, {"status": "ok", "records": 3}) == (answered.status, answered.json)


async def test_journal(client: CheckedClient, clock: StillClock) -> None:
    """The journal shows what was asked, without the credentials, and can be emptied."""
    key = uuid4()
    await client.get(
        f"/inventory?productVariantIds={LOW}",
        headers={"Authorization": "Bearer sesame", "X-Correlation-ID": "c-1"},
    )
    await client.initialize(key, LOW)

    answered = await client.get("/_sandbox/journal")
    read, write = answered.json

    assert read.pop("duration") >= 0
    assert {
        "method": "GET",
        "path": "/inventory",
        "query": f"productVariantIds={LOW}",
        "idempotencyKey": None,
        "correlationId": "c-1",
        "traceparent": None,
        "hasAuthorization": True,
        "receivedAt": "2026-03-14T09:00:00Z",
        "status": 200,
    } == read
    assert ("POST", str(key), False, 409) == (
        write["method"],
        write["idempotencyKey"],
        write["hasAuthorization"],
        write["status"],
    )
    assert b"sesame" not in answered.body
    assert 204 == (await client.request("DELETE", "/_sandbox/journal")).status
    assert [] == (await client.get("/_sandbox/journal")).json


async def test_faults(client: CheckedClient, sandbox: Sandbox) -> None:
    """PUT replaces all faults, fields left out included, and answers what is in force."""
    await client.set_faults(mode="down", latency=0.5)

    answered = await client.put("/_sandbox/faults", json={"errorRate": 0.25, "times": 3})

    assert {
        "mode": "ok",
        "latency": 0.0,
        "errorRate": 0.25,
        "errorStatus": 503,
        "retryAfter": 1,
        "modeRates": {},
        "lateBy": 5.0,
        "seed": 0,
        "times": 3,
    } == answered.json
    assert answered.json == (await client.get("/_sandbox/faults")).json
    assert Faults(error_rate=0.25, times=3) == sandbox.faults


@pytest.mark.parametrize("mode", ["down", "refuse", "hang", "garbage", "truncated"])
async def test_works_whatever_the_faults(client: CheckedClient, mode: str) -> None:
    """Faults do not affect control requests."""
    await client.set_faults(mode=mode, errorRate=1, latency=60)

    assert 200 == (await client.get("/_sandbox/health")).status


async def test_needs_no_token() -> None:
    """The token guards the API, not the control endpoints."""
    async with Sandbox(token="sesame") as sandbox, connected(sandbox) as client:
        assert 200 == (await client.get("/_sandbox/health")).status


async def test_stock(client: CheckedClient) -> None:
    """PUT stock sets a variant's stock, and opens a record where there is none."""
    low = await client.put(f"/_sandbox/stock/{LOW}", json={"availableQuantity": 9})
    new = await client.put(
        f"/_sandbox/stock/{UNKNOWN}", json={"availableQuantity": 9, "lowStockThreshold": 8}
    )

    assert ("LOW_STOCK", "IN_STOCK") == (low.json["status"], new.json["status"])
    assert new.json == (await client.get(f"/inventory/{UNKNOWN}")).json


async def test_reset(client: CheckedClient, sandbox: Sandbox) -> None:
    """Reset leaves the seeded records and nothing else."""
    key = uuid4()
    await client.initialize(key, UNKNOWN)
    sandbox.set_stock(LOW, 99)
    await client.set_faults(mode="down")

    assert 204 == (await client.post("/_sandbox/reset")).status

    assert ([], Faults()) == (sandbox.journal, sandbox.faults)
    assert 5 == (await client.get(f"/inventory/{LOW}")).json["availableQuantity"]
    assert 201 == (await client.initialize(key, UNKNOWN, initialQuantity=4)).status


@pytest.mark.parametrize(
    ("target", "body", "sentence"),
    [
        ("faults", b"", "The body is not JSON"),
        ("faults", b"[]", "The body must be a JSON object with the fields mode, latency"),
        ("faults", b'{"mode": "sad"}', "mode is not valid: it must be one of ok, down, refuse"),
        ("faults", b'{"mode": null}', "mode is not valid: it must be one of ok"),
        ("faults", b'{"latency": -1}', "latency is -1.0: it must be a number of seconds from 0"),
        ("faults", b'{"latency": "1"}', "latency is not valid: it must be a number of seconds"),
        ("faults", b'{"errorRate": 2}', "errorRate is 2.0: it must be a number from 0 to 1"),
        ("faults", b'{"errorStatus": 404}', "errorStatus is not valid: it must be one of 401"),
        ("faults", b'{"modeRates": {"sad": 1}}', "modeRates is not valid: it must be an object of"),
        ("faults", b'{"modeRates": {"ok": 2}}', "modeRates is {'ok': 2.0}: it must be an object"),
        ("faults", b'{"times": 0}', "times is 0: it must be null or an integer of 1 or more"),
        ("faults", b'{"rate": 1}', "'rate' is not a field: the fields are mode, latency"),
        (f"stock/{LOW}", b"{}", "availableQuantity is missing: it must be an integer from 0"),
        (f"stock/{LOW}", b'{"availableQuantity": -1}', "availableQuantity is not valid: it must"),
        (
            f"stock/{LOW}",
            b'{"availableQuantity": 1, "lowStockThreshold": "x"}',
            "lowStockThreshold is not valid: it must be null or an integer from 0",
        ),
        ("stock/shoe", b'{"availableQuantity": 1}', "id has 'shoe': it must be a UUID"),
    ],
)
async def test_refuses_bad_input(
    client: CheckedClient, target: str, body: bytes, sentence: str
) -> None:
    """Bad control input is a 400 whose sentence names the field and what is allowed."""
    answered = await client.put(
        f"/_sandbox/{target}", data=body, headers={"Content-Type": "application/json"}
    )

    assert (400, "invalid-request") == (answered.status, answered.slug)
    assert answered.detail.startswith(sentence)


async def test_unknown_control_path(client: CheckedClient) -> None:
    """A control path that does not exist is a plain 404."""
    assert 404 == (await client.get("/_sandbox/nothing")).status
