"""Hostile answers: encodings, sizes, headers, proxies."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from aiohttp import web

from shelfport import InventoryError, StockReading, SystemClock
from shelfport.errors import (
    FaultScope,
    PathFailed,
    ReachedService,
    RequestBlocked,
    ServiceOverloaded,
)
from shelfport.http import HttpInventory
from shelfport.options import HttpOptions
from shelfport.ports import DEFAULT_CALL, Call
from tests.adapters.http.conftest import GARBLED, OF_ALL, Connect, Facts, facts_of
from tests.support.servers import conversing, raw, serving, stocked
from tests.support.values import an_id, ids

VARIANT = an_id(1)
CAP = 65_536
SPACES = b" " * 20_000_000
NOT_ASKED_FOR = "its body has a Content-Encoding that was not asked for"


def brotli(content: bytes) -> bytes:
    import brotli as library  # type: ignore[import-untyped]  # it has no types

    return bytes(library.compress(content, quality=5))


def double_gzip(content: bytes) -> bytes:
    return gzip.compress(content) * 2


@pytest.mark.parametrize(
    ("encoding", "pack", "facts", "sentence"),
    [
        ("gzip", gzip.compress, OF_ALL, "its body is longer than 65536 bytes"),
        ("br", brotli, GARBLED, NOT_ASKED_FOR),
        ("zstd", zlib.compress, GARBLED, NOT_ASKED_FOR),
        ("deflate", zlib.compress, GARBLED, NOT_ASKED_FOR),
        ("gzip, gzip", gzip.compress, GARBLED, NOT_ASKED_FOR),
    ],
)
async def test_bombs(
    connect: Connect, encoding: str, pack: Callable[[bytes], bytes], facts: Facts, sentence: str
) -> None:
    """A decompression bomb is refused, with bounded memory, in every encoding."""
    bomb = pack(SPACES)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": encoding})

    async with serving(handler) as service:
        port = await connect(service.url, HttpOptions(max_response_bytes=CAP, attempt_timeout=30))
        tracemalloc.start()
        with pytest.raises(InventoryError, match=sentence) as info:
            await port.read([VARIANT], DEFAULT_CALL)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert facts == facts_of(info.value)
    assert peak < 3_000_000
    assert "gzip" == service.requests[0].headers["Accept-Encoding"]


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"[]")[:-4], b"not gzip", gzip.compress(b"[]") + b"more", b""],
    ids=["cut", "not packed", "more after it", "empty"],
)
async def test_badly_packed(connect: Connect, content: bytes) -> None:
    """A gzip body that ends early, has trailing data, or is not gzip, is damaged on the way."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=content, headers={"Content-Encoding": "gzip"})

    async with serving(handler) as service:
        port = await connect(service.url)
        with pytest.raises(PathFailed, match="its body cannot be decompressed") as info:
            await port.read([VARIANT], DEFAULT_CALL)

    assert GARBLED == facts_of(info.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, PathFailed), (403, RequestBlocked), (503, ServiceOverloaded)],
)
@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(SPACES)], ids=["no gzip", "bomb"])
async def test_an_error_with_an_unreadable_body(
    connect: Connect, status: int, kind: type[InventoryError], body: bytes
) -> None:
    """The status of an error answer counts, whatever its body is."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip", "Retry-After": "7"}
        return web.Response(status=status, body=body, headers=headers)

    async with serving(handler) as service:
        port = await connect(service.url, HttpOptions(max_response_bytes=CAP))
        with pytest.raises(kind, match=f"answered {status}") as info:
            await port.read([VARIANT], DEFAULT_CALL)

    assert (status, 7.0) == (info.value.status, info.value.retry_after)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


@pytest.mark.parametrize(
    "headers",
    [b"X-A: b\r\n" * 65, b"X-A: " + b"b" * 8_200 + b"\r\n"],
    ids=["many", "long"],
)
async def test_headers_are_bounded(connect: Connect, headers: bytes) -> None:
    """An answer with more than 64 headers, or with one of more than 8,190 bytes, is refused."""
    async with conversing(raw(HEAD + headers + b"\r\n[]")) as url:
        port = await connect(url)
        with pytest.raises(
            PathFailed, match=r"the head of the answer of .* cannot be read"
        ) as info:
            await port.read(ids(2), DEFAULT_CALL)

    assert (FaultScope.PATH, ReachedService.UNKNOWN) == facts_of(info.value)[1:]


async def test_headers_within_bounds(connect: Connect) -> None:
    """Fifty headers, and one of 8,000 bytes, are accepted."""
    headers = b"X-A: b\r\n" * 50 + b"X-B: " + b"b" * 8_000 + b"\r\n"
    async with conversing(raw(HEAD + headers + b"\r\n[]")) as url:
        port = await connect(url)

        assert 2 == len(await port.read(ids(2), DEFAULT_CALL))


async def test_a_proxy_by_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting, requests go through the environment's proxy, except for NO_PROXY."""
    async with serving(stocked(ids(1))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        options = HttpOptions(trust_env=True)
        target = "http://inventory.invalid"
        async with HttpInventory(target, clock=SystemClock(), options=options) as port:
            answers = await port.read([VARIANT], DEFAULT_CALL)
        assert isinstance(answers[VARIANT], StockReading)
        assert ["inventory.invalid"] == [request.host for request in proxy.requests]

        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with (
            serving(stocked(ids(1))) as service,
            HttpInventory(service.url, clock=SystemClock(), options=options) as port,
        ):
            await port.read([VARIANT], DEFAULT_CALL)
        assert (1, 1) == (len(proxy.requests), len(service.requests))


async def test_a_netrc_is_not_read(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Passwords in ~/.netrc are not sent, with and without a proxy."""
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("default login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with serving(stocked(ids(1))) as service:
        port = await connect(service.url, HttpOptions(trust_env=True))
        await port.read([VARIANT], DEFAULT_CALL)

    assert "Authorization" not in service.requests[0].headers


async def test_ids_cannot_smuggle_headers(connect: Connect) -> None:
    """A correlation id with a line break reaches the service as one header, cleaned."""
    async with serving(stocked(ids(1))) as service:
        port = await connect(service.url)
        await port.read([VARIANT], Call(correlation_id="a\r\nX-Admin: yes", traceparent="00-\r\n"))

    headers = service.requests[0].headers
    assert ("aX-Admin:yes", False) == (headers["X-Correlation-ID"], "X-Admin" in headers)
    assert "traceparent" not in headers
