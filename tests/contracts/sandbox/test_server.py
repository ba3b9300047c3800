"""The sandbox as an object: starting, stopping, and what it can be asked in process."""

import asyncio
import errno
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import aiohttp
import pytest

from shelfport.contracts.sandbox import CannotListen, Faults, Sandbox
from shelfport.contracts.sandbox import journal as journal_module
from tests.contracts.checked_client import CheckedClient
from tests.contracts.sandbox_setup import LOW, OUT, SEED, UNKNOWN, connected, poll


def test_constructing_does_no_io(tmp_path: Path) -> None:
    """Constructing opens neither file nor socket."""
    sandbox = Sandbox(store_path=tmp_path / "stock.db", seed=SEED)

    assert [] == list(tmp_path.iterdir())
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.url
    with pytest.raises(RuntimeError, match="not running"):
        sandbox.set_stock(LOW, 1)


def test_refuses_an_empty_token() -> None:
    """An empty token is refused, because it would protect nothing."""
    with pytest.raises(ValueError, match="token is empty"):
        Sandbox(token="")


async def test_refuses_a_second_entry(sandbox: Sandbox) -> None:
    """A running sandbox cannot be entered again, and keeps running."""
    with pytest.raises(RuntimeError, match="running already"):
        await sandbox.__aenter__()

    async with connected(sandbox) as client:
        assert 200 == (await client.get(f"/inventory/{LOW}")).status


async def test_taken_port(sandbox: Sandbox) -> None:
    """A taken port is one sentence that says what to do."""
    port = int(sandbox.url.rpartition(":")[2])

    with pytest.raises(
        CannotListen,
        match=rf"^The sandbox cannot listen on 127\.0\.0\.1:{port}: the port is taken; choose",
    ) as caught:
        await Sandbox(port=port).__aenter__()

    assert caught.value.errno == errno.EADDRINUSE


async def test_foreign_address() -> None:
    """An address that is not this machine's is one sentence as well."""
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:0: .+\.$"):
        await Sandbox(host="192.0.2.1").__aenter__()


async def test_restarts_on_its_file(tmp_path: Path) -> None:
    """Stock and keys in a file survive a restart, on the same port as well."""
    key, path = uuid4(), tmp_path / "stock.db"
    async with Sandbox(store_path=path, seed=SEED) as sandbox, connected(sandbox) as client:
        port = int(sandbox.url.rpartition(":")[2])
        first = await client.initialize(key, UNKNOWN, initialQuantity=3)
        sandbox.set_stock(OUT, 12)

    async with (
        Sandbox(store_path=path, seed=SEED, port=port) as sandbox,
        connected(sandbox) as client,
    ):
        again = await client.initialize(key, UNKNOWN, initialQuantity=3)
        level = await client.get(f"/inventory/{OUT}")

    assert (201, first.body) == (again.status, again.body)
    assert 12 == level.json["availableQuantity"]


async def test_memory_forgets() -> None:
    """Without a file, the next run starts from the seed."""
    sandbox = Sandbox(seed=SEED)
    async with sandbox:
        sandbox.set_stock(LOW, 99)

    async with sandbox, connected(sandbox) as client:
        assert 5 == (await client.get(f"/inventory/{LOW}")).json["availableQuantity"]


@pytest.mark.parametrize(
    "faults", [Faults(mode="hang"), Faults(latency=600), Faults(mode="timeout_after_write")]
)
async def test_stops_at_once(faults: Faults) -> None:
    """Requests that hang, or wait out a latency, are cut off when the sandbox stops."""
    async with aiohttp.ClientSession() as session:
        async with Sandbox(seed=SEED) as sandbox:
            sandbox.faults = faults
            client = CheckedClient(session)
            hung = [
                asyncio.create_task(
                    client.post(
                        f"{sandbox.url}/inventory",
                        json={"productVariantId": str(uuid4())},
                        headers={"Idempotency-Key": str(uuid4())},
                    )
                )
                for _ in range(5)
            ]
            await poll(lambda: sandbox.requests() == 5)
            began = perf_counter()

        assert perf_counter() - began < 2
        outcomes = await asyncio.gather(*hung, return_exceptions=True)
    assert all(isinstance(outcome, aiohttp.ClientConnectionError) for outcome in outcomes)
    assert [None] * 5 == [entry.status for entry in sandbox.journal]


async def test_counts_requests(client: CheckedClient, sandbox: Sandbox) -> None:
    """Requests are counted by method and path; control requests are none."""
    await client.get(f"/inventory/{LOW}")
    await client.get(f"/inventory?productVariantIds={LOW}")
    await client.initialize(uuid4(), UNKNOWN)
    await client.get("/_sandbox/health")

    assert (3, 2, 1, 1) == (
        sandbox.requests(),
        sandbox.requests("GET"),
        sandbox.requests("POST", "/inventory"),
        sandbox.requests(path=f"/inventory/{LOW}"),
    )
    sandbox.clear_journal()
    assert 0 == sandbox.requests()


async def test_journal_is_bounded(
    client: CheckedClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest entries go first, and a request that ends after its entry went is no error."""
    monkeypatch.setattr(journal_module, "CAPACITY", 3)
    sandbox.faults = Faults(mode="hang", times=1)
    hung = asyncio.create_task(client.get("/inventory/shoe"))
    await poll(lambda: sandbox.requests() == 1)

    for _ in range(4):
        await client.get(f"/inventory/{LOW}")
    sandbox.faults = Faults()

    assert 400 == (await hung).status
    assert [f"/inventory/{LOW}"] * 3 == [entry.path for entry in sandbox.journal]


async def test_reset_releases_hanging_requests(client: CheckedClient, sandbox: Sandbox) -> None:
    """Reset ends the faults, so hanging requests are answered."""
    sandbox.faults = Faults(mode="hang")
    hung = asyncio.create_task(client.get(f"/inventory/{LOW}"))
    await poll(lambda: sandbox.requests() == 1)

    sandbox.reset()

    assert 200 == (await hung).status


async def test_listens_on_ipv6() -> None:
    """An IPv6 address stands in brackets in the URL."""
    try:
        async with Sandbox(host="::1", seed=SEED) as sandbox, connected(sandbox) as client:
            assert sandbox.url.startswith("http://[::1]:")
            assert 200 == (await client.get(f"/inventory/{LOW}")).status
    except CannotListen as error:
        pytest.skip(f"no IPv6 here: {error}")
