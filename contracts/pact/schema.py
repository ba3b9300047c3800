"""Reads a schema of the contract, and refuses every keyword that it does not understand.

It understands the keywords of `_KEYWORDS`, `allOf` (it merges the parts, which must not contradict
each other), and `not` with an `enum`. It does not merge a `oneOf`: the example of a response
decides which branch an interaction uses (`branches`). Any other keyword is an error, because the
pact would not check what the keyword promises.
"""

from typing import Any

import attrs
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from shelfport.contracts.pact.yaml_document import Node

_KEYWORDS = frozenset(
    {"additionalProperties", "default", "enum", "format", "items", "maxItems", "maximum"}
    | {"minItems", "minimum", "pattern", "properties", "required", "type"}
)
_PROSE = frozenset({"description", "example", "examples", "title"})
"""Keywords that describe, and promise nothing."""
_IGNORED = _PROSE | {"allOf"}
"""`allOf` is read separately."""

_TYPES = ("array", "boolean", "integer", "number", "object", "string")


@attrs.frozen
class Schema:
    """The requirements for a value."""

    node: Node
    """Its node in the document, for errors."""
    keywords: dict[str, Any]
    """The merged keywords, without those of the next three fields."""
    properties: dict[str, "Schema"] = attrs.field(factory=dict)
    items: "Schema | None" = None
    excluded: tuple[Any, ...] = ()
    """Values with the right format that are refused: `not: {enum: [...]}`."""
    example: Any = attrs.field(default=None)

    @property
    def type(self) -> str:
        """The JSON type."""
        return str(self.keywords["type"])

    @property
    def required(self) -> frozenset[str]:
        """The members that an object always has."""
        return frozenset(self.keywords.get("required", ()))

    def check(self, value: Any) -> None:
        """Validate `value` against this schema.

        Raises:
            BadContract: it does not match; the sentence says where and why.
        """
        validator = OAS30Validator(self.plain(), format_checker=oas30_format_checker)
        for error in validator.iter_errors(value):
            where = "".join(f"/{step}" for step in error.absolute_path)
            raise self.node.error(f"the example breaks this schema at `{where}`: {error.message}")

    def plain(self) -> dict[str, Any]:
        """This schema as JSON Schema without references."""
        plain = dict(self.keywords)
        if self.properties:
            plain["properties"] = {name: p.plain() for name, p in self.properties.items()}
        if self.items is not None:
            plain["items"] = self.items.plain()
        if self.excluded:
            plain["not"] = {"enum": list(self.excluded)}
        return plain


def schema_of(node: Node) -> Schema:
    """The schema at `node`.

    Raises:
        BadContract: a keyword is not understood, or parts contradict each other.
    """
    schema = _read(node.followed())
    if schema.keywords.get("type") not in _TYPES:
        raise node.error(f"`type` is {schema.keywords.get('type')!r}: it must be one of {_TYPES}")
    for member in schema.properties.values():
        if "type" not in member.keywords:
            raise member.node.error("there is no `type`")
    return schema


def branches(node: Node) -> list[Node]:
    """The schemas of a body: those of its `oneOf`, or its only one."""
    node = node.followed()
    if "oneOf" not in node.value:
        return [node]
    if set(node.value) - _PROSE != {"oneOf"}:
        raise node.error("`oneOf` beside other keywords is not understood")
    return node.child("oneOf").elements()


def _read(node: Node) -> Schema:
    """The schema at `node`; a part of an `allOf` may omit its type."""
    whole = _own(node)
    parts = node.get("allOf")
    for part in () if parts is None else parts.elements():
        whole = _merged(_read(part), whole, node)
    return whole


def _own(node: Node) -> Schema:
    """The schema of `node` without its `allOf`."""
    keywords: dict[str, Any] = {}
    properties: dict[str, Schema] = {}
    items: Schema | None = None
    excluded: tuple[Any, ...] = ()
    for keyword, value in node.value.items():
        match keyword:
            case "properties":
                properties = {name: _read(member) for name, member in node.child(keyword).items()}
            case "items":
                items = schema_of(node.child(keyword))
            case "not":
                excluded = _excluded(node.child(keyword))
            case "additionalProperties" if value is not False:
                raise node.error("`additionalProperties` is understood as false only")
            case "const":
                keywords["enum"] = [value]
            case _ if keyword in _KEYWORDS:
                keywords[keyword] = value
            case _ if keyword not in _IGNORED:
                raise node.error(f"the keyword `{keyword}` is not understood")
            case _:
                pass
    example = node.value.get("example", next(iter(node.value.get("examples", ())), None))
    return Schema(node, keywords, properties, items, excluded, example)


def _excluded(node: Node) -> tuple[Any, ...]:
    if set(node.value) != {"enum"}:
        raise node.error("`not` is understood with `enum` only")
    return tuple(node.value["enum"])


def _merged(one: Schema, other: Schema, node: Node) -> Schema:
    """A schema whose values match both schemas."""
    keywords = dict(one.keywords)
    for keyword, value in other.keywords.items():
        if keyword not in keywords:
            keywords[keyword] = value
        elif keyword == "required":
            keywords[keyword] = sorted({*keywords[keyword], *value})
        elif keyword == "enum":
            both = [choice for choice in keywords[keyword] if choice in value]
            if not both:
                raise other.node.error("`enum` has no value that the other parts of `allOf` allow")
            keywords[keyword] = both
        elif keywords[keyword] != value:
            raise other.node.error(f"`{keyword}` differs from the other parts of `allOf`")
    properties = dict(one.properties)
    for name, member in other.properties.items():
        known = properties.get(name)
        properties[name] = member if known is None else _merged(known, member, member.node)
    if one.items is not None and other.items is not None:
        raise node.error("two parts of `allOf` describe the items")
    return Schema(
        node,
        keywords,
        properties,
        one.items or other.items,
        (*one.excluded, *other.excluded),
        one.example if other.example is None else other.example,
    )
