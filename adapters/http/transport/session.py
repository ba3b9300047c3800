"""The aiohttp session, with every connection setting explicit."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from math import inf
from types import TracebackType
from typing import Self
from urllib.request import getproxies, proxy_bypass

import aiohttp
import attrs
from aiohttp import hdrs
from yarl import URL

from shelfport.adapters.http.transport.body import GZIP
from shelfport.adapters.http.transport.connector import Connector
from shelfport.adapters.http.transport.tls.context import Tls
from shelfport.domain.model.validators import number

MAX_HEADERS = 64
"""Headers that an answer may have."""
MAX_LINE_BYTES = 8_190
"""Bytes of an answer's status line, and of each header."""
FORGOTTEN_AFTER = 1.0
"""Seconds of idleness after which a timeout may be the connection's; over one that was just used it
is the service's."""
_LONGEST_REQUEST = 62.0
"""Seconds that a request may take, at most: 60 by the bounds of its settings, and aiohttp rounds
the end up to a whole second."""


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
    max_connection_age: float = attrs.field(
        default=30.0, validator=number(0.1, 86_400, unit="seconds")
    )
    """How long a connection gets new requests, at most; up to a tenth less, at random. A request
    that is under way is not cut.

    Why: when the service's name points to another host, the old one gets no requests after this
    time and the 10 seconds for which an address is kept; a new connection every half a minute costs
    next to nothing."""
    strict: bool = False
    """Whether an element with a malformed member is refused as a whole, in place of being read as
    far as it can be.

    Why: one odd date costs a page no stock. True is for contract tests, which must see it."""
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


@attrs.define(eq=False)
class Sending:
    """The aiohttp client middleware that sends one request, once.

    aiohttp repeats a GET that fails with `ClientOSError` or `ServerDisconnectedError`, over
    whatever connection. Only `RetryLayer` may repeat a request: it counts attempts and has a
    budget. But a kept connection that turns out to be closed is no attempt: a read goes over a new
    one (RFC 9112 §9.3.1), and the other kept connections are closed, as they were kept for the same
    server. A write does not: perhaps the server did it, and closed the connection after that.
    """

    session: aiohttp.ClientSession
    write: bool
    """Whether the request changes something, and must not be sent a second time."""
    lost_connection: bool = False
    """Whether no answer began over a kept connection: it was closed, or had been idle so long that
    something on the way may have forgotten it."""
    may_have_arrived: bool = False
    """Whether it was written to a kept connection that turned out to be closed."""

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send `request`."""
        connector = self.session.connector
        assert isinstance(connector, Connector)  # noqa: S101  # `Session` made it
        connector.needs_new.discard(request)
        while True:
            try:
                return await handler(request)
            except aiohttp.ClientConnectorError:
                raise  # no request was sent, and aiohttp does not repeat these
            except _BROKEN as error:
                over_kept = request in connector.over_kept and not _has_begun_to_answer(error)
                if not over_kept or self.write:
                    self.lost_connection = over_kept
                    raise ConnectionBroke(str(error) or type(error).__name__) from error
                connector.needs_new.add(request)
                self.may_have_arrived = True
            except BaseException:
                self.lost_connection = connector.over_kept.get(request, -inf) >= FORGOTTEN_AFTER
                raise


_BROKEN = (
    aiohttp.ClientOSError,
    aiohttp.ClientConnectionResetError,
    aiohttp.ServerDisconnectedError,
)


def _has_begun_to_answer(error: Exception) -> bool:
    """Whether the server sent a part of an answer before it closed the connection."""
    return isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)


class Session:
    """A session with keep-alive connections to the service. Open while entered.

    Args:
        options: timeouts, the age of connections, and whether to use a proxy.
        tls: the TLS context; loaded before the first request.
        uniform: draws a number between two others, for the age of each connection.
    """

    def __init__(
        self,
        options: HttpOptions,
        tls: Tls,
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._options = options
        self._tls = tls
        self._uniform = uniform
        self._session: aiohttp.ClientSession | None = None
        self._dropped: deque[tuple[float, aiohttp.ClientSession]] = deque()
        """Sessions that get no new requests, each with the time from which none is in flight."""

    async def __aenter__(self) -> Self:
        self._session = self._new_session()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._dropped.append((inf, session))
        while self._dropped:
            await self._dropped.popleft()[1].close()

    def sending(self, *, write: bool = False) -> Sending:
        """The sending of one request.

        Args:
            write: the request changes something, and must not be sent a second time.

        Raises:
            RuntimeError: the session is not open.
        """
        if self._session is None:
            raise RuntimeError("the HTTP session is not open")
        return Sending(self._session, write)

    async def drop_kept_connections(self, sending: Sending) -> None:
        """Use none of the connections any more that were kept when `sending` began.

        Requests that are in flight over them go on; the rest close by themselves.
        """
        now = asyncio.get_running_loop().time()
        if sending.session is self._session:
            self._dropped.append((now + _LONGEST_REQUEST, self._session))
            self._session = self._new_session()
        while self._dropped and self._dropped[0][0] <= now:
            await self._dropped.popleft()[1].close()

    def request(
        self,
        method: str,
        url: str,
        sending: Sending,
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
            sending: how it is sent; of this session.
            headers: headers of this request, added to the session's own.
            seconds: the time until the last byte of the answer.
            data: the body.
            middleware: wraps the sending.
        """
        target = URL(url, encoded=True)
        return sending.session.request(
            method,
            target,
            data=data,
            headers=headers,
            allow_redirects=False,
            ssl=self._tls.context,
            proxy=proxy_from_environment(target) if self._options.trust_env else None,
            middlewares=(sending,) if middleware is None else (middleware, sending),
            timeout=aiohttp.ClientTimeout(
                total=seconds, sock_connect=self._options.connect_timeout
            ),
        )

    def _new_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=Connector(self._tls, self._options.max_connection_age, self._uniform),
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


def proxy_from_environment(url: URL) -> URL | None:
    """The proxy that the environment names for `url`, unless `NO_PROXY` names its host."""
    proxy = getproxies().get(url.scheme)
    if proxy is None or proxy_bypass(url.host or ""):
        return None
    return URL(proxy)
