"""What a class has: attributes and methods, those of its private bases included."""

import ast
import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

import attrs
import msgspec

from docs.generate import source
from docs.generate.public import CLASSES

UNSHOWN = {"__init__", "__post_init__", "__attrs_post_init__", "__init_subclass__"}
"""Methods that callers do not name."""


class Attribute(NamedTuple):
    """A field, a class attribute, a property, or an attribute that `__init__` sets."""

    name: str
    type: str
    default: str
    text: str
    """Its docstring."""


class Method(NamedTuple):
    """A method, and the class that defines it."""

    name: str
    node: source.Function
    owner: type


def own_classes(cls: type) -> list[type]:
    """The class, and bases of ours that have no description of their own."""
    return [
        base
        for base in cls.__mro__
        if base is cls or (base.__module__.startswith("shelfport") and base not in CLASSES)
    ]


def methods(cls: type) -> list[Method]:
    """Public methods, and special ones that say something; no properties, no tests."""
    found: dict[str, Method] = {}
    for owner in own_classes(cls):
        for node in source.class_node(owner).body:
            if not isinstance(node, source.Function) or _is_property(node):
                continue
            special = node.name.startswith("__")
            shown = ast.get_docstring(node) is not None and node.name not in UNSHOWN
            if (special and shown) or not node.name.startswith(("_", "test_")):
                found.setdefault(node.name, Method(node.name, node, owner))
    return list(found.values())


def cases(cls: type) -> list[tuple[str, str]]:
    """The tests of a suite, each with its docstring."""
    return [
        (node.name, ast.get_docstring(node) or "")
        for owner in own_classes(cls)
        for node in source.class_node(owner).body
        if isinstance(node, source.Function) and node.name.startswith("test_")
    ]


def attributes(cls: type) -> list[Attribute]:
    """Public attributes, those of bases first."""
    found: dict[str, Attribute] = {}
    for owner in reversed(own_classes(cls)):
        for attribute in (*_in_body(owner), *_in_init(owner)):
            if not attribute.name.startswith("_"):
                found[attribute.name] = attribute
    return list(found.values())


def members(cls: type[Enum]) -> list[Attribute]:
    """The members of an enumeration; as default, the value of each."""
    docs = source.own_docs(cls)
    return [
        Attribute(
            member.name, "", source.double_quoted(repr(member.value)), docs.get(member.name, "")
        )
        for member in cls
    ]


def _in_body(cls: type) -> Iterator[Attribute]:
    docs = source.own_docs(cls)
    is_enum = issubclass(cls, Enum)
    for statement in source.class_node(cls).body:
        if isinstance(statement, source.Function) and _is_property(statement):
            text = source.written(statement.returns)
            yield Attribute(statement.name, text, "", ast.get_docstring(statement) or "")
        for name, node in source.assigned(statement):
            if isinstance(node, ast.AnnAssign):
                yield Attribute(name, annotation(node), default_of(node.value), docs.get(name, ""))
            elif not is_enum:
                yield Attribute(name, "", default_of(node.value), docs.get(name, ""))


def _in_init(cls: type) -> Iterator[Attribute]:
    """What `__init__` sets: with a docstring of its own, or one of an error's."""
    for node in source.class_node(cls).body:
        if not (isinstance(node, ast.FunctionDef) and node.name == "__init__"):
            continue
        docs = source.docs_below(node.body)
        types = {
            arg.arg: source.written(arg.annotation)
            for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        }
        for statement in node.body:
            for name, found in source.assigned(statement):
                if name in docs or issubclass(cls, Exception):
                    given = found.value.id if isinstance(found.value, ast.Name) else name
                    type_ = annotation(found) if isinstance(found, ast.AnnAssign) else ""
                    yield Attribute(name, type_ or types.get(given, ""), "", docs.get(name, ""))


def annotation(node: ast.AnnAssign) -> str:
    """The type of an attribute, without the `ClassVar` around it."""
    text = source.written(node.annotation)
    for wrapper in ("ClassVar", "Final"):
        if text.startswith(f"{wrapper}["):
            text = text.removeprefix(f"{wrapper}[").removesuffix("]")
    return text


def default_of(value: ast.expr | None) -> str:
    """A default as the code has it; nothing where there is none, dots where it is computed."""
    match value:
        case None:
            return ""
        case ast.Call(ast.Attribute(ast.Name("attrs" | "msgspec"), "field"), keywords=keywords):
            given = {keyword.arg: keyword.value for keyword in keywords}
            factory = given.get("factory", given.get("default_factory"))
            if factory is not None:
                return _short(f"{ast.unparse(factory)}()")
            return default_of(given.get("default"))
        case _:
            return _short(source.double_quoted(ast.unparse(value)))


def _short(text: str) -> str:
    if text.startswith("providers."):
        return ""  # what a container makes of its other parts
    return "..." if len(text) > 60 or text.startswith(("lambda", "_", "attrs.")) else text


def _is_property(node: source.Function) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list)


class Parameter(NamedTuple):
    """A parameter of a constructor that attrs or msgspec writes."""

    name: str
    type: str
    default: str
    keyword_only: bool


def fields(cls: type) -> list[Parameter]:
    """What attrs' or msgspec's constructor of the class takes."""
    known: dict[str, Any] = {}
    for owner in reversed(cls.__mro__[:-1]):
        if owner.__module__.startswith("shelfport"):
            known |= {
                name: node
                for statement in source.class_node(owner).body
                for name, node in source.assigned(statement)
                if isinstance(node, ast.AnnAssign)
            }
    if attrs.has(cls):
        of = [(f.name, f.alias or f.name, f.kw_only) for f in attrs.fields(cls) if f.init]
    elif issubclass(cls, msgspec.Struct):
        keywords = {word.arg for word in source.class_node(cls).keywords}
        of = [(name, name, "kw_only" in keywords) for name in cls.__struct_fields__]
    else:
        return []
    return [
        Parameter(shown, annotation(known[name]), default_of(known[name].value), keyword_only)
        for name, shown, keyword_only in of
    ]


def constructor(cls: type) -> source.Function | None:
    """The `__init__` that the class, or a private base of it, has in its source."""
    for owner in own_classes(cls):
        for node in source.class_node(owner).body:
            if isinstance(node, source.Function) and node.name == "__init__":
                return node
    return None


def public_bases(cls: type) -> list[type]:
    """The public classes that it inherits from directly or through private ones."""
    return [base for base in cls.__mro__[1:] if base in CLASSES and inspect.isclass(base)][:1]
