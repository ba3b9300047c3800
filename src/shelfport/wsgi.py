"""Public names for hosts that speak WSGI: Flask, Django under WSGI."""

from shelfport.adapters.hosts.wsgi import WsgiRequestContextMiddleware

__all__ = ["WsgiRequestContextMiddleware"]
