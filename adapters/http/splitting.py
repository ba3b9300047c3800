"""Splits JSON into the elements of an array and the members of an object, without reading them.

It goes by brackets, strings and commas only. So a value that is ignored may be one that a parser of
JSON refuses: half a surrogate pair, `NaN`, a number beyond a double, a control character. The time
is linear in the length of the text: no pattern goes back (all are possessive), and each bracket is
looked at a bounded number of times.
"""

import re

import msgspec

from shelfport.adapters.http.malformed import BrokenDocument, Garbled

MAX_DEPTH = 1_000
"""How many arrays and objects may be inside one another, as for Python's own parser of JSON."""

_GAP = rb"[ \t\n\r]*+"
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_WORD = rb"[-+.0-9A-Za-z]++"
"""A number or a literal, or something like one, such as `NaN`."""
_FLAT = rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+"
"""The inside of an array or an object that has no others inside it: nearly all elements."""
_VALUE = _STRING + rb"|" + _WORD + rb"|\{" + _FLAT + rb"\}|\[" + _FLAT + rb"\]"


def _pattern(text: bytes) -> re.Pattern[bytes]:
    return re.compile(text, re.DOTALL)


_gap = _pattern(_GAP)
_opening = _pattern(_GAP + rb"[\[{]" + _GAP)
_element = _pattern(_GAP + rb"(" + _VALUE + rb")" + _GAP + rb"([,\]])")
_after_element = _pattern(_GAP + rb"([,\]])")
_NAME = _GAP + rb'"((?:[^"\\]++|\\.)*+)"' + _GAP + rb":" + _GAP
_name = _pattern(_NAME)
_member = _pattern(_NAME + rb"(" + _VALUE + rb")" + _GAP + rb"([,}])")
_after_member = _pattern(_GAP + rb"([,}])")
_bracket = _pattern(_STRING + rb'|["\[\]{}]')
_CLOSED_BY = {ord("["): ord("]"), ord("{"): ord("}")}
_QUOTE = ord('"')


def begins_with(text: bytes, bracket: bytes) -> bool:
    """Whether `text` begins with `bracket`, after white space."""
    return text.startswith(bracket, _end_of_gap(text, 0))


def elements_of(text: bytes) -> list[bytes]:
    """The elements of `text`, which begins with `[`.

    Raises:
        Garbled: a bracket, a quote or a comma is missing or is one too many.
        BrokenDocument: more than `MAX_DEPTH` arrays and objects are inside one another.
    """
    at = _start(text)
    if text.startswith(b"]", at):
        _must_end(text, at + 1)
        return []
    elements: list[bytes] = []
    separator = b","
    while separator == b",":
        found = _element.match(text, at)
        if found is not None:
            element, separator = found.groups()
            at = found.end()
        else:
            element, separator, at = _nested(text, at, _after_element)
        elements.append(element)
    _must_end(text, at)
    return elements


def members_of(text: bytes) -> dict[bytes, bytes]:
    """The members of `text`, which begins with `{`: the value of each name, as it is in `text`.

    Of two members with one name the last one counts, as for msgspec (RFC 8259 §4 leaves it open).

    Raises:
        Garbled: as for `elements_of`.
        BrokenDocument: as for `elements_of`.
    """
    members: dict[bytes, bytes] = {}
    at = _start(text)
    if text.startswith(b"}", at):
        _must_end(text, at + 1)
        return members
    separator = b","
    while separator == b",":
        found = _member.match(text, at)
        if found is not None:
            name, value, separator = found.groups()
            at = found.end()
        else:
            named = _name.match(text, at)
            if named is None:
                raise _garbled(text, at, "no member of an object")
            name = named[1]
            value, separator, at = _nested(text, named.end(), _after_member)
        members[_unescaped(name) if b"\\" in name else name] = value
    _must_end(text, at)
    return members


def _nested(text: bytes, at: int, after: re.Pattern[bytes]) -> tuple[bytes, bytes, int]:
    """The array or object at `at`, the separator that follows it, and the place behind that."""
    start = _end_of_gap(text, at)
    if text[start : start + 1] not in (b"[", b"{"):
        raise _garbled(text, start, "no value, or no comma after one,")
    end = _end_of_nested(text, start)
    separated = after.match(text, end)
    if separated is None:
        raise _garbled(text, end, "no comma")
    return text[start:end], separated[1], separated.end()


def _end_of_nested(text: bytes, start: int) -> int:
    """The place behind the array or object that begins at `start`."""
    awaited = bytearray()
    for found in _bracket.finditer(text, start):
        token = text[found.start()]
        if token == _QUOTE:
            if found.end() - found.start() == 1:
                raise Garbled("its body is no JSON, or is cut short: a string has no end")
            continue
        closed_by = _CLOSED_BY.get(token)
        if closed_by is not None:
            if len(awaited) == MAX_DEPTH:
                raise BrokenDocument("it is nested too deeply")
            awaited.append(closed_by)
        elif token != awaited.pop():
            raise _garbled(text, found.start(), "the wrong bracket")
        if not awaited:
            return found.end()
    raise Garbled("its body is no JSON, or is cut short: a bracket is not closed")


def _start(text: bytes) -> int:
    """The place behind the bracket that `text` begins with."""
    opening = _opening.match(text)
    if opening is None:
        raise ValueError("the text begins with no bracket: see begins_with")
    return opening.end()


def _must_end(text: bytes, at: int) -> None:
    end = _end_of_gap(text, at)
    if end != len(text):
        raise _garbled(text, end, "more than one document")


def _end_of_gap(text: bytes, at: int) -> int:
    gap = _gap.match(text, at)
    assert gap is not None  # noqa: S101 - for mypy: the pattern matches nothing, too
    return gap.end()


def _unescaped(name: bytes) -> bytes:
    try:
        return msgspec.json.decode(b'"' + name + b'"', type=str).encode()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return name  # none that is looked for


def _garbled(text: bytes, at: int, what: str) -> Garbled:
    if at >= len(text):
        return Garbled("its body is no JSON, or is cut short: its end is missing")
    return Garbled(f"its body is no JSON, or is cut short: it has {what} at byte {at}")
