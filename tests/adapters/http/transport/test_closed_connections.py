"""Kept connections that turn out to be closed, on real sockets."""

import asyncio
from pathlib import Path

import pytest
import trustme
from yarl import URL

from shelfport import SystemClock
from shelfport.errors import ConnectionFailed, FaultScope, ReachedService
from shelfport.http import HttpInventory
from shelfport.options import AuthOptions, HttpOptions, TlsOptions
from tests.adapters.http.conftest import Facts, facts_of
from tests.adapters.http.transport.kept_connections import (
    KEPT,
    PATIENT,
    READS,
    REQUESTS,
    RequestOnce,
    Server,
    adapter,
    hang_up_in_the_body,
    hang_up_in_the_head,
    initialize,
    keep,
    read_one,
    running,
)
from tests.support.clocks import ManualClock
from tests.support.servers import Conversation, conversing, read_request
from tests.support.tls import server_context, tls_serving, written
from tests.support.waiting import until

BROKE: Facts = (ConnectionFailed, FaultScope.SERVICE, ReachedService.UNKNOWN)
LOST: Facts = (ConnectionFailed, FaultScope.PROCESS, ReachedService.UNKNOWN)


@READS
async def test_dead_kept_connections_cost_no_attempt(request_once: RequestOnce) -> None:
    """With 16 dead kept connections a read succeeds at once, over one new connection."""
    async with running() as server, adapter(server) as port:
        await keep(port, server)

        await request_once(port)

        assert KEPT + 1 == server.connections
        [(first, over_kept), (second, over_new)] = server.requests
        assert (True, KEPT + 1) == (first <= KEPT, second)
        assert over_kept == over_new
        await until(lambda: len(server.open) == 1)


async def test_many_requests_over_dead_kept_connections() -> None:
    """Requests at the same time over dead kept connections all succeed, sent twice at most."""
    async with running() as server, adapter(server) as port:
        await keep(port, server)

        await asyncio.gather(*(read_one(port) for _ in range(3 * KEPT)))

        assert 3 * KEPT <= len(server.requests) <= 4 * KEPT


async def test_a_write_over_a_closed_kept_connection() -> None:
    """A write over a closed kept connection fails, as it may have arrived; it is not sent again."""
    async with running() as server, adapter(server) as port:
        await keep(port, server)

        with pytest.raises(ConnectionFailed, match="broke before an answer") as info:
            await initialize(port)

        assert (LOST, 1) == (facts_of(info.value), len(server.requests))


async def test_after_a_write_over_a_closed_kept_connection() -> None:
    """After a write found one kept connection closed, requests use none of the others."""
    async with running() as server, adapter(server) as port:
        await keep(port, server)
        with pytest.raises(ConnectionFailed):
            await initialize(port)

        await initialize(port)
        await read_one(port)

        assert [KEPT + 1] * 2 == [number for number, _ in server.requests[1:]]


async def test_many_writes_over_closed_kept_connections() -> None:
    """Writes at the same time over closed kept connections are each sent once."""
    async with running() as server, adapter(server) as port:
        await keep(port, server)

        outcomes = await asyncio.gather(
            *(initialize(port) for _ in range(KEPT)), return_exceptions=True
        )

        assert [LOST] * KEPT == [facts_of(e) for e in outcomes if isinstance(e, ConnectionFailed)]
        assert KEPT == len(server.requests)


async def test_connections_that_were_closed_while_idle() -> None:
    """A connection that is known to be closed gets no request."""
    async with running() as server, adapter(server) as port:
        await keep(port, server)
        for writer in server.open:
            writer.write_eof()
        await until(lambda: not server.open)

        await read_one(port)

        assert [KEPT + 1] == [number for number, _ in server.requests]


@REQUESTS
async def test_a_new_connection_that_breaks(request_once: RequestOnce) -> None:
    """A request over a new connection that breaks is not repeated by the adapter."""
    async with running() as server, adapter(server) as port:
        server.old = 99

        with pytest.raises(ConnectionFailed, match="broke before an answer") as info:
            await request_once(port)

        assert (BROKE, 1) == (facts_of(info.value), len(server.requests))


@READS
async def test_a_new_connection_that_breaks_after_a_kept_one(request_once: RequestOnce) -> None:
    """If the new connection breaks as well, the read has failed, and was sent twice."""
    async with running() as server, adapter(server) as port:
        await keep(port, server)
        server.old = 99

        with pytest.raises(ConnectionFailed, match="broke before an answer") as info:
            await request_once(port)

        assert (BROKE, 2) == (facts_of(info.value), len(server.requests))


@pytest.mark.parametrize("request_once", [read_one, initialize])
@pytest.mark.parametrize("trouble", [hang_up_in_the_head, hang_up_in_the_body])
async def test_an_answer_that_breaks_off_over_a_kept_connection(
    trouble: Conversation, request_once: RequestOnce
) -> None:
    """A kept connection that breaks during the answer was alive: nothing is sent again."""
    async with running() as server, adapter(server) as port:
        await keep(port, server)
        server.trouble = trouble

        with pytest.raises(ConnectionFailed) as info:
            await request_once(port)

        assert (True, 1) == (info.value.scope.of_service, len(server.requests))


async def test_after_an_answer_that_breaks_off_over_a_kept_connection() -> None:
    """A kept connection that breaks during the answer says nothing of the other kept ones."""
    async with running() as server, adapter(server) as port:
        await keep(port, server)
        server.trouble = hang_up_in_the_head
        with pytest.raises(ConnectionFailed):
            await initialize(port)

        server.old = 0
        await initialize(port)

        assert KEPT == server.connections


async def test_a_read_over_a_kept_connection_of_a_service_that_ends() -> None:
    """If no new connection can be made after a kept one broke, the read may have arrived."""
    server = Server()
    listening = await asyncio.start_server(server.converse, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listening.close()
        writer.transport.abort()

    server.trouble = end
    async with adapter(server) as port:
        await keep(port, server, 1)

        with pytest.raises(ConnectionFailed, match="no connection to") as info:
            await read_one(port)

    assert (BROKE, 1) == (facts_of(info.value), len(server.requests))


async def test_over_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead kept connection to a proxy costs no attempt either."""
    async with running() as server:
        monkeypatch.setenv("http_proxy", server.url)
        options = HttpOptions(attempt_timeout=10, trust_env=True)
        target = "http://inventory.invalid"
        async with HttpInventory(target, clock=SystemClock(), options=options) as port:
            await keep(port, server)
            await read_one(port)

        assert [True, False] == [number <= KEPT for number, _ in server.requests]
        assert all(
            request.startswith(b"GET http://inventory.invalid/") for _, request in server.requests
        )


async def test_a_proxy_that_refuses_the_tunnel_after_a_kept_one_broke(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy that hangs up on CONNECT is asked once, and the request has failed."""
    authority = trustme.CA()
    tunnels: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnels.append(await read_request(reader))
        if len(tunnels) > 1:
            writer.transport.abort()
            return
        theirs, ours = await asyncio.open_connection("127.0.0.1", URL(service.url).port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def answers() -> None:
            while data := await theirs.read(65_536):
                writer.write(data)

        answering = asyncio.create_task(answers())
        while (data := await reader.read(65_536)) and not broken.is_set():
            ours.write(data)
        writer.transport.abort()
        ours.close()
        await answering

    broken = asyncio.Event()
    tls = TlsOptions(ca_file=written(tmp_path, "ca.pem", authority.cert_pem))
    options = HttpOptions(attempt_timeout=10, trust_env=True)
    certificate = authority.issue_cert("127.0.0.1")
    with tls_serving(server_context(certificate)) as service:
        async with conversing(tunnel) as proxy:
            monkeypatch.setenv("https_proxy", proxy)
            async with HttpInventory(
                service.url, clock=SystemClock(), options=options, tls=tls
            ) as port:
                await read_one(port)
                await read_one(port)
                broken.set()

                with pytest.raises(ConnectionFailed) as info:
                    await read_one(port)

    assert (BROKE, 2) == (facts_of(info.value), len(tunnels))


async def test_the_token_endpoint(clock: ManualClock) -> None:
    """A dead kept connection to the token endpoint costs no token, and no call."""
    async with running() as server:
        auth = AuthOptions(
            scheme="client_credentials",
            token_url=f"{server.url}/token",
            client_id="shop",
            secret="s3cret",
        )
        async with HttpInventory(server.url, clock=clock, options=PATIENT, auth=auth) as port:
            await read_one(port)
            server.old = server.connections
            server.requests.clear()
            clock.advance(10)  # the token lives for one second
            await read_one(port)

    assert [(1, b"POST /token"), (2, b"POST /token"), (2, b"GET /inventory")] == [
        (number, request[: 11 if request.startswith(b"POST") else 14])
        for number, request in server.requests
    ]
