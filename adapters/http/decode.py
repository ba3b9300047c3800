"""From the body of an answer to stock levels of the domain.

The whole document is decoded at once; only if that fails is it taken apart, so that one malformed
element costs its own variant and no other.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import attrs
import msgspec

from shelfport.adapters.http import wire
from shelfport.domain.model import InventoryItem, ProductVariantId, StockLevel, variant_id

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of our clock an `updatedAt` may be; further ahead, its element is malformed."""

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
    """A document, or an element of one, is not what the contract says; the message says how."""


class _Named(msgspec.Struct):
    variant_id: UUID = msgspec.field(name="productVariantId")


_named = msgspec.json.Decoder(_Named)


@attrs.frozen
class Levels:
    """What a `GET /inventory` answered."""

    by_int: dict[int, StockLevel]
    """For the `UUID.int` of each variant, whose hash costs nothing, its level; of two for one
    variant, the one updated last."""
    malformed: dict[ProductVariantId, Malformed] = attrs.field(factory=dict)
    """Variants whose element could not be read."""
    nameless: Malformed | None = None
    """Set if an element could not even be told to be some variant's. A variant that is missing
    may then be that one, and is not known to be unknown."""


def decode_levels(body: bytes, now: datetime) -> Levels:
    """Decode the array of `GET /inventory`.

    msgspec checks on the way what the domain asks of a `StockLevel`, but for the nil UUID and the
    future, which are looked for here.

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
    """Take the level out of a `record-exists` problem.

    Raises:
        Malformed: the member `current` is not an `InventoryStockLevel`.
    """
    return decode_level(msgspec.json.encode(problem.current), now)


def decode_problem(body: bytes) -> wire.ProblemBody:
    """Decode a problem document; a body that is none gives `about:blank` (RFC 9457 §4.2.1)."""
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
    nameless: Malformed | None = None
    for element in elements:
        raw = bytes(element)
        try:
            levels.append(decode_level(raw, now))
        except Malformed as error:
            try:
                malformed[variant_id(_named.decode(raw).variant_id)] = error
            except (*_UNREADABLE, ValueError):
                nameless = error
    return Levels(_newest(levels), malformed, nameless)


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
    # The domain's validators speak of its own fields: whoever reads this looks at the document.
    name, space, rest = str(error).partition(" ")
    return Malformed(_ON_THE_WIRE.get(name, name) + space + rest)
