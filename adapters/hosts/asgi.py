"""For hosts that speak ASGI: FastAPI, Starlette, Litestar, Django under ASGI."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from typing import Any

from shelfport.adapters.hosts.request_headers import CORRELATION_ID, TRACEPARENT
from shelfport.adapters.runtime.request_context import request_context

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application. Frameworks type scope, receive and send each in their own way."""

_NAMES = CORRELATION_ID.lower().encode(), TRACEPARENT.encode()


def lifespan(
    *opened: AbstractAsyncContextManager[Any],
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """What FastAPI, Starlette and Litestar take as `lifespan`: open with the app, close with it.

    Args:
        opened: an integration, or several; closed in the opposite order.
    """

    @asynccontextmanager
    async def around(app: Any) -> AsyncIterator[None]:  # noqa: ARG001 - the frameworks pass it
        async with AsyncExitStack() as stack:
            for each in opened:
                await stack.enter_async_context(each)
            yield

    return around


class LifespanMiddleware:
    """Opens and closes with the server, for an application that has no lifespan: Django's.

    `application = LifespanMiddleware(application, inventory)`, under a server that speaks the
    lifespan protocol, as uvicorn and hypercorn do. Under one that does not (daphne), nothing is
    opened: say `inventory.open()` in `asgi.py` instead.

    Args:
        app: the application; it never sees the lifespan.
        opened: a `SyncInventoryIntegration`; in a thread, as opening and closing block.
    """

    def __init__(self, app: App, opened: AbstractContextManager[Any]) -> None:
        self.app = app
        self.opened = opened

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection, or the lifespan."""
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        await receive()  # lifespan.startup
        try:
            await asyncio.to_thread(self.opened.__enter__)
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()  # lifespan.shutdown
        finally:
            await asyncio.to_thread(self.opened.__exit__, None, None, None)
        await send({"type": "lifespan.shutdown.complete"})


class AsgiRequestContextMiddleware:
    """Gives all calls of a request the correlation id and the trace that it came with (R23).

    ASGI middleware around any application: `app.add_middleware(AsgiRequestContextMiddleware)`, or
    `application = AsgiRequestContextMiddleware(application)`.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        correlation_id, traceparent = _found(scope.get("headers", ()))
        with request_context(correlation_id=correlation_id, traceparent=traceparent):
            await self.app(scope, receive, send)


def _found(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[str | None]:
    sent = dict(headers)  # of a header that was sent twice, the last
    return [sent[name].decode("latin-1") if name in sent else None for name in _NAMES]
