"""Payloads made from the contract's schemas: valid ones, and each way to break one.

It reads the schemas by itself, independently of the pact generator.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import attrs
from hypothesis import strategies as st

Schema = dict[str, Any]
"""A JSON Schema without references."""

LATEST = datetime(2026, 3, 14, 9, 0)  # noqa: DTZ001 - the zones are drawn
"""The latest local time that is drawn."""

_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_fractions = st.from_regex(r"\A(\.[0-9]{1,9})?\Z")
_members = st.text(max_size=8)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _members,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_members, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def _instants(draw: st.DrawFn) -> str:
    """RFC 3339 date-times of any offset and fraction; no leap second, which no `datetime` has."""
    moment = draw(
        st.datetimes(datetime(1970, 1, 2), LATEST, timezones=_offsets)  # noqa: DTZ001 - as above
    ).replace(microsecond=0)
    local, offset = moment.isoformat()[:19], moment.isoformat()[19:]
    if offset == "+00:00":
        offset = draw(st.sampled_from(["Z", "z", "+00:00", "-00:00"]))
    return local.replace("T", draw(st.sampled_from("Tt"))) + draw(_fractions) + offset


@st.composite
def _uuids(draw: st.DrawFn) -> str:
    text = str(draw(st.uuids().filter(lambda value: value.int)))
    return text.upper() if draw(st.booleans()) else text


def valid(schema: Schema) -> st.SearchStrategy[Any]:
    """Valid values of `schema`; objects also have members that it does not name."""
    match schema:
        case {"enum": choices}:
            return st.sampled_from(choices)
        case {"type": "object", "properties": properties}:
            return _objects(properties, set(schema["required"]))
        case {"type": "array", "items": items}:
            return st.lists(valid(items), max_size=4)
        case {"type": "integer", "minimum": least, "maximum": most}:
            return st.integers(least, most)
        case {"format": "uuid"}:
            return _uuids()
        case {"format": "date-time"}:
            return _instants()
        case {"type": "string"} if not {"format", "pattern"} & schema.keys():
            return st.text(max_size=40)
    raise AssertionError(f"no payloads are drawn from {schema}")


def _objects(properties: dict[str, Schema], required: set[str]) -> st.SearchStrategy[Any]:
    extra = st.dictionaries(_members.filter(lambda name: name not in properties), _json, max_size=2)
    known = st.fixed_dictionaries(
        {name: valid(properties[name]) for name in properties if name in required},
        optional={name: valid(properties[name]) for name in properties if name not in required},
    )
    return st.tuples(known, extra).map(lambda drawn: {**drawn[1], **drawn[0]})


@attrs.frozen
class Break:
    """One way to break one member."""

    member: str
    name: str
    value: Any = None
    missing: bool = False

    def applied(self, payload: dict[str, Any]) -> dict[str, Any]:
        """A copy of `payload`, broken."""
        rest = {name: value for name, value in payload.items() if name != self.member}
        return rest if self.missing else {**rest, self.member: self.value}


_OF_ANOTHER_TYPE: dict[str, Any] = {
    "null": None,
    "a truth": True,
    "a list": [],
    "an object": {},
    "half": 0.5,
}
_BROKEN_FORMATS: dict[str, dict[str, str]] = {
    "uuid": {
        "empty": "",
        "a word": "shoe",
        "too short": "c9bf9e57-1685-4c89-bafb-ff5af830be8",
        "in braces": "{c9bf9e57-1685-4c89-bafb-ff5af830be8a}",
        "a urn": "urn:uuid:c9bf9e57-1685-4c89-bafb-ff5af830be8a",
        "nil": str(UUID(int=0)),
    },
    "date-time": {
        "empty": "",
        "without an offset": "2026-03-14T09:26:53",
        "a date": "2026-03-14",
        "no such day": "2026-02-30T09:26:53Z",
        "no such hour": "2026-03-14T25:26:53Z",
        "without seconds": "2026-03-14T09:26Z",
        "a comma": "2026-03-14T09:26:53,5Z",
        "seconds since 1970": "1773480413",
    },
}


READ_ALL_THE_SAME = {("productVariantId", "in braces"), ("productVariantId", "a urn")}
"""What a variant's id may look like beyond the contract: any spelling of a UUID is read."""


def breaks(schema: Schema) -> Iterator[Break]:
    """Every way to break one member of an object that `schema` describes."""
    for member, inner in schema["properties"].items():
        yield Break(member, "missing", missing=True)
        for name, value in _OF_ANOTHER_TYPE.items():
            yield Break(member, name, value)
        match inner:
            case {"type": "integer", "minimum": least, "maximum": most}:
                yield Break(member, "too little", least - 1)
                yield Break(member, "too much", most + 1)
                yield Break(member, "as text", str(least))
            case {"type": "string"}:
                yield Break(member, "a number", 7)
            case _:
                pass
        if "enum" in inner:
            yield Break(member, "an unknown choice", "DISCONTINUED")
            yield Break(member, "in small letters", inner["enum"][0].lower())
        for name, text in _BROKEN_FORMATS.get(inner.get("format", ""), {}).items():
            if (member, name) not in READ_ALL_THE_SAME:
                yield Break(member, name, text)
