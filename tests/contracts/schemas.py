"""Looking into the contract's yaml files, without the generator's help."""

from collections.abc import Iterator
from typing import Any

KEPT = ("type", "format", "minimum", "maximum", "enum", "default")


def resolved(node: Any, root: dict[str, Any]) -> Any:
    """`node` without references and `allOf`, its own members winning."""
    if not isinstance(node, dict):
        return node
    merged: dict[str, Any] = {}
    for part in (*([node] if "$ref" in node else []), *node.get("allOf", [])):
        target = part
        while "$ref" in target:
            found: Any = root
            for step in target["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            target = found
        inner = resolved(target, root)
        properties = {**merged.get("properties", {}), **inner.get("properties", {})}
        if properties:
            required = [*merged.get("required", []), *inner.get("required", [])]
            inner = inner | {"properties": properties, "required": required}
        merged |= inner
    return merged | {k: v for k, v in node.items() if k not in {"$ref", "allOf"}}


def shape(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The members of an object schema, by what both sides can say of them."""
    whole = resolved(schema, root)
    members = {
        name: {k: v for k, v in resolved(member, root).items() if k in KEPT}
        for name, member in whole["properties"].items()
    }
    for member in members.values():
        if "enum" in member:
            member["enum"] = sorted(member["enum"])
            member["type"] = "string"
        if member["type"] == "integer":
            member.pop("format", None)  # int32 here is a maximum there, and both have that
    return {"members": members, "required": sorted(whole["required"])}


def examples(node: Any, pointer: str = "#") -> Iterator[tuple[str, Any]]:
    """Every example in `node`, with the JSON pointer of the schema that it is an example of."""
    if isinstance(node, list):
        for index, member in enumerate(node):
            yield from examples(member, f"{pointer}/{index}")
    elif isinstance(node, dict):
        schema = f"{pointer}/schema" if "schema" in node else pointer
        if "example" in node:
            yield schema, node["example"]
        found = node.get("examples", {})
        for example in found if isinstance(found, list) else found.values():
            yield schema, example if isinstance(found, list) else example["value"]
        for name, member in node.items():
            if name not in {"example", "examples"}:
                yield from examples(member, f"{pointer}/{name.replace('/', '~1')}")
