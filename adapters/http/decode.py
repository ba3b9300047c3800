"""Decodes the bodies of answers into stock levels of the domain.

An answer that keeps the contract is decoded as a whole, in C. Any other is read element by element
(`elements`), and an element member by member (`repairing`), so that each fault costs as little as
it can. With `strict` nothing is repaired: each element that breaks the contract is malformed.
"""

from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from shelfport.adapters.http import wire
from shelfport.adapters.http.document import (
    BYTE_ORDER_MARK,
    UNREADABLE,
    must_begin_with,
    of_an_element,
    unmarked,
)
from shelfport.adapters.http.elements import DecodedLevel, Levels, levels_of, read_object
from shelfport.adapters.http.malformed import BrokenDocument, Garbled, Malformed
from shelfport.adapters.http.repairing import Repair, Repairs
from shelfport.adapters.http.splitting import members_of
from shelfport.domain.model import (
    FaultScope,
    IdFormat,
    InventoryItem,
    ProductVariantId,
    StockLevel,
    StockStatus,
    variant_id,
)

__all__ = [
    "BrokenDocument",
    "DecodedLevel",
    "Garbled",
    "Levels",
    "Malformed",
    "Repair",
    "decode_current",
    "decode_item",
    "decode_level",
    "decode_levels",
    "decode_problem",
]

_OUT = StockStatus.OUT_OF_STOCK

_levels = msgspec.json.Decoder(list[wire.InventoryStockLevelBody])
_item = msgspec.json.Decoder(wire.InventoryItemBody)
_problem = msgspec.json.Decoder(wire.ProblemBody)
_MEMBERS_OF_AN_ITEM = {
    field.encode_name.encode() for field in msgspec.structs.fields(wire.InventoryItemBody)
}
_CURRENT = b"current"
_PLAIN_MEMBERS_OF_A_PROBLEM = {
    field.encode_name.encode(): (field.name, msgspec.json.Decoder(field.type))
    for field in msgspec.structs.fields(wire.ProblemBody)
    if field.encode_name.encode() != _CURRENT
}
"""All but `current`, by name."""


def decode_levels(
    body: bytes,
    wanted: AbstractSet[ProductVariantId] = frozenset(),
    id_format: IdFormat = IdFormat.UUID,
    *,
    strict: bool = False,
) -> Levels:
    """Decode the array of `GET /inventory`.

    msgspec checks the domain's rules for a `StockLevel`, except for its id. That its quantity and
    its status do not contradict each other is checked here.

    Args:
        body: the document.
        wanted: the ids that were asked for, in their canonical form: an answer about them alone is
            decoded faster.
        id_format: what ids look like; in the document they may have another form than the canonical
            one.
        strict: nothing is repaired.

    Raises:
        Garbled: the document is no JSON.
        BrokenDocument: it is no array.
    """
    try:
        levels = msgspec.convert(_levels.decode(body), list[StockLevel], from_attributes=True)
    except UNREADABLE:
        pass
    else:
        # A level that contradicts itself is left out here, as all but one of a variant's are.
        by_id = {
            level.variant_id: level
            for level in levels
            if (not level.available_quantity) is (level.status is _OUT)
        }
        if len(by_id) == len(levels) and by_id.keys() <= wanted:
            return Levels(by_id)
    text = unmarked(body, strict=strict)
    must_begin_with(text, b"[")
    return levels_of(text, wanted, id_format, strict=strict)


def decode_level(
    body: bytes, id_format: IdFormat = IdFormat.UUID, *, strict: bool = False
) -> DecodedLevel:
    """Decode the object of `GET /inventory/{productVariantId}`.

    Raises:
        Malformed: it is not an `InventoryStockLevel`, and cannot be repaired.
    """
    text = unmarked(body, strict=strict)
    must_begin_with(text, b"{")
    repairs = Repairs()
    _, level = read_object(text, id_format, repairs, strict=strict)
    if isinstance(level, Malformed):
        raise level
    return DecodedLevel(level, repairs.by_member())


def decode_item(body: bytes, id_format: IdFormat = IdFormat.UUID) -> InventoryItem:
    """Decode the object of a 201.

    Raises:
        Malformed: it is not an `InventoryItem`.
    """
    text = unmarked(body, strict=False)
    must_begin_with(text, b"{")
    try:
        try:
            read = _item.decode(text)
        except UNREADABLE:
            read = _item.decode(_without_ignored_members(text))
        read = msgspec.structs.replace(read, variant_id=_id_of(read.variant_id, id_format))
        return msgspec.convert(read, InventoryItem, from_attributes=True)
    except (*UNREADABLE, ValueError) as error:
        raise of_an_element(error) from error


def decode_current(
    problem: wire.ProblemBody, id_format: IdFormat = IdFormat.UUID, *, strict: bool = False
) -> DecodedLevel:
    """Decode the level in a `record-exists` problem.

    Raises:
        Malformed: the member `current` is not an `InventoryStockLevel`, and cannot be repaired.
    """
    try:
        return decode_level(msgspec.json.encode(problem.current), id_format, strict=strict)
    except Malformed as error:
        if error.scope is FaultScope.ELEMENT:
            raise
        # What is around it is JSON, and came as a whole.
        raise Malformed(f"its member current is malformed: {error}") from error


def decode_problem(body: bytes) -> wire.ProblemBody:
    """Decode a problem document; any other body gives `about:blank` (RFC 9457 §4.2.1).

    A member whose value is no JSON, such as half of an emoji in a `detail`, counts as missing.
    """
    try:
        return _problem.decode(body)
    except UNREADABLE:
        pass
    text = body.removeprefix(BYTE_ORDER_MARK)
    try:
        must_begin_with(text, b"{")
        members = members_of(text)
        read = {
            field: decoded
            for name, (field, decoder) in _PLAIN_MEMBERS_OF_A_PROBLEM.items()
            if name in members and (decoded := _decoded(members[name], decoder)) is not None
        }
    except (Malformed, msgspec.ValidationError):
        return wire.ProblemBody()
    # Not decoded: `decode_current` reads as much of it as it can.
    current = msgspec.Raw(members[_CURRENT]) if _CURRENT in members else None
    return wire.ProblemBody(**read, current=current)


def _decoded(value: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """The `value` of a problem's member, or None if it is no JSON.

    Raises:
        msgspec.ValidationError: it has another type than the member.
    """
    try:
        return decoder.decode(value)
    except msgspec.ValidationError:
        raise
    except UNREADABLE:
        return None


def _without_ignored_members(text: bytes) -> bytes:
    """An item with the members alone that are read: those that are ignored may be no JSON."""
    members = members_of(text)
    read = [b'"' + n + b'":' + members[n] for n in _MEMBERS_OF_AN_ITEM if n in members]
    return b"{" + b",".join(read) + b"}"


def _id_of(text: str, id_format: IdFormat) -> ProductVariantId:
    try:
        return variant_id(text, id_format)
    except ValueError as error:
        raise ValueError(f"variant_id is malformed: {error}") from None
