"""The checks `dns`, `tcp` and `tls`: the connection to the service."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from yarl import URL

from shelfport.adapters.cli.check.model import CheckContext, Finding, failed, not_tried, ok
from shelfport.adapters.http import BadFile
from shelfport.adapters.http.transport.tls.context import Tls
from shelfport.adapters.http.transport.tls.handshake_errors import tls_failure
from shelfport.adapters.runtime.clock import SystemClock

_RENEWAL_DAYS = 14.0
"""A certificate with fewer days left fails the check: issuers renew earlier."""


async def check_dns(context: CheckContext) -> Finding:
    """The host of the base URL has addresses."""
    url = _base_url(context)
    if url is None:
        return _no_base_url(context)
    host = url.host or ""
    try:
        async with asyncio.timeout(context.timeout):
            context.addresses = await _resolve(host, url.port or 0)
    except TimeoutError:
        return failed(
            f"no answer about the name {host} within {context.timeout:.3g} s",
            "check this machine's name servers, or give more time with --deadline",
        )
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return failed(
            f"the name {host} does not resolve: {reason}",
            "correct the host in base_url, or check this machine's name servers",
        )
    if host in context.addresses:
        return ok(f"{host} is an address")
    return ok(f"{host} is {', '.join(context.addresses)}")


async def check_tcp(context: CheckContext) -> Finding:
    """One of the addresses accepts a connection."""
    url = _base_url(context)
    if url is None:
        return _no_base_url(context)
    port = url.port or 0
    failures: list[str] = []
    try:
        async with asyncio.timeout(context.timeout):
            for address in context.addresses:
                started = time.perf_counter()
                try:
                    await _connect(address, port, context.settings.http.connect_timeout)
                except OSError as error:
                    failures.append(f"{address} {_connect_failure(error, context)}")
                else:
                    took = (time.perf_counter() - started) * 1000
                    return ok(f"connected to {address}, port {port}, in {took:.1f} ms")
    except TimeoutError:
        failures.append(f"the check timed out after {context.timeout:.3g} s")
    return failed(
        f"no connection to port {port}: {', '.join(failures)}",
        "start the service, correct the port in base_url, or look for a firewall",
    )


async def check_tls(context: CheckContext) -> Finding:
    """The TLS handshake of a request succeeds, and no certificate is about to expire."""
    url = _base_url(context)
    if url is None:
        return _no_base_url(context)
    if url.scheme != "https":
        return not_tried("base_url begins with http://: nothing is encrypted")
    tls = Tls(context.settings.tls, url.host)
    try:
        await asyncio.to_thread(tls.files.load)
    except BadFile as error:
        return failed(str(error), "correct the setting, or the file")
    try:
        async with asyncio.timeout(context.timeout):
            version = await _handshake(context.addresses[0], url, tls.context)
    except TimeoutError:
        return failed(
            f"no handshake within {context.timeout:.3g} s",
            "find out what answers there, or give more time with --deadline",
        )
    except OSError as error:
        failure = tls_failure(error)
        return failed(
            f"the connection broke in the handshake: {error}"
            if failure is None
            else f"no secure connection: {failure.sentence}",
            "correct the certificate that the sentence names, or the setting; check whether "
            "base_url must begin with https:// or http://",
        )
    snapshot, now = tls.snapshot(), SystemClock().now()
    own = (
        _remaining("our certificate", snapshot.own_expires, now)
        if snapshot.own_expires
        else "no client certificate is sent"
    )
    detail = ", ".join(
        [version, _remaining("the service's certificate", snapshot.service_expires, now), own]
    )
    days_left = snapshot.days_left(now)
    if days_left is not None and days_left < _RENEWAL_DAYS:
        return failed(detail, "renew the certificate that is about to expire")
    return ok(detail)


def _base_url(context: CheckContext) -> URL | None:
    """The address that the built-in HTTP adapter connects to; None with another adapter."""
    settings = context.settings
    if settings.base_url is None or settings.adapter_name != "http":
        return None
    return URL(settings.base_url)


def _no_base_url(context: CheckContext) -> Finding:
    return not_tried(f"the adapter {context.settings.adapter_name} connects to no base_url")


async def _resolve(host: str, port: int) -> Sequence[str]:
    """The distinct addresses of `host`.

    Resolves in a daemon thread: an event loop waits for the threads of its own executor before it
    closes, so a resolver that hangs would delay the end of the command.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(addresses: Sequence[str], error: Exception | None) -> None:
        if not found.done():
            if error is None:
                found.set_result(addresses)
            else:
                found.set_exception(error)

    def resolve() -> None:
        addresses: Sequence[str] = ()
        problem: Exception | None = None
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = tuple(dict.fromkeys(str(info[4][0]) for info in infos))
        except (OSError, UnicodeError) as error:
            problem = error
        # The loop is closed if the check timed out.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, addresses, problem)

    threading.Thread(target=resolve, daemon=True, name="shelfport-check-dns").start()
    return await found


async def _connect(address: str, port: int, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        _, writer = await asyncio.open_connection(address, port)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _connect_failure(error: OSError, context: CheckContext) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refuses"
    if isinstance(error, TimeoutError):
        return f"does not answer within {context.settings.http.connect_timeout:.3g} s"
    return f"({error})"


async def _handshake(address: str, url: URL, context: ssl.SSLContext) -> str:
    """The version of TLS that was agreed on.

    In TLS 1.3 the refusal of a client certificate arrives after the handshake: the check waits a
    moment for it.
    """
    reader, writer = await asyncio.open_connection(
        address, url.port, ssl=context, server_hostname=url.host
    )
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        return str(writer.get_extra_info("ssl_object").version())
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _remaining(certificate: str, expires: datetime | None, now: datetime) -> str:
    if expires is None:
        return f"{certificate} has no expiry date"
    days = (expires - now).total_seconds() / 86_400
    return f"{certificate} is valid for {days:.0f} days"
