"""Failing services on real sockets, which count their requests."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import attrs
import msgspec

from shelfport import variant_id
from tests.support.servers import read_request, wire_level

Trouble = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]
"""Does something with the connection on which a request, given by its target, came."""


@attrs.define
class Wire:
    """A server that handles every request with `trouble`, which may change at any time."""

    trouble: Trouble
    requests: int = 0
    url: str = ""
    _talks: set[asyncio.Task[None]] = attrs.field(factory=set)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            while head := await read_request(reader):
                self.requests += 1
                await self.trouble(writer, head.split(b" ")[1])
                await writer.drain()
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.CancelledError):
            pass  # either side hung up; a cancelled conversation makes asyncio log an error
        finally:
            self._talks.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def hang_up(self) -> None:
        """Close all connections at once."""
        talks = list(self._talks)
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@asynccontextmanager
async def wired(trouble: Trouble, port: int = 0) -> AsyncIterator[Wire]:
    """A `Wire` on a loopback port, with room for a crowd that connects at once."""
    wire = Wire(trouble)
    server = await asyncio.start_server(wire.talk, "127.0.0.1", port, backlog=1024)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        await wire.hang_up()
        await server.wait_closed()


def closed_port() -> int:
    """A port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


def well_formed(target: bytes) -> bytes:
    """A complete good answer to a read of `target`, with 100 units of each variant."""
    url = urlsplit(target.decode())
    if url.query:
        asked = parse_qs(url.query)["productVariantIds"][0].split(",")
        body = msgspec.json.encode([wire_level(variant_id(text)) for text in asked])
    else:
        body = msgspec.json.encode(wire_level(variant_id(url.path.rsplit("/", 1)[1])))
    return head("200 OK", len(body)) + body


def head(status: str, length: int) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def answer(writer: asyncio.StreamWriter, target: bytes) -> None:
    """Answer with good levels."""
    writer.write(well_formed(target))


async def unavailable(writer: asyncio.StreamWriter, target: bytes) -> None:
    """Answer 503 without `Retry-After`."""
    writer.write(head("503 Service Unavailable", 0))


async def reset(writer: asyncio.StreamWriter, target: bytes) -> None:
    """Abort the connection before a byte of an answer."""
    writer.transport.abort()


async def reset_in_body(writer: asyncio.StreamWriter, target: bytes) -> None:
    """Abort the connection in the middle of the body."""
    whole = well_formed(target)
    writer.write(whole[:-40])
    await writer.drain()
    await asyncio.sleep(0.01)
    writer.transport.abort()


async def truncated(writer: asyncio.StreamWriter, target: bytes) -> None:
    """End the body early, with an orderly close."""
    writer.write(well_formed(target)[:-40])
    writer.close()


async def garbage(writer: asyncio.StreamWriter, target: bytes) -> None:
    """Send bytes that are not HTTP."""
    writer.write(b"\x00\xffno such thing\r\n\r\n")
    writer.close()


async def hang(writer: asyncio.StreamWriter, target: bytes) -> None:
    """Accept the request, and send nothing for 5 seconds."""
    await asyncio.sleep(5)
    writer.write(well_formed(target))


async def drip(writer: asyncio.StreamWriter, target: bytes) -> None:
    """Send one byte of the answer a second."""
    for byte in well_formed(target):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)
