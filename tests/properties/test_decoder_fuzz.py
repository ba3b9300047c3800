"""The decoder returns valid values or raises `Malformed`, for any bytes; repairs only lower."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfport import (
    InventoryItem,
    StockLevel,
    StockStatus,
    variant_id,
)
from shelfport.adapters.http import wire
from shelfport.adapters.http.decode import (
    DecodedLevel,
    Levels,
    Malformed,
    decode_item,
    decode_level,
    decode_levels,
    decode_problem,
)
from shelfport.ports import MAX_QUANTITY
from tests.properties.damage import damaged, swapped
from tests.properties.lenient_model import (
    NoJson,
    must_not_exceed,
    stock_in,
    told_by,
    value_of,
)

DAMAGES = 64
"""How many damaged editions of one drawn document are decoded."""

NEITHER: tuple[Any, ...] = (None, -1, "", [], {}, 2**40, "2026-03-13T09:00:00", 0.5, "in-stock")
"""Neither a quantity nor a status, and no instant with an offset either."""

counted: Counter[str] = Counter()

ids = st.integers(1, 4).map(lambda number: UUID(int=number)) | st.uuids().filter(lambda v: v.int)
quantities = st.integers(0, MAX_QUANTITY)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 - the zones are drawn
    datetime(2026, 3, 13),  # noqa: DTZ001 - as above
    timezones=offsets,
)
numbers = st.tuples(quantities, st.sampled_from(["LOW_STOCK", "IN_STOCK"])).map(
    lambda drawn: {
        "availableQuantity": drawn[0],
        "status": drawn[1] if drawn[0] else "OUT_OF_STOCK",
    }
)
levels = st.tuples(ids, numbers, instants).map(
    lambda drawn: {
        "productVariantId": str(drawn[0]),
        **drawn[1],
        "updatedAt": drawn[2].isoformat(),
    }
)
items = st.tuples(levels, ids, quantities).map(
    lambda drawn: {**drawn[0], "id": str(drawn[1]), "quantity": drawn[2]}
)
problems = st.fixed_dictionaries(
    {"type": st.text(max_size=20), "status": st.integers(100, 599)},
    optional={"title": st.text(max_size=9), "detail": st.text(max_size=9), "current": levels},
)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def summary(request: pytest.FixtureRequest) -> Iterator[None]:
    """Reports the number of inputs, and of those that were refused."""
    yield
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    if reporter is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(
                f"decoder fuzz: {counted['inputs']:,} inputs, {counted['malformed']:,} refused"
            )


def survives(decode: Callable[[bytes], object], content: bytes) -> object:
    """The result of `decode`; None for `Malformed`, the only error that is allowed."""
    counted["inputs"] += 1
    try:
        return decode(content)
    except Malformed as error:
        counted["malformed"] += 1
        if not str(error):
            raise AssertionError("the message must say how it is malformed") from error
        return None


def level_from(document: dict[str, Any]) -> StockLevel:
    """The level of a valid document, read without the decoder."""
    return StockLevel(
        variant_id(document["productVariantId"]),
        document["availableQuantity"],
        StockStatus[document["status"]],
        datetime.fromisoformat(document["updatedAt"]),
    )


def must_be_sound(decoded: Levels) -> None:
    """Checks that each level is valid, agrees with itself, and has its own id as key."""
    for variant, level in decoded.by_id.items():
        assert variant == level.variant_id
        assert attrs.evolve(level) == level  # its validators run again
        assert (level.available_quantity == 0) is (level.status is StockStatus.OUT_OF_STOCK)
    assert all(isinstance(error, Malformed) for error in decoded.malformed.values())
    assert not decoded.by_id.keys() & decoded.malformed.keys()
    assert all(repair.elements and repair.example.isprintable() for repair in decoded.repairs)


def must_be_modest(decoded: Levels, content: bytes) -> None:
    """Checks that no level has more stock than the model of leniency sees in the bytes."""
    try:
        document = value_of(content)
    except NoJson:
        return  # the decoder does not validate what it ignores, so it may read more documents
    must_not_exceed(decoded, told_by(document))


@given(documents=st.lists(levels, max_size=6), strict=st.booleans())
def test_valid_arrays(documents: list[dict[str, Any]], strict: bool) -> None:
    """An array of the contract decodes to its levels, without any repair."""
    documents = list({document["productVariantId"]: document for document in documents}.values())
    expected = {level.variant_id: level for level in map(level_from, documents)}

    content = msgspec.json.encode(documents)

    assert Levels(expected) == decode_levels(content, expected.keys(), strict=strict)
    assert Levels(expected, foreign=len(documents)) == decode_levels(content, strict=strict)


@given(documents=st.lists(levels, max_size=6))
def test_of_several_elements_for_one_variant_the_lowest_holds(
    documents: list[dict[str, Any]],
) -> None:
    """The lowest quantity, the worst status, and the latest instant; a difference is a repair."""
    decoded = decode_levels(msgspec.json.encode(documents))

    told = told_by(value_of(msgspec.json.encode(documents)))
    assert told.at_most == {v: stock_in(level) for v, level in decoded.by_id.items()}
    for variant, level in decoded.by_id.items():
        same = [each for each in map(level_from, documents) if each.variant_id == variant]
        assert max(each.updated_at for each in same if each.updated_at) == level.updated_at
        if len({stock_in(each) for each in same}) > 1:
            assert ["productVariantId"] == [repair.member for repair in decoded.repairs]


@given(document=levels)
def test_valid_objects(document: dict[str, Any]) -> None:
    """An object of the contract decodes to its level."""
    assert DecodedLevel(level_from(document)) == decode_level(msgspec.json.encode(document))


@given(document=items)
def test_valid_items(document: dict[str, Any]) -> None:
    """The body of a 201 decodes to its item."""
    level = level_from(document)
    expected = InventoryItem(
        id=UUID(document["id"]),
        variant_id=level.variant_id,
        quantity=document["quantity"],
        available_quantity=level.available_quantity,
        status=level.status,
        updated_at=datetime.fromisoformat(document["updatedAt"]),
    )

    assert expected == decode_item(msgspec.json.encode(document))


@given(documents=st.lists(levels, min_size=1, max_size=5), broken=st.data())
def test_one_bad_element_costs_its_own_variant(
    documents: list[dict[str, Any]], broken: st.DataObject
) -> None:
    """The other elements are decoded; the bad one is repaired or refused, as the model says."""
    documents = list({document["productVariantId"]: document for document in documents}.values())
    place = broken.draw(st.integers(0, len(documents) - 1))
    field = broken.draw(st.sampled_from(["availableQuantity", "status", "updatedAt"]))
    bad = {**documents[place], field: broken.draw(st.sampled_from(NEITHER))}
    good = [document for number, document in enumerate(documents) if number != place]
    content = msgspec.json.encode([*documents[:place], bad, *documents[place + 1 :]])
    variant = variant_id(bad["productVariantId"])

    lenient, strict = decode_levels(content), decode_levels(content, strict=True)

    others = {level.variant_id: level for level in map(level_from, good)}
    told = told_by(value_of(content))
    assert told.at_most == {v: stock_in(level) for v, level in lenient.by_id.items()}
    assert told.malformed == lenient.malformed.keys()
    assert others.items() <= lenient.by_id.items()
    assert ([field] if variant in lenient.by_id else []) == [r.member for r in lenient.repairs]
    assert (others, [variant], ()) == (strict.by_id, list(strict.malformed), strict.repairs)


@given(documents=st.lists(levels, min_size=1, max_size=4), seed=seeds)
def test_swapped_values(documents: list[dict[str, Any]], seed: int) -> None:
    """Whatever stands in the members of the elements is read as the model says, no less."""
    rng = random.Random(seed)
    for _ in range(DAMAGES):
        content = json.dumps(swapped(documents, rng)).encode()
        document = value_of(content)
        if isinstance(document, list):
            counted["inputs"] += 1
            told, decoded = told_by(document), decode_levels(content)
            assert told.at_most == {v: stock_in(level) for v, level in decoded.by_id.items()}
            assert told.malformed == decoded.malformed.keys()
            assert told.nameless is (decoded.unidentified is not None)


@given(documents=st.lists(levels, max_size=4), seed=seeds)
def test_damaged_levels(documents: list[dict[str, Any]], seed: int) -> None:
    """Any damage to an array gives valid levels, or `Malformed`."""
    rng = random.Random(seed)
    for _ in range(DAMAGES):
        content = damaged(documents, rng)
        decoded = survives(decode_levels, content)
        if isinstance(decoded, Levels):
            must_be_sound(decoded)
            must_be_modest(decoded, content)


@given(document=levels, seed=seeds)
def test_a_damaged_level(document: dict[str, Any], seed: int) -> None:
    """Any damage to an object gives a valid level, or `Malformed`."""
    rng = random.Random(seed)
    for _ in range(DAMAGES):
        content = damaged(document, rng)
        decoded = survives(decode_level, content)
        if isinstance(decoded, DecodedLevel):
            level = decoded.level
            levels = Levels({level.variant_id: level}, repairs=decoded.repairs)
            must_be_sound(levels)
            must_be_modest(levels, b"[" + content.removeprefix(b"\xef\xbb\xbf") + b"]")


@given(documents=st.lists(levels, max_size=4), seed=seeds)
def test_strict_reads_no_more(documents: list[dict[str, Any]], seed: int) -> None:
    """What is read strictly is read leniently too, and is the same, without a repair."""
    rng = random.Random(seed)
    for _ in range(DAMAGES):
        content = damaged(documents, rng)
        strict = survives(lambda body: decode_levels(body, strict=True), content)
        if isinstance(strict, Levels):
            lenient = decode_levels(content)
            assert strict.by_id.items() <= lenient.by_id.items()
            assert () == strict.repairs


@given(document=items, seed=seeds)
def test_a_damaged_item(document: dict[str, Any], seed: int) -> None:
    """Any damage to a record gives an item that is valid, or `Malformed`."""
    rng = random.Random(seed)
    for _ in range(DAMAGES):
        item = survives(decode_item, damaged(document, rng))
        if isinstance(item, InventoryItem):
            assert attrs.evolve(item) == item


@given(document=problems, seed=seeds)
def test_a_damaged_problem(document: dict[str, Any], seed: int) -> None:
    """Any damage to a problem document gives a problem without an error."""
    rng = random.Random(seed)
    for _ in range(DAMAGES):
        counted["inputs"] += 1
        assert isinstance(decode_problem(damaged(document, rng)), wire.ProblemBody)


@given(content=st.binary(max_size=200))
def test_noise(content: bytes) -> None:
    """Random bytes are `Malformed`."""
    for decode in (decode_levels, decode_level, decode_item):
        survives(decode, content)
    assert isinstance(decode_problem(content), wire.ProblemBody)
