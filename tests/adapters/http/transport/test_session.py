"""The connection itself: closed ports, unknown names, what is kept and what is not."""

import socket

import pytest
from aiohttp import web

from shelfport.errors import ConnectionFailed, FaultScope, ReachedService
from shelfport.ports import DEFAULT_CALL
from tests.adapters.http.conftest import Connect, facts_of
from tests.support.servers import serving, stocked
from tests.support.values import ids


async def test_a_closed_port(connect: Connect) -> None:
    """At a closed port no request arrives, and the message names the address."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    port = await connect(url)

    with pytest.raises(ConnectionFailed, match=f"no connection to {url}: ") as info:
        await port.read(ids(2), DEFAULT_CALL)

    assert (ConnectionFailed, FaultScope.SERVICE, ReachedService.NO) == facts_of(info.value)


async def test_a_name_that_does_not_resolve(connect: Connect) -> None:
    """The message for an unknown name differs from that for a service that is down."""
    port = await connect("http://inventory.invalid")  # RFC 6761 §6.4

    with pytest.raises(ConnectionFailed, match="does not resolve: is the base URL right") as info:
        await port.read(ids(2), DEFAULT_CALL)

    assert (ConnectionFailed, FaultScope.SERVICE, ReachedService.NO) == facts_of(info.value)


async def test_connections_are_kept(connect: Connect) -> None:
    """Reads one after another share a connection."""
    async with serving(stocked(ids(2))) as service:
        port = await connect(service.url)
        for _ in range(5):
            await port.read(ids(2), DEFAULT_CALL)

    assert 1 == len({id(request.protocol) for request in service.requests})


async def test_cookies_are_not_kept(connect: Connect) -> None:
    """A cookie that the service sets is not sent back."""
    known = stocked(ids(2))

    async def baking(request: web.BaseRequest) -> web.StreamResponse:
        response = await known(request)
        response.headers["Set-Cookie"] = "session=1"
        return response

    async with serving(baking) as service:
        port = await connect(service.url)
        await port.read(ids(2), DEFAULT_CALL)
        await port.read(ids(2), DEFAULT_CALL)

    assert [False, False] == ["Cookie" in request.headers for request in service.requests]


async def test_proxies_of_the_environment_are_not_used(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests do not go through a proxy that the environment names."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving(stocked(ids(2))) as service:
        port = await connect(service.url)

        assert ids(2) == list(await port.read(ids(2), DEFAULT_CALL))
