"""Public names for hosts that speak ASGI: FastAPI, Starlette, Litestar, Django under ASGI."""

from shelfport.adapters.hosts.asgi import RequestContextMiddleware, lifespan

__all__ = ["RequestContextMiddleware", "lifespan"]
