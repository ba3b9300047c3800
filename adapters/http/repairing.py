"""Reads the level of one element as far as it can be read. A repair only ever lowers the stock.

| member | in the element | read as |
|---|---|---|
| `availableQuantity` | negative | 0 |
| | more than `MAX_QUANTITY` | `MAX_QUANTITY` |
| | a whole number in another notation: `5.0`, `5e0` | that number |
| | more than 0 beside OUT_OF_STOCK | 0 |
| | anything else, or missing | nothing: the element is malformed |
| `status` | a name of the contract in another spelling: `in-stock` | that status |
| | any other, or missing | LOW_STOCK, and `reported_status` has its text |
| | IN_STOCK or LOW_STOCK beside 0, or any other | OUT_OF_STOCK |
| `updatedAt` | no instant of RFC 3339 with an offset, or missing | None |

Of two members with one name the last one counts, here as in the decoder of whole answers (RFC 8259
§4 leaves it open).
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import attrs
import msgspec

from shelfport.adapters.http import wire
from shelfport.adapters.http.malformed import Malformed
from shelfport.adapters.http.splitting import members_of
from shelfport.domain.model import (
    MAX_QUANTITY,
    IdFormat,
    ProductVariantId,
    StockLevel,
    StockStatus,
    variant_id,
)
from shelfport.domain.model.text import one_line

VARIANT_ID, QUANTITY, STATUS, UPDATED_AT = (
    field.encode_name for field in msgspec.structs.fields(wire.InventoryStockLevelBody)
)
_NEEDED = [(name.encode(), name) for name in (VARIANT_ID, QUANTITY, STATUS, UPDATED_AT)]
_OUT, _LOW = StockStatus.OUT_OF_STOCK, StockStatus.LOW_STOCK

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)
_text = msgspec.json.Decoder(str)
_instant = msgspec.json.Decoder(wire.Instant)
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]*+)")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_BY_NAME = {status.value: status for status in StockStatus}
_BY_SPELLING = {_BETWEEN_WORDS.sub("", status.value).lower(): status for status in StockStatus}
_MAX_DIGITS = len(str(MAX_QUANTITY))
_MAX_SHOWN = 64
"""How much of a value is kept or shown, in characters; a longer one is none that is meant well."""

Values = Mapping[str, bytes]
"""The members of an element that are read, by name, each as the JSON of its value."""


@attrs.frozen
class Repair:
    """What was repaired in one member of an answer's elements, or which variant occurs twice."""

    member: str
    """Its name in the answer."""
    elements: int
    """In how many elements."""
    example: str
    """What the first of them had, and what was read instead."""


class Repairs:
    """The repairs of one answer while it is read, counted by member."""

    def __init__(self) -> None:
        self._elements: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def add(self, member: str, variant: ProductVariantId, had: str, read_as: object) -> None:
        """Count that `member` of the element of `variant` had `had` and was read as `read_as`."""
        self._elements[member] += 1
        if member not in self._examples:
            self._examples[member] = f"{had} for variant {variant}, read as {read_as}"

    def by_member(self) -> tuple[Repair, ...]:
        """One `Repair` for each member."""
        return tuple(
            Repair(member, elements, self._examples[member])
            for member, elements in self._elements.items()
        )


def values_of(element: bytes) -> Values:
    """The values of the members of an object that are read.

    Raises:
        Garbled: its brackets, quotes or commas are not those of an object.
    """
    members = members_of(element)
    return {text: members[name] for name, text in _NEEDED if name in members}


def read_id(values: Values, id_format: IdFormat) -> ProductVariantId:
    """The variant that an element is about.

    Raises:
        Malformed: it has no readable id.
    """
    try:
        return variant_id(_text.decode(_required(values, VARIANT_ID)), id_format)
    except msgspec.MsgspecError as error:
        raise Malformed(f"{VARIANT_ID} is {_shown(values[VARIANT_ID])}: {error}") from error
    except ValueError as error:
        raise Malformed(f"{VARIANT_ID} is malformed: {error}") from error


def read_level(variant: ProductVariantId, values: Values, repairs: Repairs) -> StockLevel:
    """The level of `variant` in an element with `values`; what is repaired is added to `repairs`.

    Raises:
        Malformed: it has no readable quantity. Then nothing is added.
    """
    had = _required(values, QUANTITY)
    number = _whole_number(had)
    stated = values.get(STATUS, b"")
    text = _text_of(stated)
    said, exact = _status(text) if stated.startswith(b'"') else (None, False)
    quantity = 0 if said is _OUT else int(min(max(number, 0), MAX_QUANTITY))
    if number != quantity or isinstance(number, Decimal):
        beside = f" beside {text}" if number > 0 and not quantity else ""
        repairs.add(QUANTITY, variant, _shown(had) + beside, quantity)
    status = (said or _LOW) if quantity else _OUT
    # A negative quantity is what was repaired, and not the status beside it.
    if not exact or (said is not status and number == 0):
        beside = " beside 0 units" if exact else ""
        repairs.add(STATUS, variant, _shown(stated) + beside, status.value)
    updated_at = None
    try:
        updated_at = _instant.decode(values.get(UPDATED_AT, b""))
    except _UNREADABLE:
        repairs.add(UPDATED_AT, variant, _shown(values.get(UPDATED_AT, b"")), "unknown")
    reported = one_line(text).strip()[:_MAX_SHOWN] if said is None else None
    return StockLevel(variant, quantity, status, updated_at, reported)


def pessimistic(one: StockLevel, other: StockLevel) -> StockLevel:
    """What holds if two elements of an answer are about one variant: the lower stock of them.

    It has the later `updated_at`, so that no older level that is known counts as newer.
    """
    instants = [level.updated_at for level in (one, other) if level.updated_at is not None]
    return StockLevel(
        one.variant_id,
        min(one.available_quantity, other.available_quantity),
        max(one.status, other.status, key=_BY_STOCK.index),
        max(instants, default=None),
        other.reported_status if one.reported_status is None else one.reported_status,
    )


_BY_STOCK = list(StockStatus)
"""From the most stock to the least."""


def contradicts_itself(quantity: int, status: StockStatus) -> bool:
    """Whether one of both says that units can be sold, and the other that none can."""
    return (quantity == 0) is not (status is _OUT)


def _required(values: Values, member: str) -> bytes:
    try:
        return values[member]
    except KeyError:
        raise Malformed(f"{member} is missing") from None


def _whole_number(value: bytes) -> int | Decimal:
    """The whole number `value`; a `Decimal` if it is no integer of JSON, but 5.0 or 5e0."""
    if _INTEGER.fullmatch(value):
        # Python refuses to read integers of thousands of digits; this many are too large anyway.
        return int(value[: _MAX_DIGITS + 2])
    try:
        if _NUMBER.fullmatch(value) and len(value) <= _MAX_SHOWN:
            number = Decimal(value.decode())
            if number == number.to_integral_value():
                return number
    except InvalidOperation:
        pass  # an exponent of twenty digits
    raise Malformed(
        f"{QUANTITY} is {_shown(value)}: it must be a whole number from 0 to {MAX_QUANTITY}"
    )


def _status(text: str) -> tuple[StockStatus | None, bool]:
    """The status that `text` names, and whether it is written as in the contract."""
    status = _BY_NAME.get(text)
    if status is not None or len(text) > _MAX_SHOWN:
        return status, status is not None
    return _BY_SPELLING.get(_BETWEEN_WORDS.sub("", text).lower()), False


def _text_of(value: bytes) -> str:
    """The text of a string; any other value as its JSON."""
    try:
        return _text.decode(value)
    except _UNREADABLE:
        pass
    text = value.decode("utf-8", "replace")
    if not value.startswith(b'"'):
        return text
    try:
        return str(json.loads(text, strict=False))  # half a surrogate pair, a line break
    except ValueError:
        return text[1:-1]


def _shown(value: bytes) -> str:
    """The JSON `value`, cut, for a sentence; no JSON is a missing member."""
    if not value:
        return "nothing"
    text = one_line(value[: 4 * _MAX_SHOWN].decode("utf-8", "replace"))
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"
