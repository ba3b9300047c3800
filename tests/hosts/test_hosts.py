"""Every example host, started as a user starts it, driven over HTTP, and ended by SIGTERM."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from shelfport import ProductVariantId
from shelfport.contracts.sandbox import CATALOGUE, Faults, Sandbox, seed_records
from tests.hosts.load import Load, create, look, pages, under_load
from tests.hosts.shops import FASTAPI, HOSTS, SCRIPT, Host, running
from tests.support.figures import Report
from tests.support.values import an_id
from tests.support.waiting import eventually, until

LONG = os.environ.get("SHELFPORT_LONG") == "1"
PAGES = 1000 if LONG else 100
VARIANTS = [variant.variant_id for variant in CATALOGUE]


def played(*in_short: Host) -> pytest.MarkDecorator:
    """Every host in `nox -s hosts`; in the default run these stand for all of them."""
    return pytest.mark.parametrize("host", HOSTS if LONG else in_short, ids=str)


@pytest.fixture
async def service() -> AsyncIterator[Sandbox]:
    """An Inventory Service with the products' stock, which lists opened records."""
    async with Sandbox(seed=seed_records(), ledger=True) as sandbox:
        yield sandbox


@played(FASTAPI)
async def test_a_shop(host: Host, service: Sandbox, tmp_path: Path, report: Report) -> None:
    """Pages show stock, products are created under each policy, and pages work without the service.

    One test, as each start of a host costs a second of work.
    """
    load = Load()
    async with (
        running(host, tmp_path, service.url) as shop,
        aiohttp.ClientSession() as session,
    ):
        # The request's correlation id and trace go with what it asks.
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        headers = {"X-Correlation-ID": f"{host}-17", "traceparent": trace}
        async with session.get(f"{shop.url}/products/{VARIANTS[0]}", headers=headers) as page:
            assert {"variant": str(VARIANTS[0]), "stock": "In stock"} == await page.json()
        [entry] = service.journal
        assert (f"{host}-17", trace[:35]) == (entry.correlation_id, (entry.traceparent or "")[:35])

        for policy in ("ROLL_BACK", "RETRY_LATER", "NOT_ORDERABLE"):
            headers = {"X-Correlation-ID": f"{host}-{policy}"}
            variant = await create(session, shop.url, policy, load, **headers)
            assert variant is not None
            await eventually(lambda: f"{host}-{policy}" in opened_for(service))  # noqa: B023 - now
            await look(session, shop.url, variant, load)
            assert "Out of stock" == load.stock[-1]

        up = await pages(shop.url, VARIANTS, PAGES, 8)
        service.faults = Faults(mode="down")
        down = await pages(shop.url, VARIANTS, PAGES, 8)
        await look(session, shop.url, an_id(), load)
        assert await create(session, shop.url, "ROLL_BACK", load) is None
        later = await create(session, shop.url, "RETRY_LATER", load)
        async with session.get(f"{shop.url}/readyz") as ready:
            # Whether it counts as degraded is the circuit's business: an outage takes no host out.
            assert 200 == ready.status
            assert (await ready.json())["status"] in {"ok", "degraded"}

        assert {200} == set(up.statuses + down.statuses)
        # A busy machine is slower than the soft timeout now and then.
        assert len(up.stock) / 2 < sum(" (as of " not in words for words in up.stock)
        # Each process of a host keeps what it has seen itself.
        assert {True} == {"(as of " in s or "unavailable" in s for s in down.stock}
        assert len(down.stock) / 2 < sum("(as of " in words for words in down.stock)
        assert "Stock information unavailable" == load.stock[-1]
        assert 503 == load.statuses[-1]
        assert later in await shop.queued()
        await shop.terminate()

    assert later in await shop.queued()
    assert [] == shop.trouble()
    report(f"service up: {up}; down: {down}")


@played(SCRIPT)
async def test_sigterm_under_load(
    host: Host, service: Sandbox, tmp_path: Path, report: Report
) -> None:
    """Ended in the middle of work, a host stops, prints no warning, and loses nothing it accepted.

    The service is slow, so that there is always something in the worker's hands, and a fifth of
    the requests fail. Whatever was answered 201 has its record, or waits in the queue; and the
    next start works that off.
    """
    service.faults = Faults(latency=0.1, mode_rates={"down": 0.1, "refuse": 0.1})
    async with running(host, tmp_path, service.url) as shop:  # noqa: SIM117 - two steps
        async with under_load(shop.url, VARIANTS, 16) as load:
            await until(lambda: len(load.created) >= (100 if LONG else 20), 60)
            seconds = await shop.terminate()
    waiting = await shop.queued()
    assert host.ends == shop.process.returncode
    assert [] == shop.trouble()
    assert [] == shop.held()
    assert [] == [v for v in load.created if v not in waiting and v not in opened(service)]

    service.faults = Faults()
    async with running(host, tmp_path, service.url) as again:
        async with asyncio.timeout(60):
            while await again.queued():  # noqa: ASYNC110 - another process works it off
                await asyncio.sleep(0.1)
        await again.terminate()
    assert set(load.created) <= opened(service)
    assert len(opened(service)) == len(service.openings)
    assert [] == again.trouble()
    report(
        f"stopped in {seconds:.1f} s under load: {len(load.created)} products accepted, "
        f"{len(waiting)} waited in the queue, none lost; {len(load.seconds)} pages"
    )


def opened(service: Sandbox) -> set[ProductVariantId]:
    return {opening.variant_id for opening in service.openings}


def opened_for(service: Sandbox) -> set[str | None]:
    """The correlation ids under which records were opened."""
    return {e.correlation_id for e in service.journal if e.method == "POST" and e.status == 201}
