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
        inventory: the integration; the host opens and closes it.
        recorder: the one of `build(telemetry=[recorder])`.
        settings: the settings of the integration.
        token: the secret that admits a request; at least 16 characters. Without it, only requests
            from this machine see the page.
        actions: whether the page has buttons, which retry and drop entries and hold the circuit.
        title: names the page.
        links: further addresses in its navigation, by name.

    Raises:
        ValueError: the token is too short.
    """
    page = OpsPage(
        inventory, recorder, settings, token=token, actions=actions, title=title, links=links
    )
    app = web.Application(client_max_size=LARGEST_FORM)

    async def answer(request: web.Request) -> web.StreamResponse:
        # The path below the mount.
        path = "/" + request.match_info.get("tail", "")
        if path == "/" and not request.path.endswith("/"):
            # The addresses on the page are relative to a folder.
            raise web.HTTPMovedPermanently(request.path.rpartition("/")[2] + "/")
        return await send(request, await page.reply(from_aiohttp(request, path)))

    async def close(_app: web.Application) -> None:
        page.close()

    app.router.add_route("*", "", answer)
    app.router.add_route("*", "/{tail:.*}", answer)
    app.on_shutdown.append(close)
    return app


def from_aiohttp(request: web.Request, path: str) -> OpsRequest:
    """The request as an `OpsRequest`."""
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
    """Send `reply`; a stream until it ends or the browser closes the connection."""
    if isinstance(reply.body, bytes):
        return web.Response(status=reply.status, headers=dict(reply.headers), body=reply.body)
    response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
    await response.prepare(request)
    # Closing the generator ends the stream's place among the open ones.
    async with aclosing(reply.body) as stream:
        try:
            async for piece in stream:
                await response.write(piece)
        except ConnectionResetError:
            pass  # the browser has closed the connection
    return response
