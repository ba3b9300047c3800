"""Decodes the bodies of answers into stock levels of the domain.

A document is decoded as a whole first, and element by element only if that fails, so that one
malformed element makes only its own variant unreadable.
"""

import json
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

import attrs
import msgspec

from shelfport.adapters.http import wire
from shelfport.domain.model import (
    FaultScope,
    IdFormat,
    InventoryItem,
    ProductVariantId,
    StockLevel,
    variant_id,
)

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

    scope = FaultScope.ELEMENT


class BrokenDocument(Malformed):
    """A document that breaks the contract as a whole: it tells nothing of any variant."""

    scope = FaultScope.SERVICE


class Garbled(Malformed):
    """No JSON, or JSON that is cut short: not what the service sends."""

    scope = FaultScope.PATH


class _VariantOnly(msgspec.Struct):
    variant_id: str = msgspec.field(name="productVariantId")


_variant_only = msgspec.json.Decoder(_VariantOnly)


@attrs.frozen
class Levels:
    """The content of an answer to `GET /inventory`."""

    by_id: dict[ProductVariantId, StockLevel]
    """The level of each variant; if a variant occurs twice, the level updated last."""
    malformed: dict[ProductVariantId, Malformed] = attrs.field(factory=dict)
    """Variants whose element could not be decoded."""
    unidentified: Malformed | None = None
    """Set if an element has no readable variant id. A missing variant may be that element's, so it
    is not reported as unknown."""


def decode_levels(
    body: bytes,
    now: datetime,
    wanted: AbstractSet[ProductVariantId] = frozenset(),
    id_format: IdFormat = IdFormat.UUID,
) -> Levels:
    """Decode the array of `GET /inventory`.

    msgspec checks the domain's rules for a `StockLevel`, except for its id and an `updatedAt` in
    the future, which are checked here.

    Args:
        body: the document.
        now: the present instant.
        wanted: ids in their canonical form: an answer about them alone is decoded faster.
        id_format: what ids look like; in the document they may have another form than the canonical
            one.

    Raises:
        Garbled: the document is no JSON.
        BrokenDocument: it is no array.
    """
    try:
        levels = msgspec.convert(_levels.decode(body), list[StockLevel], from_attributes=True)
    except _UNREADABLE:
        return _one_by_one(body, now, id_format)
    horizon = now + CLOCK_SKEW
    by_id = {level.variant_id: level for level in levels}
    plain = len(by_id) == len(levels) and by_id.keys() <= wanted
    if not plain or any([level.updated_at > horizon for level in levels]):  # noqa: C419 - faster
        return _one_by_one(body, now, id_format)
    return Levels(by_id)


def decode_level(body: bytes, now: datetime, id_format: IdFormat = IdFormat.UUID) -> StockLevel:
    """Decode the object of `GET /inventory/{productVariantId}`.

    Raises:
        Malformed: it is not an `InventoryStockLevel`.
    """
    try:
        read = _level.decode(body)
        variant = _id_of(read.variant_id, id_format)
        level = StockLevel(variant, read.available_quantity, read.status, read.updated_at)
    except (*_UNREADABLE, ValueError) as error:
        raise _malformed(error, body) from error
    return _not_from_the_future(level, now)


def decode_item(body: bytes, id_format: IdFormat = IdFormat.UUID) -> InventoryItem:
    """Decode the object of a 201.

    Raises:
        Malformed: it is not an `InventoryItem`.
    """
    try:
        read = _item.decode(body)
        read = msgspec.structs.replace(read, variant_id=_id_of(read.variant_id, id_format))
        return msgspec.convert(read, InventoryItem, from_attributes=True)
    except (*_UNREADABLE, ValueError) as error:
        raise _malformed(error, body) from error


def decode_current(
    problem: wire.ProblemBody, now: datetime, id_format: IdFormat = IdFormat.UUID
) -> StockLevel:
    """Decode the level in a `record-exists` problem.

    Raises:
        Malformed: the member `current` is not an `InventoryStockLevel`.
    """
    try:
        return decode_level(msgspec.json.encode(problem.current), now, id_format)
    except Malformed as error:
        raise _of_element(error) from error


def decode_problem(body: bytes) -> wire.ProblemBody:
    """Decode a problem document; any other body gives `about:blank` (RFC 9457 §4.2.1)."""
    try:
        return msgspec.json.decode(body, type=wire.ProblemBody)
    except _UNREADABLE:
        return wire.ProblemBody()


def _one_by_one(body: bytes, now: datetime, id_format: IdFormat) -> Levels:
    try:
        elements = _elements.decode(body)
    except _UNREADABLE as error:
        raise _malformed(error, body, BrokenDocument) from error
    levels: list[StockLevel] = []
    malformed: dict[ProductVariantId, Malformed] = {}
    unidentified: Malformed | None = None
    for element in elements:
        raw = bytes(element)
        try:
            levels.append(decode_level(raw, now, id_format))
        except Malformed as error:
            fault = _of_element(error)
            try:
                malformed[variant_id(_variant_only.decode(raw).variant_id, id_format)] = fault
            except (*_UNREADABLE, ValueError):
                unidentified = fault
    return Levels(_newest(levels), malformed, unidentified)


def _of_element(error: Malformed) -> Malformed:
    """`error` as a fault of one element: what is around it is JSON, and came as a whole."""
    return error if error.scope is FaultScope.ELEMENT else Malformed(str(error))


def _newest(levels: Iterable[StockLevel]) -> dict[ProductVariantId, StockLevel]:
    newest: dict[ProductVariantId, StockLevel] = {}
    for level in levels:
        known = newest.setdefault(level.variant_id, level)
        if known is not level and known.updated_at < level.updated_at:
            newest[level.variant_id] = level
    return newest


def _id_of(text: str, id_format: IdFormat) -> ProductVariantId:
    try:
        return variant_id(text, id_format)
    except ValueError as error:
        raise ValueError(f"variant_id is malformed: {error}") from None


def _not_from_the_future(level: StockLevel, now: datetime) -> StockLevel:
    if level.updated_at > now + CLOCK_SKEW:
        raise Malformed(
            f"updatedAt {level.updated_at.isoformat()} is more than "
            f"{CLOCK_SKEW.total_seconds():.0f} s ahead of this host's clock"
        )
    return level


def _malformed(error: Exception, body: bytes, kind: type[Malformed] = Malformed) -> Malformed:
    """Why `body` cannot be read: an error of `kind`, if it is JSON at all."""
    if not body:
        return Garbled("the body is empty")
    try:
        value = _json_value(body)
    except Garbled as garbled:
        return garbled
    except RecursionError:
        return BrokenDocument("it is nested too deeply")
    if kind is Malformed and not isinstance(value, dict):
        kind = BrokenDocument
    # The domain's validators name its own fields; the message names the document's members.
    name, space, rest = str(error).partition(" ")
    return kind(_ON_THE_WIRE.get(name, name) + space + rest)


def _json_value(body: bytes) -> object:
    """The value of `body`, which breaks the contract.

    Raises:
        Garbled: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    try:
        return msgspec.json.decode(body)
    except _UNREADABLE as error:
        # msgspec refuses some JSON, too: half a surrogate pair, and numbers beyond a double.
        try:
            return json.loads(body.decode(), parse_int=str, parse_float=str, parse_constant=_refuse)
        except ValueError:
            raise Garbled(f"its body is no JSON, or is cut short: {error}") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
