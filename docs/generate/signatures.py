"""Signatures as the code has them, wrapped where a line is too long for them."""

import ast
import builtins
import inspect
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

import attrs
import msgspec

from docs.generate import source
from docs.generate.members import constructor, default_of, fields, own_classes
from docs.generate.public import CLASSES

WIDTH = 88


def call(head: str, parameters: Sequence[str], returns: str = "") -> str:
    """`head(parameters) -> returns` on one line, or with a line for each parameter."""
    arrow = f" -> {returns}" if returns else ""
    line = f"{head}({', '.join(parameters)}){arrow}"
    if len(line) <= WIDTH:
        return line
    inner = "".join(f"    {parameter},\n" for parameter in parameters)
    return f"{head}(\n{inner}){arrow}"


def function(node: source.Function) -> str:
    """The signature of a function or a method, without `self` and with its decorator."""
    kinds = {ast.unparse(decorator) for decorator in node.decorator_list}
    mark = "".join(f"@{kind}\n" for kind in ("classmethod", "staticmethod") if kind in kinds)
    mark += "@contextmanager\n" if "contextmanager" in kinds else ""
    mark += "@asynccontextmanager\n" if "asynccontextmanager" in kinds else ""
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return mark + call(f"{word} {node.name}", [*parameters(node)], source.written(node.returns))


def parameters(node: source.Function) -> Iterator[str]:
    """Each parameter with its type and default, and the marks between them."""
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [
        *[None] * (len(positional) - len(given.defaults)),
        *given.defaults,
    ]
    for number, (arg, default) in enumerate(zip(positional, defaults, strict=True)):
        if number or arg.arg not in {"self", "cls"}:
            yield _parameter(arg, default)
        if given.posonlyargs and arg is given.posonlyargs[-1]:
            yield "/"
    if given.vararg:
        yield f"*{_parameter(given.vararg, None)}"
    elif given.kwonlyargs:
        yield "*"
    for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _parameter(arg, default)
    if given.kwarg:
        yield f"**{_parameter(given.kwarg, None)}"


def _parameter(arg: ast.arg, default: ast.expr | None) -> str:
    return _written(arg.arg, source.written(arg.annotation), default_of(default))


def _written(name: str, type_: str, default: str) -> str:
    typed = f"{name}: {type_}" if type_ else name
    if not default:
        return typed
    return f"{typed} = {default}" if type_ else f"{typed}={default}"


def class_(cls: type) -> str:
    """The class with what its constructor takes; where that is not for hosts, with its bases."""
    head = f"class {cls.__name__}"
    node = constructor(cls)
    if issubclass(cls, Enum) or getattr(cls, "_is_protocol", False) or inspect.isabstract(cls):
        return f"{head}({', '.join(_bases(cls))})"
    if node is not None and not _is_private(cls, node):
        return call(head, [*parameters(node)])
    if node is None and (attrs.has(cls) or issubclass(cls, msgspec.Struct)):
        return call(head, [*_of_fields(cls)])
    bases = ", ".join(_bases(cls))
    return f"{head}({bases})" if bases else head


def _of_fields(cls: type) -> Iterator[str]:
    """As attrs does, put fields that are keywords alone last."""
    found = fields(cls)
    for field in found:
        if not field.keyword_only:
            yield _written(field.name, field.type, field.default)
    if any(field.keyword_only for field in found):
        yield "*"
    for field in found:
        if field.keyword_only:
            yield _written(field.name, field.type, field.default)


def _bases(cls: type) -> list[str]:
    return [
        source.written(base)
        for owner in own_classes(cls)
        for base in source.class_node(owner).bases
        if not source.written(base).startswith("_")
    ]


def _is_private(cls: type, node: source.Function) -> bool:
    """Whether the constructor takes what hosts cannot import: shelfport itself makes the object."""
    given = node.args
    names = {
        found.id
        for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)
        if arg.annotation is not None
        for found in ast.walk(arg.annotation)
        if isinstance(found, ast.Name)
    }
    space: dict[str, Any] = vars(sys.modules[cls.__module__])
    return any(
        inspect.isclass(found := space.get(name, vars(builtins).get(name)))
        and found.__module__.startswith("shelfport")
        and found not in CLASSES
        for name in names
    )


def assignment(node: source.Assignment) -> str:
    """An assignment as the code has it; of a long value, the name and its type alone."""
    text = source.double_quoted(ast.unparse(node))
    if len(text) <= WIDTH:
        return text
    if isinstance(node.value, ast.BinOp):
        return text.replace(" = ", " = (\n    ", 1).replace(" | ", "\n    | ") + "\n)"
    if isinstance(node.value, ast.Subscript) and isinstance(node.value.slice, ast.Tuple):
        items = "".join(
            f"    {source.double_quoted(ast.unparse(e))},\n" for e in node.value.slice.elts
        )
        return f"{text.partition('[')[0]}[\n{items}]"
    return text.partition(" = ")[0]
