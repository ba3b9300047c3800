"""The check of TLS: a handshake as a request would make it, and how long the certificates last."""

import asyncio
import ssl
from contextlib import suppress
from datetime import datetime

from yarl import URL

from shelfport.adapters.cli.check.model import Case, Finding, failed, not_tried, ok
from shelfport.adapters.http import BadFile
from shelfport.adapters.http.transport.tls.context import Tls
from shelfport.adapters.http.transport.tls.handshake_errors import tls_failure
from shelfport.adapters.runtime.clock import SystemClock

_SOON = 14.0
"""Days that should be left: issuers renew before."""


async def tls(case: Case) -> Finding:
    """The two trust each other, and neither certificate is about to expire."""
    settings = case.settings
    if settings.adapter_name != "http" or settings.base_url is None:
        return not_tried(f"the adapter {settings.adapter_name} connects to no base_url")
    url = URL(settings.base_url)
    if url.scheme != "https":
        return not_tried("base_url begins with http://: nothing is encrypted")
    secured = Tls(settings.tls, url.host)
    try:
        await asyncio.to_thread(secured.watched.load)
    except BadFile as error:
        return failed(str(error), "correct the setting, or the file")
    try:
        async with asyncio.timeout(case.seconds):
            version = await _handshake(case.addresses[0], url, secured.context)
    except TimeoutError:
        return failed(
            f"no handshake within {case.seconds:.3g} s",
            "find out what answers there, or give more time with --deadline",
        )
    except OSError as error:
        failure = tls_failure(error)
        told = f"the connection broke in the handshake: {error}" if failure is None else None
        return failed(
            told or f"no secure connection: {failure.sentence if failure else ''}",
            "mend the certificate that the sentence names, or the setting; check whether base_url "
            "must begin with https:// or http://",
        )
    snapshot = secured.snapshot()
    now = SystemClock().now()
    told = ", ".join(
        [
            version,
            _lasting("the service's certificate", snapshot.service_expires, now),
            _lasting("ours", snapshot.own_expires, now)
            if snapshot.own_expires
            else "none of ours is shown",
        ]
    )
    left = snapshot.days_left(now)
    if left is not None and left < _SOON:
        return failed(told, "renew the certificate that is about to expire")
    return ok(told)


async def _handshake(address: str, url: URL, context: ssl.SSLContext) -> str:
    """The version of TLS that was agreed on.

    A refusal of our certificate comes after the handshake in TLS 1.3: so there is a pause to hear
    of it, at whose end silence is consent.
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


def _lasting(whose: str, expires: datetime | None, now: datetime) -> str:
    if expires is None:
        return f"{whose} does not say how long it lasts"
    days = (expires - now).total_seconds() / 86_400
    return f"{whose} lasts {days:.0f} days"
