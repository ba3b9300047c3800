"""The checks of the way to the service: its name's addresses, and a TCP connection to one."""

import asyncio
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from yarl import URL

from shelfport.adapters.cli.check.model import Case, Finding, failed, not_tried, ok


async def dns(case: Case) -> Finding:
    """The host of the base URL has addresses."""
    target = _target(case)
    if target is None:
        return not_tried(f"the adapter {case.settings.adapter_name} connects to no base_url")
    host, port = target
    try:
        async with asyncio.timeout(case.seconds):
            case.addresses = await _addresses(host, port)
    except TimeoutError:
        return failed(
            f"no answer about the name {host} within {case.seconds:.3g} s",
            "check this machine's name servers, or give more time with --deadline",
        )
    except (OSError, UnicodeError) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else error
        return failed(
            f"the name {host} does not resolve: {told}",
            "correct the host in base_url, or check this machine's name servers",
        )
    if host in case.addresses:
        return ok(f"{host} is an address")
    return ok(f"{host} is {', '.join(case.addresses)}")


async def tcp(case: Case) -> Finding:
    """One of the addresses accepts a connection."""
    target = _target(case)
    if target is None:
        return not_tried(f"the adapter {case.settings.adapter_name} connects to no base_url")
    _, port = target
    refusals: list[str] = []
    try:
        async with asyncio.timeout(case.seconds):
            for address in case.addresses:
                began = time.perf_counter()
                try:
                    await _connect(address, port, case.settings.http.connect_timeout)
                except OSError as error:
                    refusals.append(f"{address} {_told(error, case)}")
                else:
                    took = (time.perf_counter() - began) * 1000
                    return ok(f"connected to {address}, port {port}, in {took:.1f} ms")
    except TimeoutError:
        refusals.append(f"and then {case.seconds:.3g} s were over")
    return failed(
        f"no connection to port {port}: {', '.join(refusals)}",
        "start the service, correct the port in base_url, or look for a firewall between",
    )


def _target(case: Case) -> tuple[str, int] | None:
    """Where the adapter connects to; None if it is not ours to say."""
    settings = case.settings
    if settings.base_url is None or settings.adapter_name != "http":
        return None
    url = URL(settings.base_url)
    return url.host or "", url.port or 0


async def _addresses(host: str, port: int) -> Sequence[str]:
    """The distinct addresses of `host`.

    In a daemon thread: an event loop waits for those of its own executor before it closes, so a
    resolver that hangs would hold up the end of the command, whatever the deadline.
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
        # The loop is closed if nobody waits any more.
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


def _told(error: OSError, case: Case) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refuses"
    if isinstance(error, TimeoutError):
        return f"does not answer within {case.settings.http.connect_timeout:.3g} s"
    return f"({error})"
