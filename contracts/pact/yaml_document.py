"""A yaml document whose nodes know their position, follow references and name it in errors."""

from collections.abc import Iterator
from typing import Any

import attrs
import yaml
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4

from shelfport.contracts.errors import ContractsError

_URI = "urn:contract"


class BadContract(ContractsError):
    """A yaml file is not fit for a pact; the message is a sentence that begins with the place."""


def _escaped(step: object) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


@attrs.frozen
class Node:
    """A value in a document, its position, and a way to follow its references."""

    value: Any
    pointer: str
    """JSON pointer (RFC 6901) in its fragment form, such as `#/paths/~1inventory`."""
    _registry: Registry[Any] = attrs.field(repr=False, eq=False)
    _file: str = attrs.field(repr=False, eq=False)

    def error(self, sentence: str) -> BadContract:
        """An error about this node."""
        return BadContract(f"{self._file}{self.pointer}: {sentence}")

    def child(self, *steps: object) -> "Node":
        """The node below, with references followed.

        Raises:
            BadContract: there is none.
        """
        node = self
        for step in steps:
            try:
                value = node.value[step]
            except (KeyError, IndexError, TypeError):
                raise node.error(f"there is no `{step}`") from None
            node = node._at(value, f"{node.pointer}/{_escaped(step)}").followed()
        return node

    def get(self, step: str) -> "Node | None":
        """The node below, or None if there is none."""
        return self.child(step) if isinstance(self.value, dict) and step in self.value else None

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """The members of an object, in their order in the document."""
        if not isinstance(self.value, dict):
            raise self.error("it must be an object")
        for name in self.value:
            yield str(name), self.child(name)

    def elements(self) -> list["Node"]:
        """The elements of an array."""
        if not isinstance(self.value, list):
            raise self.error("it must be an array")
        return [self.child(index) for index in range(len(self.value))]

    def followed(self) -> "Node":
        """The target of this node if it is a reference, else the node itself.

        Raises:
            BadContract: it refers to another document, to a missing node, or to itself.
        """
        node = self
        seen = {node.pointer}
        while isinstance(node.value, dict) and "$ref" in node.value:
            if set(node.value) != {"$ref"}:
                raise node.error("`$ref` has siblings, which OpenAPI 3.0 ignores: use `allOf`")
            target = node.value["$ref"]
            if not isinstance(target, str) or not target.startswith("#"):
                raise node.error(f"the reference {target!r} leaves this document")
            try:
                resolved = self._registry.resolver(_URI).lookup(target)
            except Unresolvable as error:
                raise node.error(f"the reference {target} leads nowhere") from error
            node = node._at(resolved.contents, target)
            if node.pointer in seen:
                raise node.error("this reference leads to itself")
            seen.add(node.pointer)
        return node

    def check_references(self) -> None:
        """Follow every reference below this node.

        Raises:
            BadContract: one cannot be followed.
        """
        self.followed()
        match self.value:
            case dict(members):
                below = list(members.items())
            case list(elements):
                below = list(enumerate(elements))
            case _:
                below = []
        for step, value in below:
            self._at(value, f"{self.pointer}/{_escaped(step)}").check_references()

    def _at(self, value: Any, pointer: str) -> "Node":
        return Node(value, pointer, self._registry, self._file)


def read_yaml(text: str, file: str) -> Node:
    """The root of the document `text`.

    Args:
        text: YAML.
        file: the document's name in errors.

    Raises:
        BadContract: the text is not YAML, or no object.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadContract(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    return root_of(value, file)


def root_of(value: Any, file: str) -> Node:
    """The root of a document that is already parsed.

    Raises:
        BadContract: it is no object.
    """
    if not isinstance(value, dict):
        raise BadContract(f"{file} holds no object")
    registry: Registry[Any] = Registry().with_resource(_URI, DRAFT4.create_resource(value))
    return Node(value, "#", registry, file)
