"""What becomes of connections when the TLS files change, on real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import attrs
import pytest
import trustme
from yarl import URL

from shelfport.adapters.http.transport.session import Session
from shelfport.adapters.http.transport.tls.context import Tls
from shelfport.http import HttpInventory
from shelfport.options import TlsOptions
from tests.adapters.http.transport.kept_connections import (
    PATIENT,
    A,
    Server,
    a_session,
    get,
    read_one,
    running,
)
from tests.support.clocks import ManualClock
from tests.support.servers import conversing, read_request
from tests.support.tls import server_context, written
from tests.support.waiting import until

CA = trustme.CA()
SERVER = CA.issue_cert("127.0.0.1")


@pytest.fixture
def options(tmp_path: Path) -> TlsOptions:
    return TlsOptions(ca_file=written(tmp_path, "ca.pem", CA.cert_pem))


@pytest.fixture
def tls(options: TlsOptions) -> Tls:
    return Tls(options, "127.0.0.1")


async def ask(session: Session, server: Server) -> int:
    """Send one request; the number of the connection that it went over."""
    await get(session, session.sending(), server.url)
    return server.requests[-1][0]


async def test_kept_connections(tls: Tls) -> None:
    """After a rotation the kept connections get no request, and are closed with the next one."""
    async with running(tls=server_context(SERVER)) as server, a_session(tls=tls) as session:
        await asyncio.gather(*(ask(session, server) for _ in range(3)))
        tls.files.load()

        assert [4, 4] == [await ask(session, server), await ask(session, server)]
        await until(lambda: len(server.open) == 1, seconds=2)


async def test_a_request_under_way(tls: Tls) -> None:
    """A request that is under way at a rotation is answered; its connection is closed after it."""
    async with running(tls=server_context(SERVER)) as server, a_session(tls=tls) as session:
        await ask(session, server)
        server.answers.clear()
        early = asyncio.create_task(get(session, session.sending(), server.url))
        await until(lambda: len(server.requests) == 2)
        tls.files.load()
        later = asyncio.create_task(get(session, session.sending(), server.url))
        await until(lambda: len(server.requests) == 3)
        server.answers.set()

        assert await early == await later
        assert 3 == len(server.requests)  # none was cut, and sent again
        await until(lambda: len(server.open) == 1, seconds=2)
        assert 2 == await ask(session, server)


async def test_a_request_that_connects_after_the_rotation(tls: Tls) -> None:
    """A request that was made before a rotation is the only one over its connection."""
    waiting, rotated = asyncio.Event(), asyncio.Event()

    async def wait(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        waiting.set()
        await rotated.wait()
        return await handler(request)

    async def ask_later(session: Session, server: Server) -> None:
        async with session.request(
            "GET",
            f"{server.url}/inventory/{A}",
            session.sending(),
            headers={},
            seconds=10,
            middleware=wait,
        ) as response:
            await response.read()

    async with running(tls=server_context(SERVER)) as server, a_session(tls=tls) as session:
        late = asyncio.create_task(ask_later(session, server))
        await waiting.wait()
        tls.files.load()
        rotated.set()
        await late

        await until(lambda: not server.open, seconds=2)
        assert 2 == await ask(session, server)


async def test_the_adapter_reads_the_files_again(
    tmp_path: Path, options: TlsOptions, clock: ManualClock
) -> None:
    """Connections of the adapter end when the files have changed, without any failed read."""
    quick = attrs.evolve(PATIENT, file_poll_interval=0.01)
    async with (
        running(tls=server_context(SERVER)) as server,
        HttpInventory(server.url, clock=clock, options=quick, tls=options) as port,
    ):
        await read_one(port)
        written(tmp_path, "ca.pem", CA.cert_pem, trustme.CA().cert_pem)

        while server.connections == 1:
            await read_one(port)
            await asyncio.sleep(0.005)
        await read_one(port)  # the one before may have begun with the earlier files
        await until(lambda: len(server.open) == 1, seconds=2)


@asynccontextmanager
async def tunnelling(server: Server) -> AsyncIterator[tuple[str, Callable[[], int]]]:
    """The URL of a proxy to `server`, and how many tunnels it has open."""
    tunnels = 0

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tunnels
        assert (await read_request(reader)).startswith(b"CONNECT ")
        theirs, ours = await asyncio.open_connection("127.0.0.1", URL(server.url).port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        tunnels += 1
        try:
            await asyncio.gather(copy(theirs, writer), copy(reader, ours))
        finally:
            tunnels -= 1

    async with conversing(tunnel) as url:
        yield url, lambda: tunnels
        await until(lambda: not tunnels)


async def test_tunnels_through_a_proxy(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tunnels through a proxy end at a rotation, and by their age, as other connections do."""
    options = attrs.evolve(PATIENT, trust_env=True, max_connection_age=10)
    draws = iter([1.0, 0.1, 1.0])
    async with (
        running(tls=server_context(SERVER)) as server,
        tunnelling(server) as (proxy, tunnels),
    ):
        monkeypatch.setenv("https_proxy", proxy)
        async with a_session(options, tls, uniform=lambda low, high: next(draws)) as session:
            assert [1, 1] == [await ask(session, server), await ask(session, server)]
            tls.files.load()
            assert [2, 2] == [await ask(session, server), await ask(session, server)]
            await asyncio.sleep(1.01)

            assert [3, 3] == [await ask(session, server), await ask(session, server)]
            await until(lambda: tunnels() == 1, seconds=2)
