"""Servers on real sockets: one with a handler, and one that writes raw bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext

import msgspec
from aiohttp import web

from shelfport import ProductVariantId
from shelfport.adapters.http import wire
from tests.support.clocks import EPOCH

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Service:
    """A server that handles requests with `answer`, and records them."""

    def __init__(self, answer: Handler) -> None:
        self.answer = answer
        self.requests: list[web.BaseRequest] = []
        self.bodies: list[bytes] = []
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        return await self.answer(request)


@asynccontextmanager
async def serving(answer: Handler) -> AsyncIterator[Service]:
    """A `Service` on a free loopback port."""
    service = Service(answer)
    runner = web.ServerRunner(web.Server(service.handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()


@asynccontextmanager
async def conversing(
    conversation: Conversation,
    *,
    address: tuple[str, int] = ("127.0.0.1", 0),
    tls: SSLContext | None = None,
) -> AsyncIterator[str]:
    """The URL of a server that runs `conversation` on every connection, which may be over TLS."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await conversation(reader, writer)
        finally:
            talks.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(talk, *address, ssl=tls)
    scheme = "http" if tls is None else "https"
    try:
        yield f"{scheme}://{address[0]}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request; empty if the client left."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def raw(payload: bytes) -> Conversation:
    """A conversation that answers one request with `payload` and hangs up."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await read_request(reader):
            writer.write(payload)
            with suppress(ConnectionError):
                await writer.drain()

    return conversation


def wire_level(variant: ProductVariantId, quantity: int = 100) -> dict[str, object]:
    """A good element of an answer."""
    return {
        "productVariantId": str(variant),
        "availableQuantity": quantity,
        "status": "IN_STOCK" if quantity else "OUT_OF_STOCK",
        "updatedAt": EPOCH.isoformat(),
    }


def json_response(content: object, status: int = 200, **headers: str) -> web.Response:
    """An answer with a JSON body; header names spell `-` as `_`."""
    return web.Response(
        body=msgspec.json.encode(content),
        status=status,
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def always(content: object, status: int = 200, **headers: str) -> Handler:
    """A handler that gives every request the same JSON."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return json_response(content, status, **headers)

    return handler


def stocked(ids: Sequence[ProductVariantId], quantity: int = 100) -> Handler:
    """A handler that knows `ids`, and serves both reads of the contract."""
    known = {str(variant): wire_level(variant, quantity) for variant in ids}

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        if "productVariantIds" in request.query:
            asked = request.query["productVariantIds"].split(",")
            return json_response([known[text] for text in asked if text in known])
        text = request.path.rsplit("/", 1)[1]
        if text in known:
            return json_response(known[text])
        return problem(404, "unknown-variant")

    return handler


def problem(status: int, slug: str, detail: str = "", **more: object) -> web.Response:
    """A problem document of the contract."""
    return web.Response(
        body=msgspec.json.encode(
            {"type": wire.PROBLEM_TYPE + slug, "status": status, "detail": detail, **more}
        ),
        status=status,
        content_type=wire.PROBLEM_JSON,
    )
