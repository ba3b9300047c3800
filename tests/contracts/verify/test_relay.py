"""The reasons that the relay keeps: a state was not set, or the provider is unreachable."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
from aiohttp import web
from yarl import URL

from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.contracts.verify import Provider
from shelfport.contracts.verify.relay import Unreachable
from tests.contracts.sandbox_setup import poll
from tests.contracts.verify.verifying import failed, provider_at, verified
from tests.support.servers import Handler, serving
from tests.support.services import free_port

STOCKED = "getStockLevel of a variant with stock"
FAILS = "getStockLevel while the service fails"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


def refusing(state: str, answer: Handler) -> Handler:
    """Agrees to every state but one."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if (await request.json())["state"] == state:
            return await answer(request)
        return web.json_response({})

    return handle


async def test_a_state_that_is_refused_is_explained(sandbox: Sandbox) -> None:
    """A states endpoint that refuses a state is quoted in the interaction that needs it."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"detail": "I cannot fail on demand."}, status=400)

    async with serving(refusing("the service fails", answer)) as states:
        found = await verified(
            provider_at(sandbox.url, sandbox, states_url=f"{states.url}/s"), only="getStockLevel "
        )

    reason = f"setup at {states.url}/s: it answered 400: I cannot fail on demand."
    assert [("state", reason)] == failed(found)[FAILS]
    # The service has no record of its variant, because these states reach no sandbox.
    assert "status" in {where for where, _ in failed(found)[STOCKED]}


async def test_a_states_endpoint_that_fails_costs_no_time(sandbox: Sandbox) -> None:
    """A 500 of the states endpoint is not repeated; nine repetitions would take two minutes."""
    asked = 0

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(status=500, text="Traceback:\n  no such table")

    began = time.perf_counter()
    async with serving(refusing("the service fails", answer)) as states:
        found = await verified(
            provider_at(sandbox.url, sandbox, states_url=states.url),
            only="getStockLevel while the service fails",
        )

    assert 1 == asked
    assert [
        ("state", f"setup at {states.url}: it answered 500: Traceback: no such table")
    ] == failed(found)[FAILS]
    assert time.perf_counter() - began < 30


async def test_a_states_endpoint_that_is_silent(sandbox: Sandbox) -> None:
    """A states endpoint that does not answer in time is a reason like any other."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async with serving(refusing("the service fails", answer)) as states:
        found = await verified(
            provider_at(sandbox.url, sandbox, states_url=states.url, timeout=0.2),
            only="getStockLevel while the service fails",
        )

    reason = f"setup at {states.url}: there was no answer in time"
    assert {FAILS: [("state", reason)]} == failed(found)


async def test_a_provider_that_is_silent(sandbox: Sandbox) -> None:
    """A request without an answer in time fails its interaction, which says so."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async with serving(answer) as provider:
        found = await verified(provider_at(provider.url, sandbox, timeout=0.2), only=STOCKED)

    assert [("status", "there was no answer in time")] == failed(found)[STOCKED]


async def test_an_event_that_does_not_come(sandbox: Sandbox) -> None:
    """A messages endpoint that refuses, or is silent, fails its interaction, which says so."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if b"Low" in await request.read():
            await asyncio.sleep(60)
        return web.json_response({"detail": "No such event."}, status=400)

    async with serving(answer) as events:
        provider = provider_at(sandbox.url, sandbox, messages_url=events.url, timeout=0.2)
        found = await verified(provider, only="Event")

    refused = f"{events.url}: it answered 400: No such event."
    assert {
        "InventoryBackInStockEvent": [("message", refused)],
        "InventoryLowStockEvent": [("message", f"{events.url}: there was no answer in time")],
        "InventoryOutOfStockEvent": [("message", refused)],
    } == failed(found)


@pytest.mark.parametrize("which", ["url", "states_url", "messages_url"])
async def test_an_unreachable_provider(sandbox: Sandbox, which: str) -> None:
    """An unreachable provider gives one sentence with address and reason, and no verdict."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    address: dict[str, Any] = {which: URL(nowhere)}
    provider = attrs.evolve(provider_at(sandbox.url, sandbox), **address)

    with pytest.raises(Unreachable) as caught:
        await verified(provider)

    assert f"{nowhere} cannot be reached: Connection refused" == str(caught.value)
    assert caught.value.__cause__ is not None


async def test_there_is_no_states_endpoint(sandbox: Sandbox) -> None:
    """A 404 to the first state means a wrong address, and not an unknown state."""
    provider = Provider(url=sandbox.url)

    with pytest.raises(Unreachable) as caught:
        await verified(provider)

    sentence = f"there is no states endpoint at {sandbox.url}/_pact/states: it answered 404: "
    assert str(caught.value).startswith(sentence)


async def test_a_connection_that_breaks(sandbox: Sandbox) -> None:
    """A provider that drops one connection fails that interaction, and is tried further."""
    sandbox.faults = Faults(mode="refuse", times=1)
    found = await verified(provider_at(sandbox.url, sandbox), only="naming the nil id")

    assert 3 == len(found.interactions)
    broke = [("status", "the connection broke before there was an answer")]
    assert {"getStockLevel naming the nil id": broke} == failed(found)


async def test_a_cancelled_verification_leaves_nothing() -> None:
    """A cancelled verification ends at once, and leaves no task and no process."""
    async with Sandbox() as sandbox:
        sandbox.faults = Faults(mode="hang")
        task = asyncio.create_task(verified(provider_at(sandbox.url, sandbox, timeout=50)))
        await poll(lambda: sandbox.requests() > 0)
        task.cancel()
        await asyncio.wait((task,), timeout=10)

    assert task.cancelled()
    assert {asyncio.current_task()} == asyncio.all_tasks()
