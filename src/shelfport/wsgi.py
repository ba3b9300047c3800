"""Public names for hosts that speak WSGI: Flask, Django under WSGI."""

from shelfport.adapters.hosts.wsgi import RequestContextMiddleware

__all__ = ["RequestContextMiddleware"]
