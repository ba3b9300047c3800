"""attrs validators whose messages name the field, the value and the rule.

All raise `ValueError`, this library's exception for a bad argument.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from math import inf, isnan
from typing import Any
from uuid import UUID

import attrs

from shelfport.domain.model.variant import is_variant_id

MAX_QUANTITY = 2**31 - 1
"""The largest quantity, in units: `format: int32` in inventory-service.yaml."""


def not_nil(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse a value that is not a `UUID`, and the nil UUID (RFC 9562 §5.9)."""
    if not isinstance(value, UUID):
        raise ValueError(f"{field.name} is {value!r}: it must be a uuid.UUID")
    if value.int == 0:
        raise ValueError(f"{field.name} is the nil UUID, which identifies nothing")


def variant(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse a value that is no canonical id of a variant."""
    if not isinstance(value, str) or not is_variant_id(value):
        raise ValueError(
            f"{field.name} is {value!r}: it must be a ProductVariantId; variant_id() makes it"
        )


def aware(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse a naive datetime: without a UTC offset it is not an instant."""
    if type(value) is datetime and value.tzinfo is UTC:
        return  # the common case
    if not isinstance(value, datetime):
        raise ValueError(f"{field.name} is {value!r}: it must be a datetime")
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(
            f"{field.name} is {value.isoformat()}, without a UTC offset: "
            "use an aware datetime, for example datetime.now(UTC)"
        )


def units(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse a value that is not a whole number of units from 0 to `MAX_QUANTITY`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{field.name} is {value!r}: it counts units, so it must be an int")
    if not 0 <= value <= MAX_QUANTITY:
        raise ValueError(f"{field.name} is {value}: it must be between 0 and {MAX_QUANTITY} units")


def member_of(kind: type[Enum]) -> Callable[[object, "attrs.Attribute[Any]", Any], None]:
    """A validator for a member of `kind`; the text of its value is refused."""

    def validate(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
        if not isinstance(value, kind):
            allowed = ", ".join(str(member) for member in kind)
            raise ValueError(f"{field.name} is {value!r}: it must be one of {allowed}")

    return validate


def optional_seconds(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse a negative duration and one that is not a number; None means no limit."""
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
        # Not in six digits: a bound is shown as it is.
        bound = (
            f"{least:.10g} {unit} or more" if most == inf else f"{least:g} to {most:.10g} {unit}"
        )
        raise ValueError(f"{name} is {value:g}: it must be {bound}")
