"""The decoder returns valid values or raises `Malformed`, for any bytes."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfport import (
    InventoryItem,
    ProductVariantId,
    StockLevel,
    StockStatus,
    variant_id,
)
from shelfport.adapters.http import wire
from shelfport.adapters.http.decode import (
    Levels,
    Malformed,
    decode_item,
    decode_level,
    decode_levels,
    decode_problem,
)
from shelfport.ports import MAX_QUANTITY
from tests.properties.damage import damaged

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
DAMAGES = 64
"""How many damaged editions of one drawn document are decoded."""

NEITHER: tuple[Any, ...] = (None, -1, "", [], {}, 2**40, "2026-03-13T09:00:00", 0.5)
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
levels = st.fixed_dictionaries(
    {
        "productVariantId": ids.map(str),
        "availableQuantity": quantities,
        "status": st.sampled_from([status.value for status in StockStatus]),
        "updatedAt": instants.map(datetime.isoformat),
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
    """Checks that each level is valid, has its own id as key, and is not in the future."""
    for variant, level in decoded.by_id.items():
        assert variant == level.variant_id
        assert attrs.evolve(level) == level  # its validators run again
        assert level.updated_at <= NOW + timedelta(minutes=5)
    assert all(isinstance(error, Malformed) for error in decoded.malformed.values())


@given(documents=st.lists(levels, max_size=6))
def test_valid_arrays(documents: list[dict[str, Any]]) -> None:
    """An array of the contract decodes to its levels; of two for one id, the later one."""
    expected: dict[ProductVariantId, StockLevel] = {}
    for level in map(level_from, documents):
        if level.variant_id not in expected or (
            expected[level.variant_id].updated_at < level.updated_at
        ):
            expected[level.variant_id] = level

    decoded = decode_levels(msgspec.json.encode(documents), NOW)

    assert Levels(expected) == decoded


@given(document=levels)
def test_valid_objects(document: dict[str, Any]) -> None:
    """An object of the contract decodes to its level."""
    assert level_from(document) == decode_level(msgspec.json.encode(document), NOW)


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
        updated_at=level.updated_at,
    )

    assert expected == decode_item(msgspec.json.encode(document))


@given(documents=st.lists(levels, min_size=1, max_size=5), broken=st.data())
def test_one_bad_element_costs_its_own_variant(
    documents: list[dict[str, Any]], broken: st.DataObject
) -> None:
    """The other elements are decoded, and the malformed one has its variant."""
    documents = list({document["productVariantId"]: document for document in documents}.values())
    place = broken.draw(st.integers(0, len(documents) - 1))
    field = broken.draw(st.sampled_from(["availableQuantity", "status", "updatedAt"]))
    bad = {**documents[place], field: broken.draw(st.sampled_from(NEITHER))}
    good = [document for number, document in enumerate(documents) if number != place]

    decoded = decode_levels(
        msgspec.json.encode([*documents[:place], bad, *documents[place + 1 :]]), NOW
    )

    assert {level.variant_id: level for level in map(level_from, good)} == {
        level.variant_id: level for level in decoded.by_id.values()
    }
    assert [variant_id(bad["productVariantId"])] == list(decoded.malformed)


@given(documents=st.lists(levels, max_size=3), seconds=st.integers(-3600, 3600))
def test_an_instant_too_far_ahead_is_malformed(
    documents: list[dict[str, Any]], seconds: int
) -> None:
    """An instant up to five minutes ahead is accepted; a later one is malformed."""
    variant = variant_id(UUID(int=99))
    ahead = NOW + timedelta(minutes=5, seconds=seconds)
    late = {
        "productVariantId": variant,
        "availableQuantity": 1,
        "status": "LOW_STOCK",
        "updatedAt": ahead.isoformat(),
    }

    decoded = decode_levels(msgspec.json.encode([*documents, late]), NOW)

    assert (seconds <= 0) == (variant in decoded.by_id)
    assert (seconds > 0) == (variant in decoded.malformed)


@given(documents=st.lists(levels, max_size=4), seed=seeds)
def test_damaged_levels(documents: list[dict[str, Any]], seed: int) -> None:
    """Any damage to an array gives valid levels, or `Malformed`."""
    rng = random.Random(seed)
    for _ in range(DAMAGES):
        content = damaged(documents, rng)
        decoded = survives(lambda body: decode_levels(body, NOW), content)
        if isinstance(decoded, Levels):
            must_be_sound(decoded)


@given(document=levels, seed=seeds)
def test_a_damaged_level(document: dict[str, Any], seed: int) -> None:
    """Any damage to an object gives a valid level, or `Malformed`."""
    rng = random.Random(seed)
    for _ in range(DAMAGES):
        level = survives(lambda body: decode_level(body, NOW), damaged(document, rng))
        if isinstance(level, StockLevel):
            must_be_sound(Levels({level.variant_id: level}))


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
    for decode in (lambda b: decode_levels(b, NOW), lambda b: decode_level(b, NOW), decode_item):
        survives(decode, content)
    assert isinstance(decode_problem(content), wire.ProblemBody)
