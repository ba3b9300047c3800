"""For hosts that speak WSGI: Flask, Django under WSGI."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shelfport.adapters.hosts.request_headers import CORRELATION_ID, TRACEPARENT
from shelfport.adapters.runtime.request_context import request_context

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def _variable(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


_CORRELATION_ID, _TRACEPARENT = _variable(CORRELATION_ID), _variable(TRACEPARENT)


class WsgiRequestContextMiddleware:
    """Gives all calls of a request its correlation id and trace context.

    WSGI middleware around any application:
    `app.wsgi_app = WsgiRequestContextMiddleware(app.wsgi_app)`, or
    `application = WsgiRequestContextMiddleware(application)`. Calls that the application makes
    while it sends its body are not covered.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self.app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve one request."""
        with request_context(
            correlation_id=environ.get(_CORRELATION_ID), traceparent=environ.get(_TRACEPARENT)
        ):
            return self.app(environ, start_response)
