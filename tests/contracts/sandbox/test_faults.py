"""Each fault has its effect on the requests that it affects, until it ends."""

import asyncio
from uuid import uuid4

import aiohttp
import pytest

from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.contracts.sandbox.faults import FaultMode, FaultPlan
from tests.contracts.checked_client import CheckedClient
from tests.contracts.sandbox_setup import IN_STOCK, LOW, UNKNOWN, poll

BRIEF = aiohttp.ClientTimeout(total=0.1)
"""Long enough for any answer that comes, short enough for one that does not."""


async def test_down(client: CheckedClient, sandbox: Sandbox) -> None:
    """Down is a 503 with a Retry-After of a second, and the request is not carried out."""
    sandbox.faults = Faults(mode="down")

    read = await client.get(f"/inventory/{LOW}")
    write = await client.initialize(uuid4(), UNKNOWN)
    sandbox.faults = Faults()

    assert (503, "unavailable", "1") == (read.status, read.slug, read.headers["Retry-After"])
    assert 503 == write.status
    assert 404 == (await client.get(f"/inventory/{UNKNOWN}")).status


async def test_retry_after(client: CheckedClient, sandbox: Sandbox) -> None:
    """The Retry-After of a 429 or 503 can be set, and holds for the last affected request, too."""
    waits: list[str] = []
    for faults in (
        Faults(mode="down", retry_after=0, times=1),
        Faults(error_rate=1, error_status=429, retry_after=7, times=1),
    ):
        sandbox.faults = faults
        waits.append((await client.get(f"/inventory/{LOW}")).headers["Retry-After"])

    assert ["0", "7"] == waits


async def test_reject_write(client: CheckedClient, sandbox: Sandbox) -> None:
    """A rejected POST gets 400 with a problem document, and opens no record; a GET is answered."""
    sandbox.faults = Faults(mode="reject_write")

    write = await client.initialize(uuid4(), UNKNOWN)

    assert (400, "invalid-request") == (write.status, write.slug)
    assert 200 == (await client.get(f"/inventory/{LOW}")).status
    assert 404 == (await client.get(f"/inventory/{UNKNOWN}")).status


async def test_refuse(client: CheckedClient, sandbox: Sandbox) -> None:
    """Refuse drops the connection without an answer, and nothing is done."""
    sandbox.faults = Faults(mode="refuse")

    with pytest.raises(aiohttp.ClientConnectionError):
        await client.initialize(uuid4(), UNKNOWN)
    sandbox.faults = Faults()

    assert 404 == (await client.get(f"/inventory/{UNKNOWN}")).status
    assert None is sandbox.journal[0].status


async def test_hang_until_cleared(client: CheckedClient, sandbox: Sandbox) -> None:
    """A request that hangs is answered as usual once the faults change."""
    sandbox.faults = Faults(mode="hang")
    hung = asyncio.create_task(client.get(f"/inventory/{LOW}"))
    await poll(lambda: sandbox.requests() == 1)

    assert (None, None) == (sandbox.journal[0].status, sandbox.journal[0].duration)
    sandbox.faults = Faults()

    assert 200 == (await hung).status


async def test_hang_until_the_client_leaves(client: CheckedClient, sandbox: Sandbox) -> None:
    """A client that gives up ends its request, and nothing was done."""
    sandbox.faults = Faults(mode="hang", times=1)

    with pytest.raises(TimeoutError):
        await client.post(
            "/inventory",
            json={"productVariantId": str(UNKNOWN)},
            headers={"Idempotency-Key": str(uuid4())},
            timeout=BRIEF,
        )
    await poll(lambda: sandbox.journal[0].duration is not None)

    assert None is sandbox.journal[0].status
    assert 404 == (await client.get(f"/inventory/{UNKNOWN}")).status


async def test_hang_outlives_its_times(client: CheckedClient, sandbox: Sandbox) -> None:
    """A hanging request stays hanging after `times` has run out."""
    sandbox.faults = Faults(mode="hang", times=1)
    hung = asyncio.create_task(client.get(f"/inventory/{LOW}"))
    await poll(lambda: sandbox.requests() == 1)

    assert 200 == (await client.get(f"/inventory/{LOW}")).status
    assert not hung.done()
    sandbox.faults = Faults()
    assert 200 == (await hung).status


async def test_garbage(client: CheckedClient, sandbox: Sandbox) -> None:
    """Garbage is a 200 with a JSON content type and a body that is not JSON."""
    sandbox.faults = Faults(mode="garbage")

    async with client.session.get(f"/inventory/{LOW}") as response:
        assert (200, "application/json") == (response.status, response.content_type)
        with pytest.raises(ValueError, match="Expecting value"):
            await response.json()


async def test_truncated(client: CheckedClient, sandbox: Sandbox) -> None:
    """Truncated promises more bytes than it sends; what was asked for is done."""
    sandbox.faults = Faults(mode="truncated", times=1)

    with pytest.raises(aiohttp.ClientPayloadError):
        await client.initialize(uuid4(), UNKNOWN)

    await poll(lambda: sandbox.journal[0].status == 201)
    assert 200 == (await client.get(f"/inventory/{UNKNOWN}")).status


async def test_timeout_after_write(client: CheckedClient, sandbox: Sandbox) -> None:
    """The write is done, its answer is lost, and a repetition under the same key finds it."""
    key = uuid4()
    sandbox.faults = Faults(mode="timeout_after_write", times=1)

    assert 200 == (await client.get(f"/inventory/{LOW}")).status
    with pytest.raises(TimeoutError):
        await client.post(
            "/inventory",
            json={"productVariantId": str(UNKNOWN)},
            headers={"Idempotency-Key": str(key)},
            timeout=BRIEF,
        )

    assert 200 == (await client.get(f"/inventory/{UNKNOWN}")).status
    assert 201 == (await client.initialize(key, UNKNOWN)).status


async def test_crash_after_write(client: CheckedClient, sandbox: Sandbox) -> None:
    """The write is done, the connection lost, and the key forgotten: only a read finds it."""
    key = uuid4()
    sandbox.faults = Faults(mode="crash_after_write", times=1)

    assert 200 == (await client.get(f"/inventory/{LOW}")).status
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.initialize(key, UNKNOWN)

    assert 200 == (await client.get(f"/inventory/{UNKNOWN}")).status
    assert "record-exists" == (await client.initialize(key, UNKNOWN)).slug


async def test_late_write(client: CheckedClient, sandbox: Sandbox) -> None:
    """A late write outlives its client: a read before it finds nothing, its key opens one."""
    key = uuid4()
    sandbox.faults = Faults(mode="late_write", late_by=1.0, times=1)

    assert 200 == (await client.get(f"/inventory/{LOW}")).status
    with pytest.raises(TimeoutError):
        await client.post(
            "/inventory",
            json={"productVariantId": str(UNKNOWN)},
            headers={"Idempotency-Key": str(key)},
            timeout=BRIEF,
        )

    assert 404 == (await client.get(f"/inventory/{UNKNOWN}")).status
    await poll(lambda: sandbox._store.level(UNKNOWN) is not None)
    assert 201 == (await client.initialize(key, UNKNOWN)).status


def test_mode_rates_are_repeatable() -> None:
    """Each mode affects its share of the requests, the same ones for the same seed."""

    def run(seed: int, error_rate: float = 0.0) -> list[str]:
        plan = FaultPlan()
        rates: dict[FaultMode, float] = {"hang": 0.1, "timeout_after_write": 0.3}
        plan.replace(Faults(mode="down", mode_rates=rates, seed=seed, error_rate=error_rate))
        return [plan.decide("POST").mode for _ in range(1000)]

    first = run(1)

    assert first == run(1) == run(1, error_rate=0.5)
    assert first != run(2)
    assert 60 <= first.count("hang") <= 140
    assert 240 <= first.count("timeout_after_write") <= 360
    assert 1000 == sum(first.count(m) for m in ("hang", "timeout_after_write", "down"))


async def test_latency(client: CheckedClient, sandbox: Sandbox) -> None:
    """Latency delays any answer, problems included, and a read answers with what it saw first."""
    sandbox.faults = Faults(latency=0.1)
    slow = asyncio.create_task(client.get(f"/inventory/{LOW}"))
    refused = asyncio.create_task(client.get("/inventory/shoe"))
    await poll(lambda: sandbox.requests() == 2)
    await asyncio.sleep(0.01)

    sandbox.set_stock(LOW, 6)

    assert 5 == (await slow).json["availableQuantity"]
    assert 400 == (await refused).status
    assert all((entry.duration or 0) >= 0.1 for entry in sandbox.journal)


async def test_a_slow_write_outlives_its_client(client: CheckedClient, sandbox: Sandbox) -> None:
    """A POST whose client has left is in progress until it is done, and it is done."""
    key = uuid4()
    sandbox.faults = Faults(latency=0.3, times=1)

    with pytest.raises(TimeoutError):
        await client.post(
            "/inventory",
            json={"productVariantId": str(UNKNOWN)},
            headers={"Idempotency-Key": str(key)},
            timeout=BRIEF,
        )

    assert "in-progress" == (await client.initialize(key, UNKNOWN)).slug
    await poll(lambda: sandbox._store.level(UNKNOWN) is not None)
    assert 201 == (await client.initialize(key, UNKNOWN)).status


@pytest.mark.parametrize(
    ("status", "slug", "header"),
    [
        (401, "unauthenticated", "WWW-Authenticate"),
        (403, "forbidden", "Content-Type"),
        (429, "too-many-requests", "Retry-After"),
        (500, "internal-error", "Content-Type"),
        (503, "unavailable", "Retry-After"),
    ],
)
async def test_error_status(client: CheckedClient, status: int, slug: str, header: str) -> None:
    """Every error status has the problem and the headers that the contract gives it."""
    await client.set_faults(errorRate=1, errorStatus=status)

    answered = await client.get(f"/inventory/{LOW}")

    assert (status, slug) == (answered.status, answered.slug)
    assert header in answered.headers


async def test_error_rate_is_repeatable(client: CheckedClient, sandbox: Sandbox) -> None:
    """The same seed affects the same requests, another seed others, about the given share."""

    async def run(seed: int) -> list[int]:
        sandbox.faults = Faults(error_rate=0.4, seed=seed)
        return [(await client.get(f"/inventory/{LOW}")).status for _ in range(50)]

    first = await run(1)

    assert first == await run(1)
    assert first != await run(2)
    assert 10 <= first.count(503) <= 30


async def test_times(client: CheckedClient, sandbox: Sandbox) -> None:
    """After `times` requests all is well, and what is left can be read on the way."""
    sandbox.faults = Faults(mode="down", times=2)

    assert 503 == (await client.get(f"/inventory/{LOW}")).status
    assert Faults(mode="down", times=1) == sandbox.faults
    assert 503 == (await client.get(f"/inventory/{LOW}")).status
    assert 200 == (await client.get(f"/inventory/{LOW}")).status
    assert Faults() == sandbox.faults


def test_times_counts_affected_requests() -> None:
    """Requests that the error rate or the method spares do not count."""
    plan = FaultPlan()

    plan.replace(Faults(error_rate=0.3, times=5))
    statuses = [plan.decide("GET").error_status for _ in range(200)]
    plan.replace(Faults(mode="timeout_after_write", times=1))
    modes = [plan.decide(method).mode for method in ("GET", "GET", "POST", "POST")]

    assert 5 == statuses.count(503)
    assert ["ok", "ok", "timeout_after_write", "ok"] == modes


async def test_correlation_id_survives(client: CheckedClient, sandbox: Sandbox) -> None:
    """A fault that answers echoes the correlation id as well."""
    sandbox.faults = Faults(mode="down")

    answered = await client.get(f"/inventory/{IN_STOCK}", headers={"X-Correlation-ID": "c-1"})

    assert "c-1" == answered.headers["X-Correlation-ID"]


@pytest.mark.parametrize(
    ("faults", "sentence"),
    [
        ({"mode": "sad"}, "mode is 'sad': it must be one of ok, down, refuse"),
        ({"latency": -1}, "latency is -1: it must be a number of seconds from 0 to 3600"),
        ({"latency": float("nan")}, "latency is nan: it must be a number of seconds"),
        ({"latency": "1"}, "latency is '1'"),
        ({"error_rate": 1.1}, "errorRate is 1.1: it must be a number from 0 to 1"),
        ({"error_rate": True}, "errorRate is True"),
        ({"error_status": 404}, "errorStatus is 404: it must be one of 401, 403, 429, 500, 503"),
        ({"retry_after": -1}, "retryAfter is -1: it must be a number of whole seconds from 0 to"),
        ({"retry_after": 0.5}, "retryAfter is 0.5"),
        ({"mode_rates": {"sad": 0.5}}, "modeRates is {'sad': 0.5}: it must be an object of modes"),
        ({"mode_rates": {"hang": 1.1}}, "modeRates is {'hang': 1.1}"),
        ({"mode_rates": {"hang": 0.6, "down": 0.6}}, "modeRates is {'hang': 0.6, 'down': 0.6}"),
        ({"late_by": -1}, "lateBy is -1: it must be a number of seconds from 0 to 3600"),
        ({"seed": 1.5}, "seed is 1.5: it must be an integer"),
        ({"times": 0}, "times is 0: it must be null or an integer of 1 or more"),
    ],
)
def test_refuses_bad_faults(faults: dict[str, object], sentence: str) -> None:
    """A fault out of range is refused where it is made, with a sentence that names it."""
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Faults(**faults)  # type: ignore[arg-type]  # the point of the test
