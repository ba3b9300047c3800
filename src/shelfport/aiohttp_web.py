"""Public names for hosts on aiohttp's own server."""

from shelfport.adapters.hosts.aiohttp_web import cleanup_context, request_context_middleware

__all__ = ["cleanup_context", "request_context_middleware"]
