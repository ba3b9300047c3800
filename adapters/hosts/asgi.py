"""For hosts that speak ASGI: FastAPI, Starlette, Litestar, Django under ASGI."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from shelfport.adapters.correlation import request_context
from shelfport.adapters.hosts.request_headers import CORRELATION_ID, TRACEPARENT

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

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


class RequestContextMiddleware:
    """Gives all calls of a request the correlation id and the trace that it came with (R23).

    ASGI middleware around any application: `app.add_middleware(RequestContextMiddleware)`, or
    `application = RequestContextMiddleware(application)`.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        correlation_id, traceparent = _found(scope.get("headers", ()))
        with request_context(correlation_id=correlation_id, traceparent=traceparent):
            await self.app(scope, receive, send)


def _found(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[str | None]:
    sent = dict(headers)  # of a header that was sent twice, the last
    return [sent[name].decode("latin-1") if name in sent else None for name in _NAMES]
