"""Makes expectations, in Pact's integration JSON, from a schema and an example.

An expectation is JSON with example values; `{"pact:matcher:type": …}` wraps the values that may
differ. The expressions are anchored, and valid for Rust's `regex` crate and for Python.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from shelfport.contracts.pact.schema import Schema

Expectation: TypeAlias = Any
"""JSON, with matchers."""

UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# RFC 3339 §5.6. Not `\d`, which is a digit of any script in Rust.
DATE_TIME = (
    "[0-9]{4}(-[0-9]{2}){2}[Tt][0-9]{2}(:[0-9]{2}){2}(\\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_FORMATS = {"uuid": UUID, "date-time": DATE_TIME}
_TYPE = "pact:matcher:type"

Pinned: TypeAlias = "Mapping[str, Collection[str]]"
"""The allowed ids, by the name of the member: the consumer compares the ids of an answer with the
ones that it requested."""

Members: TypeAlias = "Mapping[str, Members | None]"
"""The members of an object that the consumer reads or sends; None for a member without members."""


def regex(expression: str, example: str) -> Expectation:
    """Text that matches `expression` as a whole."""
    return {_TYPE: "regex", "regex": f"^{expression}$", "value": example}


def text_of(example: Any) -> str:
    """A value as text of a header, a path or a query: a list with commas (RFC 6570 §3.2.8)."""
    return ",".join(map(str, example)) if isinstance(example, list) else str(example)


def text(schema: Schema, example: Any) -> Expectation:
    """A header, a path segment or a query value: text, also if the schema is a number."""
    schema.check(example)
    words = expression(schema) if schema.type != "array" else _list(schema, len(example))
    return regex(words, text_of(example))


def _list(schema: Schema, least: int) -> str:
    """A list with commas, at least as long as the example.

    Pact compares each value of a repeated parameter with the expression: one element alone must
    not match.
    """
    most = schema.keywords.get("maxItems")
    if schema.items is None or most is None:
        raise schema.node.error("a list in a parameter needs `items` and `maxItems`")
    item = expression(schema.items)
    return f"{item}(,{item}){{{least - 1},{most - 1}}}"


def expected_body(schema: Schema, example: Any, reads: Members, pinned: Pinned) -> Expectation:
    """What the consumer expects of the body of an answer, or of a message.

    Args:
        schema: the schema of the body.
        example: a value that matches it.
        reads: the members that the consumer reads; it expects no others.
        pinned: the allowed ids, by the name of the member.

    Raises:
        BadContract: the example breaks the schema, or the contract does not promise what is read.
    """
    schema.check(example)
    return _expected(schema, example, reads, pinned)


def request_body(schema: Schema, example: Any, members: Collection[str]) -> Expectation:
    """The body of a request: an object with exactly these members.

    Raises:
        BadContract: the example breaks the schema, or the contract requires other members.
    """
    schema.check(example)
    if set(example) != set(members):
        raise schema.node.error(
            f"the consumer sends {sorted(members)}, the example {sorted(example)}"
        )
    return {name: _leaf(schema.properties[name], example[name]) for name in members}


def _expected(schema: Schema, example: Any, reads: Members, pinned: Pinned) -> Expectation:
    match schema.type:
        case "array":
            return _array(schema, example, reads, pinned)
        case "object":
            return _object(schema, example, reads, pinned)
        case kind:
            raise schema.node.error(f"a body of type {kind} is not understood")


def _array(schema: Schema, example: Any, reads: Members, pinned: Pinned) -> Expectation:
    if schema.items is None:
        raise schema.node.error("an array without `items` is not understood")
    elements = [_expected(schema.items, element, reads, pinned) for element in example]
    if not elements:
        return elements
    # As many as the provider states name: one more would be an unknown record.
    return {_TYPE: "type", "min": len(elements), "max": len(elements), "value": elements}


def _object(schema: Schema, example: Any, reads: Members, pinned: Pinned) -> Expectation:
    expected: dict[str, Expectation] = {}
    for name, inner in reads.items():
        member = schema.properties.get(name)
        if member is None:
            raise schema.node.error(f"the consumer reads `{name}`, which is not there")
        if name not in schema.required:
            raise schema.node.error(f"the consumer reads `{name}`, which is not `required`")
        if name in pinned:
            expected[name] = _one_of(member, example[name], pinned[name])
        elif inner is not None:
            expected[name] = _expected(member, example[name], inner, pinned)
        else:
            expected[name] = _leaf(member, example[name])
    return expected


def _one_of(schema: Schema, example: Any, allowed: Collection[str]) -> Expectation:
    """One of these ids, in upper or lower case."""
    if schema.type != "string" or schema.keywords.get("format") != "uuid":
        raise schema.node.error("the consumer compares this id: it must be a string of format uuid")
    return regex(f"(?i:{'|'.join(allowed)})", example)


def _leaf(schema: Schema, example: Any) -> Expectation:
    match schema.type:
        case "string" if len(schema.keywords.get("enum", ())) == 1:
            return example
        case "string" if {"enum", "pattern", "format"} & schema.keywords.keys():
            return regex(expression(schema), example)
        case "string":
            return {_TYPE: "type", "value": example}
        case "integer" if schema.keywords.get("minimum") == 0:
            digits = {_TYPE: "regex", "regex": f"^{expression(schema)}$"}
            return {_TYPE: [{_TYPE: "integer"}, digits], "value": example}
        case kind:
            raise schema.node.error(f"a member of type {kind} is not understood here")


def expression(schema: Schema) -> str:
    """The regular expression, not anchored, of the texts that match a schema.

    Raises:
        BadContract: no expression is equivalent to the schema.
    """
    words = schema.keywords
    match schema.type:
        case "string" if "enum" in words:
            return f"({'|'.join(map(_literally, words['enum']))})"
        case "string" if "pattern" in words:
            return _inner(schema, str(words["pattern"]))
        case "string" if "format" in words:
            found = _FORMATS.get(words["format"])
            if found is None:
                raise schema.node.error(f"the format `{words['format']}` is not understood")
            return found
        case "string":
            return ".+"
        case "integer" if words.get("minimum") == 0:
            return f"[0-9]{{1,{len(str(words['maximum']))}}}" if "maximum" in words else "[0-9]+"
        case kind:
            raise schema.node.error(f"a parameter of type {kind} is not understood here")


def _literally(text: object) -> str:
    # A hyphen means itself outside brackets, and JavaScript refuses it escaped.
    return re.escape(str(text)).replace(r"\-", "-")


def _inner(schema: Schema, pattern: str) -> str:
    """A pattern of the contract without its anchors."""
    if not (pattern.startswith("^") and pattern.endswith("$")) or pattern.endswith(r"\$"):
        raise schema.node.error(f"the pattern {pattern!r} is not anchored at both ends")
    inner = pattern[1:-1]
    return f"({inner})" if "|" in inner else inner
