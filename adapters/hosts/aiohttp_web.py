"""For hosts on aiohttp's own server."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from shelfport.adapters.hosts.request_headers import CORRELATION_ID, TRACEPARENT
from shelfport.adapters.runtime.request_context import request_context


def cleanup_context(
    opened: AbstractAsyncContextManager[Any],
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A function for `app.cleanup_ctx` that opens `opened` with the app, and closes it with it."""

    async def around(_app: web.Application) -> AsyncIterator[None]:
        async with opened:
            yield

    return around


@web.middleware
async def request_context_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give all calls of a request its correlation id and trace context.

    `web.Application(middlewares=[request_context_middleware])`.
    """
    with request_context(
        correlation_id=request.headers.get(CORRELATION_ID),
        traceparent=request.headers.get(TRACEPARENT),
    ):
        return await handler(request)
