"""`ops_app`: the ops page as an aiohttp.web sub-application."""

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web
from typed_settings import Secret

from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.ops.ops_page import OpsPage
from shelfport.adapters.ops.recorder import Recorder
from shelfport.adapters.ops.request import LARGEST_FORM, OpsReply, OpsRequest


def ops_app(
    inventory: InventoryIntegration[Any],
    recorder: Recorder,
    settings: Settings,
    *,
    token: Secret[str] | str | None = None,
    actions: bool = False,
    title: str = "shelfport",
    links: Mapping[str, str] | None = None,
) -> web.Application:
    """The page for a host on aiohttp.web, to be mounted with `app.add_subapp("/ops", …)`.

        recorder = Recorder()
        inventory = build(settings, telemetry=[recorder])
        app.add_subapp("/ops", ops_app(inventory, recorder, settings))

    Args:
        inventory: the integration; the page opens and closes nothing.
        recorder: what was given to `build(telemetry=[recorder])`.
        settings: what the integration was built from.
        token: who shows it may see the page; at least 16 characters. Without it, the page is shown
            to this machine alone.
        actions: whether there are buttons, which retry, drop, and hold the circuit.
        title: names the page, where somebody has several.
        links: further places in its navigation, by name.

    Raises:
        ValueError: the token is too short.
    """
    page = OpsPage(
        inventory, recorder, settings, token=token, actions=actions, title=title, links=links
    )
    app = web.Application(client_max_size=LARGEST_FORM)

    async def answer(request: web.Request) -> web.StreamResponse:
        # What is below the mount: the tail of the one route that there is.
        path = "/" + request.match_info.get("tail", "")
        if path == "/" and not request.path.endswith("/"):
            # Everything on the page is relative to a folder.
            raise web.HTTPMovedPermanently(request.path.rpartition("/")[2] + "/")
        return await send(request, await page.reply(from_aiohttp(request, path)))

    async def close(_app: web.Application) -> None:
        page.close()

    app.router.add_route("*", "", answer)
    app.router.add_route("*", "/{tail:.*}", answer)
    app.on_shutdown.append(close)
    return app


def from_aiohttp(request: web.Request, path: str) -> OpsRequest:
    """The request as the pages see it."""
    peer = request.transport and request.transport.get_extra_info("peername")
    return OpsRequest(
        method=request.method,
        path=path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        peer=peer[0] if isinstance(peer, tuple) else None,
        secure=request.secure,
        read=request.read,
    )


async def send(request: web.Request, reply: OpsReply) -> web.StreamResponse:
    """Send `reply`; of a stream, until it ends or the browser leaves."""
    if isinstance(reply.body, bytes):
        return web.Response(status=reply.status, headers=dict(reply.headers), body=reply.body)
    response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
    await response.prepare(request)
    # A stream of ours is a generator; closing it says that nobody watches any more.
    async with aclosing(reply.body) as stream:
        try:
            async for piece in stream:
                await response.write(piece)
        except ConnectionResetError:
            pass  # the browser has left
    return response
