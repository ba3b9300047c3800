"""What kind of document a body is, before its members are read."""

import json
from typing import Final

import msgspec

from shelfport.adapters.http import wire
from shelfport.adapters.http.malformed import BrokenDocument, Garbled, Malformed
from shelfport.adapters.http.splitting import begins_with
from shelfport.domain.model.text import one_line

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""Of UTF-8. RFC 8259 §8.1 forbids to send it, and allows to ignore it."""
UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What msgspec raises for bytes that are not what was expected."""

_ON_THE_WIRE = {
    field.name: field.encode_name
    for struct in (wire.InventoryItemBody, wire.InventoryStockLevelBody)
    for field in msgspec.structs.fields(struct)
}
_KINDS: dict[type, str] = {dict: "an object", list: "an array"}
_MAX_SHOWN = 40


def unmarked(body: bytes, *, strict: bool) -> bytes:
    """`body` without a byte order mark.

    Raises:
        BrokenDocument: with `strict`, it has one.
    """
    text = body.removeprefix(BYTE_ORDER_MARK)
    if strict and len(text) != len(body):
        raise BrokenDocument("it begins with a byte order mark, which RFC 8259 §8.1 forbids")
    return text


def must_begin_with(text: bytes, bracket: bytes) -> None:
    """Check that a document is an array (`[`) or an object (`{`), by its first bracket.

    Raises:
        Garbled: it is no JSON.
        BrokenDocument: it is another value.
    """
    if begins_with(text, bracket):
        return
    if not text:
        raise Garbled("the body is empty")
    expected = _KINDS[list if bracket == b"[" else dict]
    raise BrokenDocument(f"it is {_kind_of(text)}, not {expected}")


def of_an_element(error: Exception) -> Malformed:
    """The fault of an object that msgspec refuses; its message names the document's members."""
    if isinstance(error, Malformed):
        return error
    if isinstance(error, RecursionError):
        return Malformed("it is nested too deeply")
    if isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError):
        return Malformed(f"a value of it is no JSON: {error}")
    # The domain's validators name its own fields.
    name, space, rest = str(error).partition(" ")
    return Malformed(_ON_THE_WIRE.get(name, name) + space + rest)


def _kind_of(text: bytes) -> str:
    """What JSON value `text` is.

    Raises:
        Garbled: it is none.
        BrokenDocument: it is nested too deeply.
    """
    try:
        value = _json_value(text)
    except RecursionError:
        raise BrokenDocument("it is nested too deeply") from None
    return _KINDS.get(type(value)) or one_line(text[:_MAX_SHOWN].decode("utf-8", "replace"))


def _json_value(text: bytes) -> object:
    """The value of `text`.

    Raises:
        Garbled: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    try:
        return msgspec.json.decode(text)
    except UNREADABLE as error:
        # msgspec refuses some JSON, too: half a surrogate pair, and numbers beyond a double.
        try:
            return json.loads(text.decode(), parse_int=str, parse_float=str, parse_constant=_refuse)
        except ValueError:
            raise Garbled(f"its body is no JSON, or is cut short: {error}") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
