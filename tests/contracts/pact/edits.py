"""Ways to change a contract, by the path of what is changed: steps with `|` between them."""

from collections.abc import Callable
from typing import Any

import attrs

Edit = Callable[[Any], None]
"""Changes a parsed yaml in place."""


def at(document: Any, path: str) -> Any:
    """The node at `path`; a step of digits counts in an array."""
    node = document
    for step in path.split("|"):
        node = node[int(step)] if isinstance(node, list) else node[step]
    return node


def _above(document: Any, path: str) -> tuple[Any, Any]:
    above, _, last = path.rpartition("|")
    node = at(document, above) if above else document
    return node, int(last) if isinstance(node, list) else last


def put(path: str, value: Any) -> Edit:
    """Set what is at `path`, whether it is there or not."""

    def edit(document: Any) -> None:
        node, last = _above(document, path)
        node[last] = value

    return edit


def drop(path: str) -> Edit:
    """Take out what is at `path`."""

    def edit(document: Any) -> None:
        node, last = _above(document, path)
        del node[last]

    return edit


def rename(path: str, name: str) -> Edit:
    """Give the member at `path` another name, at its old place."""

    def edit(document: Any) -> None:
        node, last = _above(document, path)
        members = list(node.items())
        node.clear()
        node.update((name if key == last else key, value) for key, value in members)

    return edit


def add(path: str, value: Any) -> Edit:
    """Add an element to the array at `path`."""
    return lambda document: at(document, path).append(value)


def strike(path: str, value: Any) -> Edit:
    """Take `value` out of the array at `path`."""
    return lambda document: at(document, path).remove(value)


def every(*edits: Edit) -> Edit:
    """Several changes at once."""

    def edit(document: Any) -> None:
        for each in edits:
            each(document)

    return edit


def everywhere(name: str, other: str) -> Edit:
    """Call all members `name` by another name: in schemas, in examples, where they are required."""

    def edit(document: Any) -> None:
        match document:
            case dict():
                members = [
                    (other if key == name else key, value) for key, value in document.items()
                ]
                document.clear()
                document.update(members)
            case list():
                document[:] = [other if value == name else value for value in document]
            case _:
                return
        for value in document.values() if isinstance(document, dict) else document:
            edit(value)

    return edit


@attrs.frozen
class Change:
    """A change that must be seen, and how."""

    name: str
    edit: Edit
    differs: str | None = None
    """Part of a line that only one of the two has: the committed pact, or the new one."""
    refused: str | None = None
    """Part of the sentence, where it leads to no pact at all."""
