"""The validators: every bound, and every word of their messages.

The classes are made inside of the tests: a validator that is made when a module is imported is
there before mutmut has changed anything.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from math import inf, nan
from typing import Any
from uuid import UUID

import attrs
import pytest

from shelfport.domain.model.validators import (
    MAX_QUANTITY,
    aware,
    member_of,
    not_nil,
    number,
    optional_seconds,
    units,
    variant,
)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Nowhere(tzinfo):
    """A time zone that cannot say how far it is from UTC."""

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        return None

    def dst(self, dt: datetime | None) -> timedelta | None:
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        return None


def checked(validator: Any, value: Any) -> Any:
    """The value of a field `it` with this validator, given `value`."""
    kind = attrs.make_class("Kind", {"it": attrs.field(validator=validator)})
    return kind(value).it


def refusal(validator: Any, value: Any) -> str:
    with pytest.raises(ValueError, match="it is ") as info:
        checked(validator, value)
    return str(info.value)


def test_not_nil() -> None:
    """Any UUID but the nil one passes; the nil one, text and numbers are refused."""
    assert UUID(int=1) == checked(not_nil, UUID(int=1))
    assert "it is the nil UUID, which identifies nothing" == refusal(not_nil, UUID(int=0))
    assert "it is 'abc': it must be a uuid.UUID" == refusal(not_nil, "abc")
    assert "it is None: it must be a uuid.UUID" == refusal(not_nil, None)


def test_variant() -> None:
    """A canonical id of either format passes; other text, the nil id and UUIDs are refused."""
    made = "it must be a ProductVariantId; variant_id() makes it"

    for text in ("SCARF-BLUE", str(UUID(int=1))):
        assert text == checked(variant, text)
    assert f"it is '..': {made}" == refusal(variant, "..")
    assert f"it is 'two words': {made}" == refusal(variant, "two words")
    assert f"it is '{UUID(int=0)}': {made}" == refusal(variant, str(UUID(int=0)))
    assert f"it is {UUID(int=1)!r}: {made}" == refusal(variant, UUID(int=1))
    assert f"it is None: {made}" == refusal(variant, None)


def test_aware() -> None:
    """A datetime passes if it knows its offset from UTC, and only then."""
    instant = datetime(2026, 1, 1, tzinfo=UTC)
    no_instant = (
        "it is 2026-01-01T00:00:00, without a UTC offset: "
        "use an aware datetime, for example datetime.now(UTC)"
    )

    assert instant == checked(aware, instant)
    assert no_instant == refusal(aware, instant.replace(tzinfo=None))
    assert no_instant == refusal(aware, instant.replace(tzinfo=Nowhere()))
    assert "it is 'now': it must be a datetime" == refusal(aware, "now")


@pytest.mark.parametrize("quantity", [0, 1, MAX_QUANTITY])
def test_units(quantity: int) -> None:
    """Every whole number from 0 to the largest int32 passes."""
    assert quantity == checked(units, quantity)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (-1, "it is -1: it must be between 0 and 2147483647 units"),
        (2147483648, "it is 2147483648: it must be between 0 and 2147483647 units"),
        (True, "it is True: it counts units, so it must be an int"),
        (1.0, "it is 1.0: it counts units, so it must be an int"),
        ("3", "it is '3': it counts units, so it must be an int"),
    ],
)
def test_invalid_units(value: object, sentence: str) -> None:
    """Other values are refused, with the bounds in the message."""
    assert sentence == refusal(units, value)


def test_member_of() -> None:
    """A member passes; its text is refused, and the message names all members."""
    assert Colour.BLUE is checked(member_of(Colour), Colour.BLUE)
    assert "it is 'red': it must be one of Colour.RED, Colour.BLUE" == refusal(
        member_of(Colour), "red"
    )


@pytest.mark.parametrize("value", [None, 0, 0.5, inf])
def test_optional_seconds(value: float | None) -> None:
    """Any duration passes, and none at all."""
    assert value == checked(optional_seconds, value)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (-0.25, "it is -0.25: it must be 0 seconds or more"),
        (nan, "it is nan: it must be a number of seconds"),
        (False, "it is False: it must be a number of seconds"),
        ("5", "it is '5': it must be a number of seconds"),
    ],
)
def test_invalid_durations(value: object, sentence: str) -> None:
    """Values that are not durations are refused."""
    assert sentence == refusal(optional_seconds, value)


@pytest.mark.parametrize("value", [2, 2.5, 7])
def test_number(value: float) -> None:
    """A number passes from the least to the most, both included."""
    assert value == checked(number(2, 7, unit="apples"), value)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (1.5, "it is 1.5: it must be 2 to 7 apples"),
        (7.5, "it is 7.5: it must be 2 to 7 apples"),
        (nan, "it is nan: it must be a number of apples"),
        (True, "it is True: it must be a number of apples"),
        ("5", "it is '5': it must be a number of apples"),
        (None, "it is None: it must be a number of apples"),
    ],
)
def test_number_refused(value: object, sentence: str) -> None:
    """A value that is not a number, or out of bounds, is refused; the message has the bounds."""
    assert sentence == refusal(number(2, 7, unit="apples"), value)


def test_number_without_a_most() -> None:
    """Without an upper bound any greater number passes; the message names the lower bound."""
    assert 10**9 == checked(number(2, unit="apples"), 10**9)
    assert "it is 1: it must be 2 apples or more" == refusal(number(2, unit="apples"), 1)
