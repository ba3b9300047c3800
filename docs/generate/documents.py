"""The JSON documents of the command: a table for each, from its struct and the docstrings in it."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin
from uuid import UUID

import attrs
import msgspec

from docs.generate import source
from docs.generate.docstrings import code, joined, table

WORDS: Mapping[type, str] = {
    bool: "true or false",
    datetime: "instant (RFC 3339)",
    float: "number",
    int: "integer",
    str: "text",
    UUID: "UUID",
}
"""What stands in JSON for a value of each plain type."""
PRINTED: Mapping[str, str] = {
    "get": "StockDocument",
    "init": "InitializationDocument",
    "check": "CheckDocument",
    "reconcile": "ReconcileDocument",
    "queue list": "QueueDocument",
    "queue dead": "QueueDocument",
    "queue show": "QueueDocument",
    "queue retry": "ChangeDocument",
    "queue drop": "ChangeDocument",
    "queue migrate": "MigrationDocument",
    "size": "SizeDocument",
    "events listen": "EventLine",
    "contracts verify": "VerificationDocument",
    "contracts can-i-deploy": "DecisionDocument",
}
"""The document that each command prints. It is described with the first command that does."""


@cache
def documents() -> Mapping[str, type[msgspec.Struct]]:
    """Every document of the command, and every object in one, by the name of its struct."""
    import_module("shelfport.adapters.cli.app")  # it imports what it prints
    return {
        kind.__name__: kind
        for kind in _subclasses(msgspec.Struct)
        if kind.__module__.startswith("shelfport.adapters.cli.")
        and not kind.__name__.startswith("_")
    }


def _subclasses(cls: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for kind in cls.__subclasses__():
        yield kind
        yield from _subclasses(kind)


def _inner(kind: type) -> Iterator[type]:
    """The objects that the fields of a document mention."""
    for _, type_, _ in members_of(kind):
        yield from (found for found in _mentioned(type_) if _is_object(found))


def _mentioned(type_: object) -> Iterator[Any]:
    yield type_
    for argument in get_args(type_):
        yield from _mentioned(argument)


def _is_object(kind: object) -> bool:
    return inspect.isclass(kind) and (issubclass(kind, msgspec.Struct) or attrs.has(kind))


def members_of(kind: type) -> Iterator[tuple[str, object, str]]:
    """Each member of a document: its name in JSON, its type, and the docstring of its field."""
    docs = source.own_docs(kind)
    if attrs.has(kind):
        for attribute in attrs.fields(attrs.resolve_types(kind)):
            yield attribute.name, attribute.type, docs.get(attribute.name, "")
    else:
        for field in msgspec.structs.fields(kind):
            yield field.encode_name, field.type, docs.get(field.name, "")


def documents_of(command: str) -> Iterator[list[str]]:
    """What the command prints with --json: the document, then the objects in it."""
    name = PRINTED.get(command)
    if name is None:
        return
    first = next(other for other, printed in PRINTED.items() if printed == name)
    waiting: list[type] = [documents()[name]]
    if first != command:
        link = f"[{_words(waiting[0])}](#{first.replace(' ', '-')})"
        yield [f"With `--json`, it prints the {link}.", ""]
        return
    for kind in waiting:
        rows = [
            [code(name), json_type(type_), joined(text)] for name, type_, text in members_of(kind)
        ]
        about = _named(joined(inspect.cleandoc(kind.__doc__ or "")))
        title = _words(kind).capitalize()
        yield [f"**{title}.** {about}", "", *table("member", "type", "meaning", rows=rows)]
        waiting += [inner for inner in _inner(kind) if inner not in waiting]


def _words(kind: type) -> str:
    """The struct's name in words: `QueueEntry` is a queue entry."""
    return " ".join(re.findall(r"[A-Z][a-z]+", kind.__name__)).lower()


def _named(text: str) -> str:
    """The text with the words for a document in place of its struct's name."""

    def words(found: re.Match[str]) -> str:
        kind = documents().get(found.group(1))
        return found.group() if kind is None else _words(kind)

    return re.sub(r"`(\w+)`", words, text)


def json_type(type_: object) -> str:
    """What stands in JSON for a value of the type."""
    if isinstance(type_, UnionType) or get_origin(type_) is Union:
        options = [option for option in get_args(type_) if option is not NoneType]
        null = ", or null" if NoneType in get_args(type_) else ""
        return ", ".join(map(json_type, options)) + null
    if isinstance(type_, NewType):
        return json_type(type_.__supertype__)
    if get_origin(type_) is Literal:
        return _one_of(map(str, get_args(type_)))
    if get_origin(type_) in {Sequence, list, tuple}:
        [item, *_] = get_args(type_)
        return f"list of {json_type(item)}"
    if not inspect.isclass(type_):
        raise ValueError(f"{type_} has no word for what it is in JSON")
    if issubclass(type_, Enum):
        return _one_of(member.value for member in type_)
    if _is_object(type_):
        return _words(type_)
    return WORDS[type_]


def _one_of(values: Iterable[str]) -> str:
    *most, last = map(code, values)
    return f"{', '.join(most)} or {last}"
