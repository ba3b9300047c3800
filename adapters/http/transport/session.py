"""The aiohttp session, with every connection setting explicit."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self
from urllib.request import getproxies, proxy_bypass

import aiohttp
import attrs
from aiohttp import hdrs
from yarl import URL

from shelfport.adapters.http.transport.body import GZIP
from shelfport.adapters.http.transport.tls.context import Tls
from shelfport.domain.model.validators import number

MAX_HEADERS = 64
"""Headers that an answer may have."""
MAX_LINE_BYTES = 8_190
"""Bytes of an answer's status line, and of each header."""


@attrs.frozen(kw_only=True)
class HttpOptions:
    """Requests to the service. Durations are seconds, sizes bytes."""

    attempt_timeout: float = attrs.field(default=1.0, validator=number(0.001, 60, unit="seconds"))
    """From the start of a request to the last byte of its answer.

    Why: half the deadline, so that one hung attempt leaves room for a second."""
    connect_timeout: float = attrs.field(default=0.5, validator=number(0.001, 60, unit="seconds"))
    """For one socket to connect; DNS and TLS count towards `attempt_timeout` alone.

    Why: a healthy host answers in milliseconds; a dead one should not take a whole attempt."""
    max_response_bytes: int = attrs.field(
        default=1_048_576, validator=number(65_536, 2**30, unit="bytes")
    )
    """Longest body that is read, before and after decompression.

    Why: 200 levels take 34,000 bytes; a body thirty times as long is not the service's."""
    trust_env: bool = False
    """Whether requests go through the proxy that the environment names (`HTTPS_PROXY`, …).

    Why: a proxy variable that was set for another program does not redirect stock requests."""
    file_poll_interval: float = attrs.field(
        default=10.0, validator=number(0.01, 3600, unit="seconds")
    )
    """How often the files of certificates and secrets are checked for changes.

    Why: a rotated certificate or secret is in use within seconds, at the cost of a few `stat`
    calls."""


class ConnectionBroke(aiohttp.ClientError):
    """The connection broke after the request may have been written to it."""


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET again when a pooled connection has died.

    aiohttp repeats a request that fails with `ClientOSError` or `ServerDisconnectedError`. Only
    `RetryLayer` may repeat a request: it counts attempts and has a budget.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # no request was sent, and aiohttp does not repeat these
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionBroke(str(error) or type(error).__name__) from error


class Session:
    """A session with keep-alive connections to the service. Open while entered.

    Args:
        options: timeouts, and whether to use a proxy.
        tls: the TLS context; loaded before the first request.
    """

    def __init__(self, options: HttpOptions, tls: Tls) -> None:
        self._options = options
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # `ConcurrencyLimitLayer` limits the requests; a queue here would be invisible.
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                hdrs.ACCEPT: "application/json, application/problem+json",
                hdrs.ACCEPT_ENCODING: GZIP,
                hdrs.USER_AGENT: "shelfport",
            },
            auto_decompress=False,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            # True would also read ~/.netrc; the proxy is passed with each request.
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        seconds: float,
        data: bytes | aiohttp.BytesPayload | None = None,
        middleware: aiohttp.ClientMiddlewareType | None = None,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send one request once, to `url`, without following redirects.

        Args:
            method: the HTTP method.
            url: the percent-encoded target.
            headers: headers of this request, added to the session's own.
            seconds: the time until the last byte of the answer.
            data: the body.
            middleware: wraps the sending.

        Raises:
            RuntimeError: the session is not open.
        """
        if self._session is None:
            raise RuntimeError("the HTTP session is not open")
        target = URL(url, encoded=True)
        return self._session.request(
            method,
            target,
            data=data,
            headers=headers,
            allow_redirects=False,
            ssl=self._tls.context,
            proxy=proxy_from_environment(target) if self._options.trust_env else None,
            middlewares=(_send_once,) if middleware is None else (middleware, _send_once),
            timeout=aiohttp.ClientTimeout(
                total=seconds, sock_connect=self._options.connect_timeout
            ),
        )


def proxy_from_environment(url: URL) -> URL | None:
    """The proxy that the environment names for `url`, unless `NO_PROXY` names its host."""
    proxy = getproxies().get(url.scheme)
    if proxy is None or proxy_bypass(url.host or ""):
        return None
    return URL(proxy)
