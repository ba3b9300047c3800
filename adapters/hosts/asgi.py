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
    """A `lifespan` for FastAPI, Starlette and Litestar: opens with the app, closes with it.

    Args:
        opened: one or several integrations; closed in reverse order.
    """

    @asynccontextmanager
    async def around(app: Any) -> AsyncIterator[None]:  # noqa: ARG001 - the frameworks pass it
        async with AsyncExitStack() as stack:
            for each in opened:
                await stack.enter_async_context(each)
            yield

    return around


class LifespanMiddleware:
    """Opens and closes with the server, for an application without lifespan, such as Django's.

    `application = LifespanMiddleware(application, inventory)`, under a server with the lifespan
    protocol, such as uvicorn and hypercorn. Under another server (daphne) it opens nothing: call
    `inventory.open()` in `asgi.py` instead.

    Args:
        app: the application; it does not get the lifespan's messages.
        opened: a `SyncInventoryIntegration`; opened and closed in a thread, as both block.
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
    """Gives all calls of a request its correlation id and trace context.

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
    sent = dict(headers)  # the last one, if a header was sent twice
    return [sent[name].decode("latin-1") if name in sent else None for name in _NAMES]
