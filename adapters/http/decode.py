"""Decodes the bodies of answers into stock levels of the domain.

A document is decoded as a whole first, and element by element only if that fails, so that one
malformed element makes only its own variant unreadable.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import attrs
import msgspec

from shelfport.adapters.http import wire
from shelfport.domain.model import InventoryItem, ProductVariantId, StockLevel, variant_id

CLOCK_SKEW = timedelta(minutes=5)
"""How far an `updatedAt` may be ahead of this host's clock before its element is malformed."""

_levels = msgspec.json.Decoder(list[wire.InventoryStockLevelBody])
_level = msgspec.json.Decoder(wire.InventoryStockLevelBody)
_item = msgspec.json.Decoder(wire.InventoryItemBody)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


_ON_THE_WIRE = {
    field.name: field.encode_name
    for struct in (wire.InventoryItemBody, wire.InventoryStockLevelBody)
    for field in msgspec.structs.fields(struct)
}


class Malformed(Exception):
    """A document, or an element of it, breaks the contract; the message says how."""


class _VariantOnly(msgspec.Struct):
    variant_id: UUID = msgspec.field(name="productVariantId")


_variant_only = msgspec.json.Decoder(_VariantOnly)


@attrs.frozen
class Levels:
    """The content of an answer to `GET /inventory`."""

    by_int: dict[int, StockLevel]
    """The level of each variant, by its `UUID.int`, which hashes faster than the UUID; if a variant
    occurs twice, the level updated last."""
    malformed: dict[ProductVariantId, Malformed] = attrs.field(factory=dict)
    """Variants whose element could not be decoded."""
    unidentified: Malformed | None = None
    """Set if an element has no readable variant id. A missing variant may be that element's, so it
    is not reported as unknown."""


def decode_levels(body: bytes, now: datetime) -> Levels:
    """Decode the array of `GET /inventory`.

    msgspec checks the domain's rules for a `StockLevel`, except for the nil UUID and an `updatedAt`
    in the future, which are checked here.

    Raises:
        Malformed: the document is no JSON array.
    """
    try:
        levels = msgspec.convert(_levels.decode(body), list[StockLevel], from_attributes=True)
    except _UNREADABLE:
        return _one_by_one(body, now)
    horizon = now + CLOCK_SKEW
    by_int = {level.variant_id.int: level for level in levels}
    if 0 in by_int or any([level.updated_at > horizon for level in levels]):  # noqa: C419 - faster
        return _one_by_one(body, now)
    return Levels(by_int if len(by_int) == len(levels) else _newest(levels))


def decode_level(body: bytes, now: datetime) -> StockLevel:
    """Decode the object of `GET /inventory/{productVariantId}`.

    Raises:
        Malformed: it is not an `InventoryStockLevel`.
    """
    try:
        read = _level.decode(body)
        level = StockLevel(read.variant_id, read.available_quantity, read.status, read.updated_at)
    except (*_UNREADABLE, ValueError) as error:
        raise _malformed(error, body) from error
    return _not_from_the_future(level, now)


def decode_item(body: bytes) -> InventoryItem:
    """Decode the object of a 201.

    Raises:
        Malformed: it is not an `InventoryItem`.
    """
    try:
        return msgspec.convert(_item.decode(body), InventoryItem, from_attributes=True)
    except _UNREADABLE as error:
        raise _malformed(error, body) from error


def decode_current(problem: wire.ProblemBody, now: datetime) -> StockLevel:
    """Decode the level in a `record-exists` problem.

    Raises:
        Malformed: the member `current` is not an `InventoryStockLevel`.
    """
    return decode_level(msgspec.json.encode(problem.current), now)


def decode_problem(body: bytes) -> wire.ProblemBody:
    """Decode a problem document; any other body gives `about:blank` (RFC 9457 §4.2.1)."""
    try:
        return msgspec.json.decode(body, type=wire.ProblemBody)
    except _UNREADABLE:
        return wire.ProblemBody()


def _one_by_one(body: bytes, now: datetime) -> Levels:
    try:
        elements = _elements.decode(body)
    except _UNREADABLE as error:
        raise _malformed(error, body) from error
    levels: list[StockLevel] = []
    malformed: dict[ProductVariantId, Malformed] = {}
    unidentified: Malformed | None = None
    for element in elements:
        raw = bytes(element)
        try:
            levels.append(decode_level(raw, now))
        except Malformed as error:
            try:
                malformed[variant_id(_variant_only.decode(raw).variant_id)] = error
            except (*_UNREADABLE, ValueError):
                unidentified = error
    return Levels(_newest(levels), malformed, unidentified)


def _newest(levels: Iterable[StockLevel]) -> dict[int, StockLevel]:
    newest: dict[int, StockLevel] = {}
    for level in levels:
        known = newest.setdefault(level.variant_id.int, level)
        if known is not level and known.updated_at < level.updated_at:
            newest[level.variant_id.int] = level
    return newest


def _not_from_the_future(level: StockLevel, now: datetime) -> StockLevel:
    if level.updated_at > now + CLOCK_SKEW:
        raise Malformed(
            f"updatedAt {level.updated_at.isoformat()} is more than "
            f"{CLOCK_SKEW.total_seconds():.0f} s ahead of this host's clock"
        )
    return level


def _malformed(error: Exception, body: bytes) -> Malformed:
    if not body:
        return Malformed("the body is empty")
    if isinstance(error, RecursionError):
        return Malformed("it is nested too deeply")
    # The domain's validators name its own fields; the message names the document's members.
    name, space, rest = str(error).partition(" ")
    return Malformed(_ON_THE_WIRE.get(name, name) + space + rest)
