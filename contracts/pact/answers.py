"""The contract's answers to an operation: one for each example of each status."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from shelfport.adapters.http.wire import PROBLEM_TYPE
from shelfport.contracts.pact.schema import Schema, branches, schema_of
from shelfport.contracts.pact.yaml_document import BadContract, Node


@attrs.frozen(kw_only=True)
class PactAnswer:
    """One example of one status; a case picks it."""

    node: Node
    status: int
    name: str | None
    """The example's name; None for a problem, which has a type, and for the only example."""
    problem: str | None
    """The problem type, without its prefix; None if the answer is no problem."""
    content_type: str
    schema: Schema
    example: Any

    @property
    def levels(self) -> Sequence[Mapping[str, Any]]:
        """The stock levels in the example."""
        match self.example:
            case list(levels):
                return levels
            case {"current": level}:
                return [level]
            case level if self.status == 200:
                return [level]
            case _:
                return []


def answers_of(operation: Node) -> Iterator[PactAnswer]:
    """Every answer to `operation`, in the order of the yaml.

    Raises:
        BadContract: a status, content type or schema is not understood, or has no example.
    """
    for status, response in operation.child("responses").items():
        if not status.isdigit():
            raise response.error(f"the status `{status}` is not understood: write each one out")
        content_type, media = only_content(response)
        schemas = [schema_of(branch) for branch in branches(media.child("schema"))]
        unused = list(schemas)
        for name, example, node in examples_of(media, schemas):
            schema = _matching_schema(example, schemas, node)
            if schema in unused:
                unused.remove(schema)
            problem = _problem(schema)
            yield PactAnswer(
                node=response,
                status=int(status),
                name=name if problem is None else None,
                problem=problem,
                content_type=content_type,
                schema=schema,
                example=example,
            )
        if unused:
            raise unused[0].node.error("no example of the answer keeps this branch of `oneOf`")


def only_content(node: Node) -> tuple[str, Node]:
    """The content type of a body, and its media type object.

    Raises:
        BadContract: the body has several content types, or none.
    """
    content = list(node.child("content").items())
    if len(content) != 1:
        raise node.error(f"it has {len(content)} content types: it must have one")
    return content[0]


def examples_of(media: Node, schemas: Sequence[Schema]) -> Iterator[tuple[str | None, Any, Node]]:
    """The named examples of a body; else its only example; else that of its schema.

    Raises:
        BadContract: the body has no example.
    """
    named = media.get("examples")
    if named is not None:
        for name, example in named.items():
            yield name, example.child("value").value, example
    elif "example" in media.value:
        yield None, media.value["example"], media
    elif len(schemas) == 1 and schemas[0].example is not None:
        yield None, schemas[0].example, media
    else:
        raise media.error("there is no example")


def _matching_schema(example: Any, schemas: Sequence[Schema], node: Node) -> Schema:
    """The only schema that `example` matches."""
    if len(schemas) == 1:
        schemas[0].check(example)
        return schemas[0]
    kept = []
    for schema in schemas:
        try:
            schema.check(example)
        except BadContract:
            continue
        kept.append(schema)
    if len(kept) != 1:
        raise node.error(f"the example keeps {len(kept)} branches of `oneOf`: it must be one")
    return kept[0]


def _problem(schema: Schema) -> str | None:
    kind = schema.properties.get("type")
    if kind is None:
        return None
    types = kind.keywords.get("enum", ())
    if len(types) != 1:
        raise kind.node.error("an answer must say which one problem type it has")
    return str(types[0]).removeprefix(PROBLEM_TYPE)
