"""Public names for hosts that speak ASGI: FastAPI, Starlette, Litestar, Django under ASGI."""

from shelfport.adapters.hosts.asgi import (
    LifespanMiddleware,
    RequestContextMiddleware,
    lifespan,
)

__all__ = ["LifespanMiddleware", "RequestContextMiddleware", "lifespan"]
