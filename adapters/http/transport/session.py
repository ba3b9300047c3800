"""The aiohttp session: everything about the connection that must not be left to a default."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self
from urllib.request import getproxies, proxy_bypass

import aiohttp
import attrs
from aiohttp import hdrs
from yarl import URL

from shelfport.adapters.http.transport.body import PACKED
from shelfport.adapters.http.transport.tls.context import Tls
from shelfport.domain.model.validators import number

MOST_HEADERS = 64
"""How many headers an answer may have."""
LONGEST_LINE = 8_190
"""How many bytes its status line, and each header, may have."""


@attrs.frozen(kw_only=True)
class HttpOptions:
    """How the adapter talks to the service. Durations are seconds, sizes bytes."""

    attempt_timeout: float = attrs.field(default=1.0, validator=number(0.001, 60, unit="seconds"))
    """From the start of a request to the last byte of its answer.

    Why: half the deadline, so that one hung attempt leaves room for a second."""
    connect_timeout: float = attrs.field(default=0.5, validator=number(0.001, 60, unit="seconds"))
    """For one socket to connect; DNS and TLS count towards `attempt_timeout` alone.

    Why: a healthy host answers in milliseconds; a dead one should not eat a whole attempt."""
    max_response_bytes: int = attrs.field(
        default=1_048_576, validator=number(65_536, 2**30, unit="bytes")
    )
    """Longest body that is read, before and after decompression.

    Why: 200 levels take 34,000 bytes; thirty times that is somebody else's answer."""
    trust_env: bool = False
    """Whether requests go through the proxy that the environment names (`HTTPS_PROXY`, …).

    Why: a variable that somebody set for another program leads no stock astray."""
    file_poll_interval: float = attrs.field(
        default=10.0, validator=number(0.01, 3600, unit="seconds")
    )
    """How often the files of certificates and secrets are looked at for a new edition.

    Why: a rotated certificate or secret is in use within seconds, at the price of a few `stat`
    calls."""


class ConnectionBroke(aiohttp.ClientError):
    """The connection broke after the request may have been written to it."""


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from re-sending a GET by itself when a kept connection turns out dead.

    aiohttp repeats on `ClientOSError` and `ServerDisconnectedError` that come out of here; how
    often a request goes out is for the `retried` layer to decide, which counts and has a budget.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent, and aiohttp does not repeat these
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionBroke(str(error) or type(error).__name__) from error


class Session:
    """One keep-alive session towards the service and what belongs to it. Open while entered.

    Args:
        options: timeouts, and whether to use a proxy.
        tls: what connections are secured with; loaded before the first request.
    """

    def __init__(self, options: HttpOptions, tls: Tls) -> None:
        self._options = options
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # How many requests are under way is a layer's decision; a queue here would not show.
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                hdrs.ACCEPT: "application/json, application/problem+json",
                hdrs.ACCEPT_ENCODING: PACKED,
                hdrs.USER_AGENT: "shelfport",
            },
            auto_decompress=False,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            max_headers=MOST_HEADERS,
            # It would have aiohttp read ~/.netrc, too; a proxy is given with each request.
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
        """One request, sent once, to `url` and nowhere else.

        Args:
            method: of HTTP.
            url: percent-encoded already.
            headers: beside those of every request.
            seconds: until the last byte of its answer.
            data: its body.
            middleware: goes around the sending.

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
    """The proxy that the environment names for `url`, unless `NO_PROXY` excepts its host."""
    proxy = getproxies().get(url.scheme)
    if proxy is None or proxy_bypass(url.host or ""):
        return None
    return URL(proxy)
