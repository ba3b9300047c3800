"""The ops page under a real ASGI server, mounted in Starlette."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from shelfport import Settings, build
from shelfport.ops import Recorder, ops_asgi
from tests.support.streams import next_fragments
from tests.support.waiting import until


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Where the page is."""
    recorder, settings = Recorder(), Settings(adapter="memory")
    inventory = build(settings, telemetry=[recorder])
    page = ops_asgi(inventory, recorder, settings, actions=True)
    app = Starlette(routes=[Mount("/deep/ops", app=page)])
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="error", ws="none")
    server = uvicorn.Server(config)
    async with inventory:
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/deep/ops"
        server.should_exit = True
        await serving


async def test_the_page_is_served(url: str) -> None:
    """Page, files and document are there, below where the host mounted them."""
    async with aiohttp.ClientSession() as session:
        found = {}
        for path in ("/", "/style.css", "/live.js", "/snapshot.json", "/nothing"):
            async with session.get(url + path) as answer:
                found[path] = answer.status
                text = await answer.text()

    assert {"/": 200, "/style.css": 200, "/live.js": 200, "/snapshot.json": 200} == {
        path: status for path, status in found.items() if path != "/nothing"
    }
    assert (404, True) == (found["/nothing"], "This page does not exist" in text)


async def test_the_folder_is_found_without_its_slash(url: str) -> None:
    """A mount without a slash at the end leads to the page."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert (200, "/deep/ops/") == (answer.status, answer.url.path)


async def test_the_stream_is_live(url: str) -> None:
    """Fragments come over ASGI, and change when a button was pressed."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/live") as stream:
        first = await next_fragments(stream.content)
        async with session.post(f"{url}/circuit", data={"hold": "open"}) as pressed:
            page = await pressed.text()
        later: dict[str, str] = {}
        while "circuit" not in later:
            later = await next_fragments(stream.content)

    assert ("circuit" in first, "held by hand" in page) == (True, True)
    assert "held by hand" in later["circuit"]


async def test_a_large_form_is_refused(url: str) -> None:
    """A body that is larger than any form is not read to its end."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/circuit", data=b"x" * 100_000) as answer,
    ):
        assert 413 == answer.status
