"""Answers that break the contract: their errors, and what they make unreadable."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from shelfport import ProductVariantId, StockReading
from shelfport.errors import ContractViolation, PathFailed
from shelfport.ports import DEFAULT_CALL, UnknownVariant, Unreadable
from tests.adapters.http.conftest import GARBLED, OF_ALL, OF_ONE, Connect, Facts, facts_of
from tests.support.clocks import EPOCH
from tests.support.servers import always, serving, wire_level
from tests.support.values import an_id, ids

A, B = ids(2)
PAIR = [A, B]
GOOD = json.dumps([wire_level(A), wire_level(B)])


def body(content: bytes, content_type: str = "application/json") -> Any:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=content, content_type=content_type)

    return handler


@pytest.mark.parametrize("asked", [PAIR, [A]], ids=["several", "one"])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"not json", "JSON is malformed"),
        (GOOD.encode()[:-20], "Input data was truncated"),
        (b"<html><body>Welcome</body></html>", "JSON is malformed"),
        (b"", "the body is empty"),
        (GOOD.encode("utf-16"), "JSON is malformed"),
        (b'"\xff\xfe"', "Invalid UTF-8"),
        (b"\x00", "JSON is malformed"),
        (b'[{"availableQuantity": NaN}]', "JSON is malformed"),
        (GOOD.encode() + b"<!-- cached -->", "JSON is malformed"),
    ],
    ids=["not JSON", "cut short", "HTML", "empty", "UTF-16", "not UTF-8", "NUL", "NaN", "more"],
)
async def test_what_is_no_json_comes_from_the_way(
    connect: Connect, asked: list[ProductVariantId], content: bytes, sentence: str
) -> None:
    """A 200 without JSON is a fault of the way, for both kinds of reads."""
    async with serving(body(content)) as service:
        port = await connect(service.url)

        with pytest.raises(PathFailed, match="is not the service's, or was damaged") as info:
            await port.read(asked, DEFAULT_CALL)

    assert GARBLED == facts_of(info.value)
    assert f"the answer of {service.url} " in str(info.value)
    assert sentence in str(info.value)
    assert 200 == info.value.status
    assert info.value.__cause__ is not None


@pytest.mark.parametrize(
    ("content", "asked", "facts", "sentence"),
    [
        (b'{"items": []}', PAIR, OF_ALL, "Expected `array`, got `object`"),
        (b'{"items": []}', [A], OF_ONE, "missing required field `productVariantId`"),
        (b"null", PAIR, OF_ALL, "Expected `array`, got `null`"),
        (b"null", [A], OF_ALL, "Expected `object`, got `null`"),
        (b"[]", [A], OF_ALL, "Expected `object`, got `array`"),
        (b"[" * 100_000, PAIR, OF_ALL, "nested too deeply"),
        (b"[" * 100_000, [A], OF_ALL, "nested too deeply"),
        (b'[{"x":' + b"[" * 100_000, PAIR, OF_ALL, "nested too deeply"),
        (b'{"x":' + b"[" * 100_000, [A], OF_ALL, "nested too deeply"),
        (b'{"availableQuantity": 1e999}', [A], OF_ONE, "broke the contract"),
        (b'{"productVariantId": "\\ud83d"}', [A], OF_ONE, "broke the contract"),
    ],
    ids=[
        "an object, several",
        "an object, one",
        "null, several",
        "null, one",
        "an array, one",
        "deep, several",
        "deep, one",
        "deep inside, several",
        "deep inside, one",
        "beyond a double, one",
        "half a surrogate pair, one",
    ],
)
async def test_json_of_another_shape(
    connect: Connect, content: bytes, asked: list[ProductVariantId], facts: Facts, sentence: str
) -> None:
    """JSON of another shape is the service's fault; an object about one id is that variant's."""
    async with serving(body(content)) as service:
        port = await connect(service.url)

        with pytest.raises(ContractViolation, match="broke the contract: ") as info:
            await port.read(asked, DEFAULT_CALL)

    assert facts == facts_of(info.value)
    assert sentence in str(info.value)
    assert 200 == info.value.status
    assert info.value.__cause__ is not None


FAR_AHEAD = (EPOCH + timedelta(minutes=5, seconds=1)).isoformat()
NO_OBJECTS: dict[str, Callable[[dict[str, object]], object]] = {
    "null element": lambda level: None,
    "array element": lambda level: [level],
}
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
    **NO_OBJECTS,
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
    assert OF_ONE == facts_of(unreadable.error)
    assert ((spoilt,), 200) == (unreadable.error.ids, unreadable.error.status)
    assert [v for v in page if v != spoilt] == [
        v for v, answer in answers.items() if isinstance(answer, StockReading)
    ]
    assert page == list(answers)


async def test_an_element_that_is_not_utf8_costs_its_own_variant(connect: Connect) -> None:
    """Bytes that are not UTF-8 inside one element do not affect the other variants."""
    content = GOOD.encode().replace(b"IN_STOCK", b"\xff", 1)
    async with serving(body(content)) as service:
        port = await connect(service.url)

        answers = await port.read(PAIR, DEFAULT_CALL)

    unreadable = answers[A]
    assert isinstance(unreadable, Unreadable)
    assert OF_ONE == facts_of(unreadable.error)
    assert isinstance(answers[B], StockReading)


@pytest.mark.parametrize("fault", MALFORMED)
async def test_a_malformed_single_level(connect: Connect, fault: str) -> None:
    """A malformed level is its variant's fault; what is no object is the service's."""
    async with serving(always(MALFORMED[fault](wire_level(A)))) as service:
        port = await connect(service.url)

        with pytest.raises(ContractViolation) as info:
            await port.read([A], DEFAULT_CALL)

    assert (OF_ALL if fault in NO_OBJECTS else OF_ONE) == facts_of(info.value)


async def test_a_little_ahead_is_clock_skew(connect: Connect) -> None:
    """An `updatedAt` up to five minutes ahead is accepted, as clocks differ."""
    ahead = (EPOCH + timedelta(minutes=5)).isoformat()
    async with serving(always([wire_level(A) | {"updatedAt": ahead}, wire_level(B)])) as service:
        port = await connect(service.url)

        answers = await port.read(PAIR, DEFAULT_CALL)

    assert [StockReading, StockReading] == [type(answer) for answer in answers.values()]


@pytest.mark.parametrize(
    ("faults", "facts"),
    [
        (["negative", "negative"], OF_ONE),
        (["negative", "null element"], OF_ONE),
        (["bad id", "bad id"], OF_ALL),
        (["no id", "no id"], OF_ALL),
        (["null element", "array element"], OF_ALL),
    ],
    ids=str,
)
async def test_only_malformed_elements(connect: Connect, faults: list[str], facts: Facts) -> None:
    """Without a readable id in any element, the whole answer is the service's fault."""
    elements = [MALFORMED[fault](wire_level(v)) for v, fault in zip(PAIR, faults, strict=True)]
    async with serving(always(elements)) as service:
        port = await connect(service.url)

        with pytest.raises(ContractViolation) as info:
            await port.read(PAIR, DEFAULT_CALL)

    assert facts == facts_of(info.value)
    assert (200, (tuple(PAIR) if facts is OF_ALL else (A,))) == (info.value.status, info.value.ids)


async def test_an_element_without_an_id_may_be_any_missing_variant(connect: Connect) -> None:
    """Beside a readable element, one without an id makes each missing variant unreadable."""
    third = an_id(3)
    async with serving(always([None, wire_level(A)])) as service:
        port = await connect(service.url)

        answers = await port.read([*PAIR, third], DEFAULT_CALL)

    assert isinstance(answers[A], StockReading)
    for missing in (B, third):
        unreadable = answers[missing]
        assert isinstance(unreadable, Unreadable)
        assert (OF_ONE, (missing,)) == (facts_of(unreadable.error), unreadable.error.ids)


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

        with pytest.raises(ContractViolation, match=f"it is about variant {B}, not {A}") as info:
            await port.read([A], DEFAULT_CALL)

    assert OF_ONE == facts_of(info.value)
