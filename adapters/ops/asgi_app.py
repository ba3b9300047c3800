"""`ops_asgi`: the ops page as an ASGI application, for Starlette, FastAPI, Litestar, Django."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl

from typed_settings import Secret

from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.ops.ops_page import OpsPage
from shelfport.adapters.ops.recorder import Recorder
from shelfport.adapters.ops.request import LARGEST_FORM, OpsReply, OpsRequest

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class _TooLarge(Exception):
    """The body is larger than a form of the page."""


def ops_asgi(
    inventory: InventoryIntegration[Any],
    recorder: Recorder,
    settings: Settings,
    *,
    token: Secret[str] | str | None = None,
    actions: bool = False,
    title: str = "shelfport",
    links: Mapping[str, str] | None = None,
) -> AsgiApp:
    """The page for a host on ASGI, to be mounted at a path: `app.mount("/ops", …)`.

    Arguments and errors are those of `ops_app`. It handles HTTP only. The host's lifespan opens and
    closes the integration. Streams end within half a minute when the server stops.
    """
    page = OpsPage(
        inventory, recorder, settings, token=token, actions=actions, title=title, links=links
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the ops page handles HTTP, not {scope['type']}")
        root = scope.get("root_path", "")
        path = scope["path"]
        # With some servers the path includes the mount.
        if root and path.startswith(root):
            path = path[len(root) :]
        if path == "":
            location = scope["path"].rpartition("/")[2] + "/"
            await _send(OpsReply(308, {"Location": location}, b""), receive, send)
            return
        request = OpsRequest(
            method=scope["method"],
            path=path,
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
            peer=(scope.get("client") or (None,))[0],
            secure=scope.get("scheme") == "https",
            read=lambda: _body(receive),
        )
        try:
            reply = await page.reply(request)
        except _TooLarge:
            reply = OpsReply(413, {}, b"")
        await _send(reply, receive, send)

    return app


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_FORM:
            raise _TooLarge
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


async def _send(reply: OpsReply, receive: Receive, send: Send) -> None:
    headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if isinstance(reply.body, bytes):
        await send({"type": "http.response.body", "body": reply.body})
        return

    async def disconnected() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    # Both tasks end with this request.
    async with aclosing(reply.body) as stream, asyncio.TaskGroup() as group:
        leaving = group.create_task(disconnected())
        async for piece in stream:
            if leaving.done():
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        leaving.cancel()
    await send({"type": "http.response.body", "body": b""})
