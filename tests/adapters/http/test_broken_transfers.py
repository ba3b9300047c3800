"""Answers that are too long, are no HTTP, or end too early."""

import asyncio
import gzip
import json
import re
import tracemalloc

import pytest
from aiohttp import web

from shelfport import InventoryError, StockReading
from shelfport.errors import (
    ConnectionFailed,
    ContractViolation,
    FaultScope,
    PathFailed,
    ReachedService,
    TimedOut,
)
from shelfport.options import HttpOptions
from shelfport.ports import DEFAULT_CALL
from tests.adapters.http.conftest import GARBLED, OF_ALL, Connect, Facts, facts_of
from tests.support.clocks import EPOCH
from tests.support.servers import conversing, raw, read_request, serving, wire_level
from tests.support.values import a_level, ids

A, B = ids(2)
PAIR = [A, B]
GOOD = json.dumps([wire_level(A), wire_level(B)])
CAP = 65_536


def packed_bomb() -> bytes:
    """100 MB of spaces, in about 100 kB."""
    return gzip.compress(b" " * 100_000_000)


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_huge_body_is_cut(connect: Connect, chunked: bool) -> None:
    """A body of 100 MB is refused at the limit, with bounded memory."""

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        if not chunked:
            response.content_length = 100_000_000
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b" " * 100_000)
        return response

    async with serving(endless) as service:
        port = await connect(service.url, HttpOptions(max_response_bytes=CAP, attempt_timeout=30))
        tracemalloc.start()
        with pytest.raises(ContractViolation, match="body is longer than 65536 bytes") as info:
            await port.read(PAIR, DEFAULT_CALL)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 5_000_000
    assert OF_ALL == facts_of(info.value)


async def test_a_gzip_bomb_is_cut(connect: Connect) -> None:
    """A body that decompresses to 100 MB is refused at the limit, with bounded memory."""
    bomb = packed_bomb()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with serving(handler) as service:
        port = await connect(service.url, HttpOptions(max_response_bytes=CAP, attempt_timeout=30))
        tracemalloc.start()
        with pytest.raises(ContractViolation, match="body is longer than 65536 bytes") as info:
            await port.read(PAIR, DEFAULT_CALL)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 5_000_000
    assert OF_ALL == facts_of(info.value)


async def test_gzip_is_understood(connect: Connect) -> None:
    """A gzip answer of ordinary size is read."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=gzip.compress(GOOD.encode()), headers={"Content-Encoding": "gzip"})

    async with serving(handler) as service:
        port = await connect(service.url)

        answers = await port.read(PAIR, DEFAULT_CALL)

    assert StockReading(a_level(A), EPOCH, "http") == answers[A]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NO_HTTP: Facts = (PathFailed, FaultScope.PATH, ReachedService.UNKNOWN)
BROKE: Facts = (ConnectionFailed, FaultScope.SERVICE, ReachedService.UNKNOWN)
BROKE_OFF: Facts = (ConnectionFailed, FaultScope.PATH, ReachedService.YES)
NOT_HTTP: dict[str, tuple[bytes, Facts, str]] = {
    "two lengths": (
        HEAD + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n[]abc",
        NO_HTTP,
        "the head of the answer of",
    ),
    "bad length": (
        HEAD + b"Content-Length: many\r\n\r\n[]",
        NO_HTTP,
        "the head of the answer of",
    ),
    "long status": (b"HTTP/1.1 200 " + b"O" * 9_000 + b"\r\n\r\n", NO_HTTP, "the head of the"),
    "no status": (b"HTTP/1.1 fine OK\r\n\r\n", NO_HTTP, "the head of the answer of"),
    "HTTP/9.9": (b"HTTP/9.9 200 OK\r\n\r\n", NO_HTTP, "cannot be read: Bad status line: Invalid"),
    "huge header": (HEAD + b"X-Big: " + b"x" * 100_000 + b"\r\n\r\n[]", NO_HTTP, "more than 8190"),
    "many headers": (HEAD + b"X-A: b\r\n" * 100_000 + b"\r\n[]", NO_HTTP, "Too many headers"),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2p1\r\n", NO_HTTP, "does not speak HTTP"),
    "bad chunk": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n",
        NO_HTTP,
        "the body of the answer of",
    ),
    "more than its length": (
        HEAD + b"Content-Length: 2\r\n\r\n[]more\r\n",
        NO_HTTP,
        "or sends more than an answer",
    ),
    "bad gzip": (
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde",
        GARBLED,
        "cannot be decompressed",
    ),
    "cut in its body": (
        HEAD + b"Content-Length: 500\r\n\r\n[]",
        BROKE_OFF,
        "broke off in its body",
    ),
    "cut in a chunk": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n[{}",
        BROKE_OFF,
        "broke off in its body",
    ),
    "cut without a length": (HEAD + b"\r\n" + GOOD.encode()[:-20], GARBLED, "is cut short"),
    "nothing": (b"", BROKE, "broke before an answer"),
    "half a line": (b"HTTP/1.1 200", BROKE, "broke in the head of an answer"),
    "half a head": (HEAD, BROKE, "broke in the head of an answer"),
}


@pytest.mark.parametrize("fault", NOT_HTTP)
async def test_broken_http(connect: Connect, fault: str) -> None:
    """What is no HTTP, or is cut off in its body, is a fault of the way; no answer is none."""
    payload, facts, sentence = NOT_HTTP[fault]
    async with conversing(raw(payload)) as url:
        port = await connect(url)

        with pytest.raises(InventoryError) as info:
            await port.read(PAIR, DEFAULT_CALL)

    assert facts == facts_of(info.value), str(info.value)
    assert url in str(info.value)
    assert sentence in str(info.value)
    assert re.fullmatch(r"[^\n]{20,400}", str(info.value))


async def test_reset_at_once(connect: Connect) -> None:
    """A connection that is reset before an answer is a failure; the request may have arrived."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.transport.abort()

    async with conversing(reset) as url:
        port = await connect(url)

        with pytest.raises(ConnectionFailed, match="broke before an answer") as info:
            await port.read(PAIR, DEFAULT_CALL)

    assert BROKE == facts_of(info.value)


async def test_a_body_without_an_end(connect: Connect) -> None:
    """An answer that began and did not end in time is named so; it may be the service's."""

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + b"Content-Length: 500\r\n\r\n[")
        await asyncio.Event().wait()

    async with conversing(begin) as url:
        port = await connect(url, HttpOptions(attempt_timeout=0.05))
        with pytest.raises(TimedOut, match=r"did not end its answer within 0\.05 s") as info:
            await port.read(PAIR, DEFAULT_CALL)

    assert (TimedOut, FaultScope.SERVICE, ReachedService.UNKNOWN) == facts_of(info.value)
