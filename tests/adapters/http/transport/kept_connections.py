"""A server whose kept connections get into trouble, and requests to it."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext

import pytest

from shelfport import StockReading, SystemClock
from shelfport.adapters.http.transport.session import Sending, Session
from shelfport.adapters.http.transport.tls.context import Tls
from shelfport.http import HttpInventory
from shelfport.options import HttpOptions, TlsOptions
from shelfport.ports import DEFAULT_CALL
from tests.support.servers import Conversation, conversing, read_request, wire_level
from tests.support.values import an_id, an_initial_stock, ids
from tests.support.waiting import until

A = an_id(1)
KEPT = 16
PATIENT = HttpOptions(attempt_timeout=10, connect_timeout=10)
IMPATIENT = HttpOptions(attempt_timeout=1, connect_timeout=10)


class Server:
    """Answers requests; those over old connections get into trouble."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.open: set[asyncio.StreamWriter] = set()
        self.requests: list[tuple[int, bytes]] = []
        """The number of the connection, and the head and body."""
        self.answers = asyncio.Event()
        """Answers wait for it."""
        self.answers.set()
        self.old = 0
        """Connections up to this number are old."""
        self.trouble: Conversation = hang_up

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.connections = self.connections + 1
        self.open.add(writer)
        try:
            while request := await _read_whole(reader):
                self.requests.append((number, request))
                if number <= self.old:
                    return await self.trouble(reader, writer)
                await self.answers.wait()
                writer.write(_answer(request))
        finally:
            self.open.discard(writer)


async def _read_whole(reader: asyncio.StreamReader) -> bytes:
    head = await read_request(reader)
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return head + await reader.readexactly(int(length or 0))


def _answer(request: bytes) -> bytes:
    status, content = b"200 OK", json.dumps(wire_level(A)).encode()
    if request.startswith(b"POST /token"):
        content = b'{"access_token": "t", "token_type": "Bearer", "expires_in": 1}'
    elif request.startswith(b"POST"):
        item = wire_level(A) | {"id": str(an_id(7)), "quantity": 100}
        status, content = b"201 Created", json.dumps(item).encode()
    elif b"productVariantIds" in request:
        content = b"[%b]" % content
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hang_up_in_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")


async def hang_up_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{")


async def forget(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the client closes


@asynccontextmanager
async def running(
    *, address: tuple[str, int] = ("127.0.0.1", 0), tls: SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server()
    async with conversing(server.converse, address=address, tls=tls) as server.url:
        yield server


@asynccontextmanager
async def adapter(server: Server, options: HttpOptions = PATIENT) -> AsyncIterator[HttpInventory]:
    """An adapter of `server`; every connection is closed after it."""
    async with HttpInventory(server.url, clock=SystemClock(), options=options) as port:
        yield port
    await until(lambda: not server.open)


@asynccontextmanager
async def a_session(
    options: HttpOptions = PATIENT,
    tls: Tls | None = None,
    uniform: Callable[[float, float], float] = random.uniform,
) -> AsyncIterator[Session]:
    """A session, for requests with `get` below the adapter."""
    tls = tls or Tls(TlsOptions(), "127.0.0.1")
    tls.files.load()
    async with Session(options, tls, uniform=uniform) as session:
        yield session


async def get(session: Session, sending: Sending, url: str) -> bytes:
    target = f"{url}/inventory/{A}"
    async with session.request("GET", target, sending, headers={}, seconds=10) as response:
        return await response.read()


async def read_one(port: HttpInventory) -> None:
    answers = await port.read([A], DEFAULT_CALL)
    assert isinstance(answers[A], StockReading)


async def read_two(port: HttpInventory) -> None:
    answers = await port.read(ids(2), DEFAULT_CALL)
    assert isinstance(answers[A], StockReading)


async def initialize(port: HttpInventory) -> None:
    await port.initialize(an_initial_stock(A), DEFAULT_CALL)


REQUESTS = pytest.mark.parametrize("request_once", [read_one, read_two, initialize])
READS = pytest.mark.parametrize("request_once", [read_one, read_two])
RequestOnce = Callable[[HttpInventory], Awaitable[None]]


async def keep(port: HttpInventory, server: Server, count: int = KEPT) -> None:
    """Make `count` connections and keep them; from now on they are old."""
    already = len(server.requests)
    server.answers.clear()
    reads = [asyncio.create_task(read_one(port)) for _ in range(count)]
    await until(lambda: len(server.requests) == already + count)
    server.answers.set()
    await asyncio.gather(*reads)
    assert {0, count} >= {server.connections - server.old}
    server.old = server.connections
    server.requests.clear()
