"""Public names for hosts that speak ASGI: FastAPI, Starlette, Litestar, Django under ASGI."""

from shelfport.adapters.hosts.asgi import (
    AsgiRequestContextMiddleware,
    LifespanMiddleware,
    lifespan,
)

__all__ = ["AsgiRequestContextMiddleware", "LifespanMiddleware", "lifespan"]
