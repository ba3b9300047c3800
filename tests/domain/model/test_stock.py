from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import attrs
import pytest

from shelfport import (
    Freshness,
    StockLevel,
    StockReading,
    StockStatus,
)
from shelfport.ports import MAX_QUANTITY
from tests.support.clocks import EPOCH
from tests.support.values import a_level, a_reading, an_id

LEVEL = a_level(an_id(1))


@pytest.mark.parametrize("quantity", [0, 1, MAX_QUANTITY])
def test_quantities(quantity: int) -> None:
    """Every quantity from 0 to the largest int32 is valid."""
    assert quantity == attrs.evolve(LEVEL, available_quantity=quantity).available_quantity


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("available_quantity", -1, "available_quantity is -1: it must be between 0 and"),
        ("available_quantity", MAX_QUANTITY + 1, "it must be between 0 and 2147483647 units"),
        ("available_quantity", True, "available_quantity is True: it counts units"),
        ("available_quantity", 1.5, "available_quantity is 1.5: it counts units"),
        ("available_quantity", "3", "available_quantity is '3': it counts units"),
        ("variant_id", UUID(int=1), "variant_id is UUID('00000000-0000-0000-0000-000000000001'):"),
        ("variant_id", "..", "variant_id is '..': it must be a ProductVariantId"),
        ("updated_at", datetime(2026, 1, 1), "2026-01-01T00:00:00, without a UTC offset"),  # noqa: DTZ001 (the point)
        ("updated_at", "now", "updated_at is 'now': it must be a datetime"),
    ],
)
def test_refused(field: str, value: Any, sentence: str) -> None:
    """An invalid stock level is refused, with the field, the value and the rule."""
    with pytest.raises(ValueError, match="is") as info:
        attrs.evolve(LEVEL, **{field: value})

    assert sentence in str(info.value)


def test_status_is_checked() -> None:
    """A status given as text is refused."""
    with pytest.raises(ValueError, match=r"status is 'IN_STOCK': it must be one of StockStatus\."):
        attrs.evolve(LEVEL, status="IN_STOCK")  # type: ignore[arg-type]  # the point of the test


def test_frozen() -> None:
    """A level does not change after it was made."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        LEVEL.available_quantity = 5  # type: ignore[misc]  # the point of the test


def test_equal_by_instant() -> None:
    """Two levels with the same instant in different time zones are equal."""
    cet = timezone(timedelta(hours=1))

    assert attrs.evolve(LEVEL, updated_at=EPOCH.astimezone(cet)) == LEVEL


def test_age() -> None:
    """The age of a reading counts from the sending of its request."""
    reading = a_reading(an_id(1), as_of=EPOCH)

    assert timedelta(seconds=40) == reading.age(EPOCH + timedelta(seconds=40))


def test_age_is_never_negative() -> None:
    """With a clock that runs behind, the age of a reading is 0."""
    reading = a_reading(an_id(1), as_of=EPOCH)

    assert timedelta(0) == reading.age(EPOCH - timedelta(hours=1))


def test_reading_needs_an_instant() -> None:
    """A reading without an offset in its time is refused."""
    with pytest.raises(ValueError, match="as_of is 2026"):
        StockReading(LEVEL, datetime(2026, 1, 1), "test")  # noqa: DTZ001 (the point)


def test_kept_as() -> None:
    """`kept_as` changes the freshness only."""
    reading = a_reading(an_id(1))

    assert attrs.evolve(reading, freshness=Freshness.STALE) == reading.kept_as(Freshness.STALE)


def test_statuses_are_the_three_of_the_contract() -> None:
    """There are three statuses, named as on the wire."""
    assert ["IN_STOCK", "LOW_STOCK", "OUT_OF_STOCK"] == [status.value for status in StockStatus]


def test_level_by_position() -> None:
    """A level can be made by position, in the order of its documentation."""
    now = datetime.now(UTC)

    assert now == StockLevel(an_id(1), 3, StockStatus.LOW_STOCK, now).updated_at


@pytest.mark.parametrize(
    ("quantity", "status", "words"),
    [
        (34, StockStatus.IN_STOCK, "In stock"),
        (3, StockStatus.LOW_STOCK, "Only 3 left"),
        (0, StockStatus.LOW_STOCK, "Low stock"),
        (0, StockStatus.OUT_OF_STOCK, "Out of stock"),
    ],
)
def test_what_a_customer_reads(quantity: int, status: StockStatus, words: str) -> None:
    """The text of a reading is that of its level; a stale one adds its time, in UTC (R19)."""
    as_of = datetime(2026, 3, 1, 12, 30, 5, tzinfo=timezone(timedelta(hours=2)))
    reading = StockReading(StockLevel(an_id(1), quantity, status, as_of), as_of, "test")

    assert words == str(reading) == str(reading.kept_as(Freshness.CACHED))
    assert f"{words} (as of 2026-03-01 10:30:05 UTC)" == str(reading.kept_as(Freshness.STALE))


def test_a_level_from_the_fields_of_an_earlier_one() -> None:
    """`rebuilt` makes an equal level, without checking the fields again."""
    fields = (LEVEL.variant_id, LEVEL.available_quantity, LEVEL.status, LEVEL.updated_at)

    assert LEVEL == StockLevel.rebuilt(*fields)
    guessed = attrs.evolve(LEVEL, reported_status="BACKORDER")
    assert guessed == StockLevel.rebuilt(*fields, "BACKORDER")
    assert -1 == StockLevel.rebuilt(an_id(1), -1, LEVEL.status, LEVEL.updated_at).available_quantity


def test_a_level_without_a_date() -> None:
    """A level need not say when the stock last changed."""
    assert attrs.evolve(LEVEL, updated_at=None).updated_at is None


def test_a_status_as_it_was_reported() -> None:
    """A level keeps the text of a status that is none of the three, and is another level by it."""
    guessed = attrs.evolve(LEVEL, reported_status="BACKORDER")

    assert (None, "BACKORDER") == (LEVEL.reported_status, guessed.reported_status)
    assert guessed != LEVEL
    assert str(guessed) == str(LEVEL)


def test_the_age_on_arrival() -> None:
    """A reading says how old it was on arrival, 0 by default; `kept_as` keeps it."""
    reading = a_reading(an_id(1))

    old = attrs.evolve(reading, upstream_age=600.0)
    assert [0.0, 600.0] == [r.kept_as(Freshness.CACHED).upstream_age for r in (reading, old)]


def test_the_age_on_arrival_is_in_as_of() -> None:
    """`as_of` counts the age on arrival, so that it is not added again."""
    reading = attrs.evolve(a_reading(an_id(1)), upstream_age=600.0)

    assert timedelta(seconds=40) == reading.age(EPOCH + timedelta(seconds=40))
