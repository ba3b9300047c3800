"""The hosts' middlewares: ids of requests, opening and closing."""

import asyncio
from collections.abc import Iterable
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from shelfport import aiohttp_web, asgi, wsgi
from shelfport.adapters.runtime.request_context import ambient
from tests.adapters.composition.test_container import run_python

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SENT = {"X-Correlation-ID": "shop-17", "traceparent": TRACE}


@pytest.mark.parametrize(("sent", "known"), [(SENT, ("shop-17", TRACE)), ({}, (None, None))])
async def test_asgi(sent: dict[str, str], known: tuple[str | None, str | None]) -> None:
    """An ASGI application runs with the request's ids, which end with the request."""
    seen: list[tuple[str | None, str | None]] = []

    async def app(*_: Any) -> None:
        await asyncio.sleep(0)
        seen.append(ambient())

    headers = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
    await asgi.AsgiRequestContextMiddleware(app)({"type": "http", "headers": headers}, None, None)
    await asgi.AsgiRequestContextMiddleware(app)({"type": "lifespan"}, None, None)

    assert [known, (None, None)] == seen
    assert (None, None) == ambient()


@pytest.mark.parametrize(("sent", "known"), [(SENT, ("shop-17", TRACE)), ({}, (None, None))])
def test_wsgi(sent: dict[str, str], known: tuple[str | None, str | None]) -> None:
    """A WSGI application runs with the request's ids; its body is unchanged."""
    seen, body = [], [b"page"]

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(ambient())
        return body

    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.items()}
    setup_testing_defaults(environ)

    assert body is wsgi.WsgiRequestContextMiddleware(app)(environ, lambda *_: lambda _: None)
    assert [known] == seen
    assert (None, None) == ambient()


async def test_aiohttp_web() -> None:
    """A handler of aiohttp.web runs with the request's ids; the integration opens and closes."""
    events: list[str] = []

    @asynccontextmanager
    async def opened() -> Any:
        events.append("opened")
        yield
        events.append("closed")

    async def handler(_request: web.Request) -> web.Response:
        events.append(f"{ambient()}")
        return web.Response()

    app = web.Application(middlewares=[aiohttp_web.request_context_middleware])
    app.cleanup_ctx.append(aiohttp_web.cleanup_context(opened()))
    app.router.add_get("/", handler)
    async with TestServer(app) as server, ClientSession() as session:
        await (await session.get(server.make_url("/"), headers=SENT)).read()

    assert ["opened", f"{('shop-17', TRACE)}", "closed"] == events


async def test_a_lifespan_of_several() -> None:
    """The integrations of `lifespan` open in order, and close in reverse order."""
    events: list[str] = []

    @asynccontextmanager
    async def opened(name: str) -> Any:
        events.append(f"+{name}")
        yield
        events.append(f"-{name}")

    async with asgi.lifespan(opened("a"), opened("b"))(object()):
        events.append("app")

    assert ["+a", "+b", "app", "-b", "-a"] == events


class Server:
    """An ASGI server's side of the lifespan protocol."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.events: list[str] = []
        self._messages = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive(self) -> dict[str, Any]:
        return {"type": next(self._messages)}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        self.events.append(message["type"])

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.events.append(f"app {scope['type']}")

    @contextmanager
    def opened(self, error: Exception | None = None) -> Any:
        if error is not None:
            raise error
        self.events.append("opened")
        yield
        self.events.append("closed")


async def test_a_lifespan_for_an_application_without_one() -> None:
    """It opens before the server starts, and closes before it ends; the app gets no lifespan."""
    server = Server()
    middleware = asgi.LifespanMiddleware(server.app, server.opened())

    await middleware({"type": "lifespan"}, server.receive, server.send)
    await middleware({"type": "http"}, server.receive, server.send)

    assert [
        "opened",
        "lifespan.startup.complete",
        "closed",
        "lifespan.shutdown.complete",
        "app http",
    ] == server.events


async def test_a_failed_opening_stops_the_server() -> None:
    """If opening fails, the server gets the error's message and does not serve."""
    server = Server()
    broken: AbstractContextManager[None] = server.opened(ValueError("tls.ca_file is missing"))

    with pytest.raises(ValueError, match="is missing"):
        await asgi.LifespanMiddleware(server.app, broken)(
            {"type": "lifespan"}, server.receive, server.send
        )

    failed = {"type": "lifespan.startup.failed", "message": "tls.ca_file is missing"}
    assert [failed] == server.sent


def test_without_the_extra() -> None:
    """Without anyio, importing `shelfport.sync` says what to install; other modules work."""
    printed = run_python(
        "import sys; sys.modules['anyio'] = None\n"
        "import shelfport, shelfport.asgi, shelfport.wsgi, shelfport.testing\n"
        "try: import shelfport.sync\n"
        "except ModuleNotFoundError as error: print(error)"
    )

    assert (
        'shelfport.sync needs anyio, which is not installed: pip install "shelfport[sync]"'
        == printed
    )


def test_no_framework_is_imported() -> None:
    """The middlewares import no web framework."""
    printed = run_python(
        "import sys, shelfport, aiohttp.web; before = set(sys.modules)\n"
        "import shelfport.asgi, shelfport.wsgi, shelfport.aiohttp_web\n"
        "more = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(more - {'shelfport'} - sys.stdlib_module_names))"
    )

    assert "[]" == printed
