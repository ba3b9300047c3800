"""The aiohttp session: everything about the connection that must not be left to a default."""

import aiohttp
import attrs
from aiohttp import hdrs

from shelfport.domain.model.validators import number


@attrs.frozen(kw_only=True)
class HttpOptions:
    """How the adapter talks to the service. Durations are seconds, sizes bytes."""

    attempt_timeout: float = attrs.field(default=1.0, validator=number(0.001, 60, unit="seconds"))
    """From the start of a request to the last byte of its answer."""
    connect_timeout: float = attrs.field(default=0.5, validator=number(0.001, 60, unit="seconds"))
    """For one socket to connect; DNS and TLS count towards `attempt_timeout` alone."""
    max_response_bytes: int = attrs.field(
        default=1_048_576, validator=number(65_536, 2**30, unit="bytes")
    )
    """Longest body that is read, before and after decompression: 200 levels take about 34,000."""


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


def open_session(token: str | None) -> aiohttp.ClientSession:
    """One keep-alive session. Needs a running event loop; the caller closes it.

    Args:
        token: a bearer token (RFC 6750) for every request.
    """
    headers = {
        hdrs.ACCEPT: "application/json, application/problem+json",
        hdrs.USER_AGENT: "shelfport",
    }
    if token is not None:
        headers[hdrs.AUTHORIZATION] = f"Bearer {token}"
    return aiohttp.ClientSession(
        # How many requests are under way is a layer's decision; a queue in here would be invisible.
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        middlewares=(_send_once,),
        trust_env=False,
    )
