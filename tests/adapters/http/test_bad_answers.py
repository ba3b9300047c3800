"""Answers that break the contract: their errors, and what they make unreadable."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from shelfport import ProductVariantId, StockReading
from shelfport.errors import ContractViolation, PathFailed
from shelfport.ports import DEFAULT_CALL, UnknownVariant, Unreadable
from tests.adapters.http.conftest import GARBLED, OF_ALL, OF_ONE, Connect, Facts, facts_of
from tests.adapters.http.elements import array, element, sending
from tests.support.servers import always, serving, wire_level
from tests.support.values import an_id, ids

A, B = ids(2)
PAIR = [A, B]
Spoil = Callable[[ProductVariantId], str]
"""Makes a malformed element of a variant."""
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
        (b"<html><body>Welcome</body></html>", "JSON is malformed"),
        (b"", "the body is empty"),
        (GOOD.encode("utf-16"), "JSON is malformed"),
        (b'"\xff\xfe"', "Invalid UTF-8"),
        (b"\x00", "JSON is malformed"),
        (b"NaN", "JSON is malformed"),
        (b'{"items": []', "cut short"),
    ],
    ids=["not JSON", "HTML", "empty", "UTF-16", "not UTF-8", "NUL", "NaN", "half an object"],
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


BROKEN = {
    "cut in an element": (GOOD[:-20], "is cut short"),
    "cut after an element": (GOOD[:-1], "is cut short"),
    "cut after a comma": (GOOD[: GOOD.index("}") + 2], "is cut short"),
    "cut in a string": (GOOD[: GOOD.index("IN_STOCK") + 2], "is cut short"),
    "more after it": (GOOD + "<!-- cached -->", "more than one document at byte"),
    "two documents": (GOOD + GOOD, "more than one document at byte"),
    "no comma": (GOOD.replace("}, {", "} {"), "no comma at byte"),
    "no comma after a nested element": (f"[[[]] {GOOD[1:]}", "no comma at byte"),
    "a comma too many": (GOOD.replace("}, {", "},, {"), "no value, or no comma"),
    "a comma at the end": (GOOD[:-1] + ",]", "no value, or no comma"),
    "a bracket of another kind": (GOOD.replace("}, {", "], {"), "the wrong bracket at byte"),
    "no colon": (GOOD.replace('"status":', '"status"', 1), "no member of an object"),
    "a name without quotes": (GOOD.replace('"status":', "status:", 1), "no member of an object"),
    "no value": (GOOD.replace('"IN_STOCK"', "", 1), "no value, or no comma"),
}
"""Bodies that begin as an array does."""


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_array_comes_from_the_way(connect: Connect, fault: str) -> None:
    """Nothing is read of an array whose brackets, quotes or commas are not right."""
    content, sentence = BROKEN[fault]
    async with serving(body(content.encode())) as service:
        port = await connect(service.url)

        with pytest.raises(PathFailed, match="its body is no JSON, or is cut short") as info:
            await port.read(PAIR, DEFAULT_CALL)

    assert GARBLED == facts_of(info.value)
    assert sentence in str(info.value)


@pytest.mark.parametrize("cut", [-1, -20, 40])
async def test_a_broken_object_comes_from_the_way(connect: Connect, cut: int) -> None:
    """Nothing is read of an object that is cut short."""
    async with serving(body(element(A).encode()[:cut])) as service:
        port = await connect(service.url)

        with pytest.raises(PathFailed, match="is cut short") as info:
            await port.read([A], DEFAULT_CALL)

    assert GARBLED == facts_of(info.value)


@pytest.mark.parametrize(
    ("content", "asked", "facts", "sentence"),
    [
        (b'{"items": []}', PAIR, OF_ALL, "it is an object, not an array"),
        (b'{"items": []}', [A], OF_ONE, "productVariantId is missing"),
        (b"null", PAIR, OF_ALL, "it is null, not an array"),
        (b"null", [A], OF_ALL, "it is null, not an object"),
        (b"[]", [A], OF_ALL, "it is an array, not an object"),
        (b"[" * 100_000, PAIR, OF_ALL, "nested too deeply"),
        (b"[" * 100_000, [A], OF_ALL, "nested too deeply"),
        (b'[{"x":' + b"[" * 100_000, PAIR, OF_ALL, "nested too deeply"),
        (b'{"x":' + b"[" * 100_000, [A], OF_ALL, "nested too deeply"),
        (b'{"availableQuantity": 1e999}', [A], OF_ONE, "productVariantId is missing"),
        (b'{"productVariantId": "\\ud83d"}', [A], OF_ONE, 'productVariantId is "\\ud83d"'),
        (b'[{"availableQuantity": NaN}]', PAIR, OF_ALL, "productVariantId is missing"),
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
        "NaN and no id, several",
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


def quantity(value: str | None) -> Spoil:
    return lambda variant: element(variant, availableQuantity=value)


def id_of(text: str | None) -> Spoil:
    return lambda variant: element(variant, productVariantId=text)


NO_OBJECTS: dict[str, Spoil] = {
    "null element": lambda _: "null",
    "array element": lambda variant: f"[{element(variant)}]",
    "string element": lambda variant: f'"{variant}"',
}
MALFORMED: dict[str, Spoil] = {
    "string": quantity('"5"'),
    "boolean": quantity("true"),
    "null": quantity("null"),
    "list": quantity("[5]"),
    "fraction": quantity("2.5"),
    "small fraction": quantity("1e-999"),
    "endless exponent": quantity("1e99999999999999999999"),
    "endless zeros": quantity(f"5.{'0' * 99}"),
    "not a number": quantity("NaN"),
    "infinity": quantity("Infinity"),
    "leading zero": quantity("05"),
    "plus": quantity("+5"),
    "no quantity": quantity(None),
    "bad id": id_of('"42"'),
    "nil id": id_of('"00000000-0000-0000-0000-000000000000"'),
    "id with half an emoji": id_of('"\\ud83d"'),
    "id without quotes": id_of("42"),
    "no id": id_of(None),
    **NO_OBJECTS,
}
"""Elements of which nothing is read, even if all else in them is good."""


@pytest.mark.parametrize("fault", MALFORMED)
async def test_one_malformed_element_costs_its_own_variant(connect: Connect, fault: str) -> None:
    """Of 100 variants the 99 good ones are read; the other one is unreadable, not unknown."""
    page = ids(100)
    spoilt = page[41]
    elements = [element(v) if v != spoilt else MALFORMED[fault](v) for v in page]
    async with serving(sending(array(elements))) as service:
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


@pytest.mark.parametrize("fault", MALFORMED)
async def test_a_malformed_single_level(connect: Connect, fault: str) -> None:
    """A malformed level is its variant's fault; what is no object is the service's."""
    async with serving(sending(MALFORMED[fault](A).encode())) as service:
        port = await connect(service.url)

        with pytest.raises(ContractViolation) as info:
            await port.read([A], DEFAULT_CALL)

    assert (OF_ALL if fault in NO_OBJECTS else OF_ONE) == facts_of(info.value)


@pytest.mark.parametrize(
    ("faults", "facts"),
    [
        (["fraction", "fraction"], OF_ONE),
        (["fraction", "null element"], OF_ONE),
        (["bad id", "bad id"], OF_ALL),
        (["no id", "no id"], OF_ALL),
        (["null element", "array element"], OF_ALL),
    ],
    ids=str,
)
async def test_only_malformed_elements(connect: Connect, faults: list[str], facts: Facts) -> None:
    """Without a readable id in any element, the whole answer is the service's fault."""
    elements = [MALFORMED[fault](v) for v, fault in zip(PAIR, faults, strict=True)]
    async with serving(sending(array(elements))) as service:
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
        ([wire_level(B), wire_level(A)], {A: 100, B: 100}),
        ([wire_level(A)], {A: 100, B: None}),
        ([], {A: None, B: None}),
    ],
    ids=["extra fields", "order", "missing", "none"],
)
async def test_tolerated(
    connect: Connect,
    elements: list[dict[str, object]],
    quantities: dict[ProductVariantId, int | None],
) -> None:
    """Extra members are ignored, and absent ids are unknown."""
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
