"""Many threads in many workers: each worker has one integration, which all of its threads share."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import attrs
import pytest
from aiohttp import web

from shelfport.contracts.sandbox import Sandbox, seed_records
from tests.hosts.load import pages
from tests.hosts.shops import FLASK, Shop, running
from tests.hosts.test_hosts import LONG, VARIANTS
from tests.support.figures import Report
from tests.support.servers import Service, json_response, serving

WORKERS = 4
PAGES = 10_000
TOKEN = "of-the-sandbox"


@pytest.fixture
async def tokens() -> AsyncIterator[Service]:
    """An authorization server that issues the same token each time."""

    async def issue(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.05)  # so that callers which do not share a fetch are noticed
        answer = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}
        return json_response(answer)

    async with serving(issue) as service:
        yield service


@pytest.mark.skipif(not LONG, reason="five processes and 10,000 pages: nox -s hosts")
async def test_four_workers_of_eight_threads(
    tokens: Service, tmp_path: Path, report: Report
) -> None:
    """No page fails, and each worker fetched one token and made one HTTP session."""
    command = ("gunicorn", f"--workers={WORKERS}", "--threads=8", "--bind=127.0.0.1:PORT")
    folder = str(Path(__file__).parent)
    host = attrs.evolve(FLASK, command=(*command, "--pythonpath", folder, "counted_flask_shop:app"))
    async with (
        Sandbox(seed=seed_records(), token=TOKEN) as sandbox,
        running(
            host,
            tmp_path,
            sandbox.url,
            SHELFPORT_AUTH_SCHEME="client_credentials",
            SHELFPORT_AUTH_TOKEN_URL=f"{tokens.url}/token",
            SHELFPORT_AUTH_CLIENT_ID="shop",
            SHELFPORT_AUTH_SECRET="s3cret",
        ) as shop,
    ):
        # Kept connections would all be served by the worker that accepted them first.
        load = await pages(shop.url, VARIANTS, PAGES, WORKERS * 8, keep=False)
        sessions = await sessions_of_workers(shop)
        bought = len(tokens.requests)
        await shop.terminate()

    assert {200} == set(load.statuses)
    assert [] == [words for words in load.stock if "unavailable" in words]
    assert [1] * WORKERS == list(sessions.values())
    assert WORKERS == bought
    assert [] == shop.trouble()
    report(f"{WORKERS} workers x 8 threads: {load}, none failed; {bought} tokens, one session each")


async def sessions_of_workers(shop: Shop) -> dict[int, int]:
    """The number of sessions of each worker; asks until every worker has answered."""
    found: dict[int, int] = {}
    async with asyncio.timeout(60):
        while len(found) < WORKERS:
            connector = aiohttp.TCPConnector(force_close=True)
            async with aiohttp.ClientSession(connector=connector) as session:
                answers = (session.get(f"{shop.url}/sessions") for _ in range(WORKERS * 8))
                for response in await asyncio.gather(*answers):
                    worker = await response.json()
                    found[worker["worker"]] = worker["sessions"]
    return found
