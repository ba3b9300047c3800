"""Answers that break the contract: their errors, and what they make unreadable."""

import asyncio
import gzip
import json
import re
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from shelfport import InventoryError, ProductVariantId, StockReading
from shelfport.errors import ConnectionFailed, ContractViolation, ReachedService
from shelfport.options import HttpOptions
from shelfport.ports import DEFAULT_CALL, UnknownVariant, Unreadable
from tests.adapters.http.conftest import Connect
from tests.support.clocks import EPOCH
from tests.support.servers import always, conversing, raw, read_request, serving, wire_level
from tests.support.values import a_level, an_id, ids

A, B = ids(2)
PAIR = [A, B]
GOOD = json.dumps([wire_level(A), wire_level(B)])


def body(content: bytes, content_type: str = "application/json") -> Any:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=content, content_type=content_type)

    return handler


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"not json", "JSON is malformed"),
        (GOOD.encode()[:-20], "Input data was truncated"),
        (b"<html><body>Welcome</body></html>", "JSON is malformed"),
        (b'{"items": []}', "Expected `array`, got `object`"),
        (b"null", "Expected `array`, got `null`"),
        (b"", "the body is empty"),
        (GOOD.encode("utf-16"), "JSON is malformed"),
        (b"[" * 100_000, "nested too deeply"),
        (b'[{"x":' + b"[" * 100_000, "nested too deeply"),
        (b'"\xff\xfe"', "Expected `array`"),
        (b"\x00", "JSON is malformed"),
    ],
    ids=[
        "not JSON",
        "truncated",
        "HTML",
        "object",
        "null",
        "empty",
        "UTF-16",
        "deep",
        "deep inside",
        "not UTF-8",
        "NUL",
    ],
)
async def test_unreadable_documents(connect: Connect, content: bytes, sentence: str) -> None:
    """A 200 that is not an array of levels breaks the contract, for both kinds of reads."""
    async with serving(body(content)) as service:
        port = await connect(service.url)

        with pytest.raises(ContractViolation, match="broke the contract: ") as info:
            await port.read(PAIR, DEFAULT_CALL)
        with pytest.raises(ContractViolation):
            await port.read([A], DEFAULT_CALL)

    assert sentence in str(info.value)
    assert 200 == info.value.status
    assert info.value.__cause__ is not None


FAR_AHEAD = (EPOCH + timedelta(minutes=5, seconds=1)).isoformat()
MALFORMED: dict[str, Callable[[dict[str, object]], object]] = {
    "negative": lambda level: level | {"availableQuantity": -1},
    "string": lambda level: level | {"availableQuantity": "5"},
    "boolean": lambda level: level | {"availableQuantity": True},
    "fraction": lambda level: level | {"availableQuantity": 1.5},
    "astronomical": lambda level: level | {"availableQuantity": 10**30},
    "missing field": lambda level: {k: v for k, v in level.items() if k != "status"},
    "naive": lambda level: level | {"updatedAt": "2026-01-01T00:00:00"},
    "far future": lambda level: level | {"updatedAt": FAR_AHEAD},
    "no date": lambda level: level | {"updatedAt": "yesterday"},
    "unknown status": lambda level: level | {"status": "SOLD"},
    "bad id": lambda level: level | {"productVariantId": "42"},
    "nil id": lambda level: level | {"productVariantId": "00000000-0000-0000-0000-000000000000"},
    "no id": lambda level: {k: v for k, v in level.items() if k != "productVariantId"},
    "null element": lambda level: None,
    "array element": lambda level: [level],
}


@pytest.mark.parametrize("fault", MALFORMED)
async def test_one_malformed_element_costs_its_own_variant(connect: Connect, fault: str) -> None:
    """Of 100 variants the 99 good ones are read; the other one is unreadable, not unknown."""
    page = ids(100)
    spoilt = page[41]
    elements = [wire_level(v) if v != spoilt else MALFORMED[fault](wire_level(v)) for v in page]
    async with serving(always(elements)) as service:
        port = await connect(service.url)

        answers = await port.read(page, DEFAULT_CALL)

    unreadable = answers[spoilt]
    assert isinstance(unreadable, Unreadable)
    assert isinstance(unreadable.error, ContractViolation)
    assert (spoilt,) == unreadable.error.ids
    assert [v for v in page if v != spoilt] == [
        v for v, answer in answers.items() if isinstance(answer, StockReading)
    ]
    assert page == list(answers)


@pytest.mark.parametrize("fault", MALFORMED)
async def test_a_malformed_single_level(connect: Connect, fault: str) -> None:
    """A read of one variant with a malformed level fails."""
    async with serving(always(MALFORMED[fault](wire_level(A)))) as service:
        port = await connect(service.url)

        with pytest.raises(ContractViolation):
            await port.read([A], DEFAULT_CALL)


async def test_a_little_ahead_is_clock_skew(connect: Connect) -> None:
    """An `updatedAt` up to five minutes ahead is accepted, as clocks differ."""
    ahead = (EPOCH + timedelta(minutes=5)).isoformat()
    async with serving(always([wire_level(A) | {"updatedAt": ahead}, wire_level(B)])) as service:
        port = await connect(service.url)

        answers = await port.read(PAIR, DEFAULT_CALL)

    assert [StockReading, StockReading] == [type(answer) for answer in answers.values()]


async def test_only_malformed_elements(connect: Connect) -> None:
    """If no element can be read, the read fails."""
    async with serving(always([None, None])) as service:
        port = await connect(service.url)

        with pytest.raises(ContractViolation):
            await port.read(PAIR, DEFAULT_CALL)


@pytest.mark.parametrize(
    ("elements", "quantities"),
    [
        ([wire_level(A) | {"colour": "red"}, wire_level(B)], {A: 100, B: 100}),
        ([wire_level(B), wire_level(an_id(9)), wire_level(A)], {A: 100, B: 100}),
        ([wire_level(A)], {A: 100, B: None}),
        ([], {A: None, B: None}),
        (
            [
                wire_level(A, 1),
                wire_level(A, 2) | {"updatedAt": (EPOCH + timedelta(seconds=9)).isoformat()},
                wire_level(A, 3),
            ],
            {A: 2, B: None},
        ),
    ],
    ids=["extra fields", "others and order", "missing", "none", "duplicates"],
)
async def test_tolerated(
    connect: Connect,
    elements: list[dict[str, object]],
    quantities: dict[ProductVariantId, int | None],
) -> None:
    """Foreign elements are ignored, absent ids are unknown; of duplicates the newest counts."""
    async with serving(always(elements)) as service:
        port = await connect(service.url)

        answers = await port.read(PAIR, DEFAULT_CALL)

    assert quantities == {
        variant: answer.level.available_quantity if isinstance(answer, StockReading) else None
        for variant, answer in answers.items()
    }
    assert {v for v, q in quantities.items() if q is None} == {
        v for v, answer in answers.items() if isinstance(answer, UnknownVariant)
    }


async def test_about_another_variant(connect: Connect) -> None:
    """A level of another variant breaks the contract."""
    async with serving(always(wire_level(B))) as service:
        port = await connect(service.url)

        with pytest.raises(ContractViolation, match=f"it is about variant {B}, not {A}"):
            await port.read([A], DEFAULT_CALL)


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
        with pytest.raises(ContractViolation, match="body is longer than 65536 bytes"):
            await port.read(PAIR, DEFAULT_CALL)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 5_000_000


async def test_a_gzip_bomb_is_cut(connect: Connect) -> None:
    """A body that decompresses to 100 MB is refused at the limit, with bounded memory."""
    bomb = packed_bomb()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with serving(handler) as service:
        port = await connect(service.url, HttpOptions(max_response_bytes=CAP, attempt_timeout=30))
        tracemalloc.start()
        with pytest.raises(ContractViolation, match="body is longer than 65536 bytes"):
            await port.read(PAIR, DEFAULT_CALL)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 5_000_000


async def test_gzip_is_understood(connect: Connect) -> None:
    """A gzip answer of ordinary size is read."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=gzip.compress(GOOD.encode()), headers={"Content-Encoding": "gzip"})

    async with serving(handler) as service:
        port = await connect(service.url)

        answers = await port.read(PAIR, DEFAULT_CALL)

    assert StockReading(a_level(A), EPOCH, "http") == answers[A]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NOT_HTTP: dict[str, tuple[bytes, type[InventoryError]]] = {
    "two lengths": (
        HEAD + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n[]abc",
        ContractViolation,
    ),
    "length too long": (HEAD + b"Content-Length: 500\r\n\r\n[]", ConnectionFailed),
    "bad length": (HEAD + b"Content-Length: many\r\n\r\n[]", ContractViolation),
    "huge header": (HEAD + b"X-Big: " + b"x" * 100_000 + b"\r\n\r\n[]", ContractViolation),
    "many headers": (HEAD + b"X-A: b\r\n" * 100_000 + b"\r\n[]", ContractViolation),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2p1\r\n", ContractViolation),
    "bad chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n", ContractViolation),
    "bad gzip": (
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde",
        ContractViolation,
    ),
    "nothing": (b"", ConnectionFailed),
    "half a head": (b"HTTP/1.1 200", ConnectionFailed),
}


@pytest.mark.parametrize("fault", NOT_HTTP)
async def test_broken_http(connect: Connect, fault: str) -> None:
    """An answer that is not HTTP breaks the contract; one that breaks off is a lost connection."""
    payload, kind = NOT_HTTP[fault]
    async with conversing(raw(payload)) as url:
        port = await connect(url)

        with pytest.raises(InventoryError) as info:
            await port.read(PAIR, DEFAULT_CALL)

    assert kind is type(info.value), str(info.value)
    assert url in str(info.value)
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

    assert ReachedService.UNKNOWN is info.value.reached_service
