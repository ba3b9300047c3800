"""attrs validators whose refusals are sentences: which field, which value, which rule.

All raise `ValueError`, the one exception for a bad argument in this library.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from math import inf, isnan
from typing import Any
from uuid import UUID

import attrs

MAX_QUANTITY = 2**31 - 1
"""The largest quantity, in units: `format: int32` in inventory-service.yaml."""


def not_nil(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse what is no `UUID`, and the nil UUID (RFC 9562 §5.9), which identifies nothing."""
    if not isinstance(value, UUID):
        raise ValueError(f"{field.name} is {value!r}: it must be a uuid.UUID")
    if value.int == 0:
        raise ValueError(f"{field.name} is the nil UUID, which identifies nothing")


def aware(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse a naive datetime: without an offset it is no instant, and ages come out wrong."""
    if type(value) is datetime and value.tzinfo is UTC:
        return  # nearly all are; the rest is asked what it is
    if not isinstance(value, datetime):
        raise ValueError(f"{field.name} is {value!r}: it must be a datetime")
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(
            f"{field.name} is {value.isoformat()}, without a UTC offset: "
            "use an aware datetime, for example datetime.now(UTC)"
        )


def units(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse what counts no units: a negative, a boolean, a fraction, more than int32 holds."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{field.name} is {value!r}: it counts units, so it must be an int")
    if not 0 <= value <= MAX_QUANTITY:
        raise ValueError(f"{field.name} is {value}: it must be between 0 and {MAX_QUANTITY} units")


def member_of(kind: type[Enum]) -> Callable[[object, "attrs.Attribute[Any]", Any], None]:
    """A validator for a member of `kind`; its mere value, as text, is refused."""

    def validate(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
        if not isinstance(value, kind):
            allowed = ", ".join(str(member) for member in kind)
            raise ValueError(f"{field.name} is {value!r}: it must be one of {allowed}")

    return validate


def optional_seconds(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse a duration that is negative or no number; None (the caller set no limit) passes."""
    if value is not None:
        _in_range(field.name, value, 0, inf, "seconds")


def number(
    least: float, most: float = inf, *, unit: str
) -> Callable[[object, "attrs.Attribute[Any]", Any], None]:
    """A validator for a number of `unit`, between `least` and `most`, both included."""

    def validate(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
        _in_range(field.name, value, least, most, unit)

    return validate


def _in_range(name: str, value: Any, least: float, most: float, unit: str) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or isnan(value):
        raise ValueError(f"{name} is {value!r}: it must be a number of {unit}")
    if not least <= value <= most:
        bound = f"{least:g} {unit} or more" if most == inf else f"{least:g} to {most:g} {unit}"
        raise ValueError(f"{name} is {value:g}: it must be {bound}")
