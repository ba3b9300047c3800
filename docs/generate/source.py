"""What the source says and the objects do not: docstrings under names, annotations as written."""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Any, Literal, get_origin

from docs.generate.public import HOMES

Function = ast.FunctionDef | ast.AsyncFunctionDef
Assignment = ast.AnnAssign | ast.Assign


@cache
def tree(module: str) -> ast.Module:
    """The parsed source of an imported module, with values for constants that are not public."""
    parsed = ast.parse(inspect.getsource(sys.modules[module]))
    for node in ast.walk(parsed):
        match node:
            case ast.AnnAssign():
                node.annotation = _Expanded(module).visit(node.annotation)
                node.value = node.value and _Expanded(module).visit(node.value)
            case ast.arguments():
                _Expanded(module).visit(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                node.returns = node.returns and _Expanded(module).visit(node.returns)
            case _:
                pass
    return parsed


class _Expanded(ast.NodeTransformer):
    """Puts what an internal alias of types, or a constant, stands for in place of its name."""

    def __init__(self, module: str) -> None:
        self._space: Mapping[str, object] = vars(sys.modules[module])

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self._space.get(node.id)
        if node.id in HOMES:
            return node
        if get_origin(value) is Literal or isinstance(value, UnionType):
            plain = re.sub(r"\b(?:[a-z_]+\.)+(?=\w)", "", repr(value))
            return ast.parse(plain, mode="eval").body
        if node.id.isupper() and isinstance(value, int | float | str):
            return ast.Constant(value)
        return node


@cache
def class_node(cls: type) -> ast.ClassDef:
    """Where the class is defined."""
    [node] = [
        node
        for node in tree(cls.__module__).body
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    ]
    return node


def function_node(function: Callable[..., Any]) -> Function:
    """Where the module's function is defined; of overloads, the implementation."""
    inner = inspect.unwrap(function)
    *_, node = [
        node
        for node in tree(inner.__module__).body
        if isinstance(node, Function) and node.name == inner.__name__
    ]
    return node


def docs_below(body: Sequence[ast.stmt]) -> dict[str, str]:
    """The docstring under each name that is assigned in `body`, cleaned as Python cleans them."""
    found: dict[str, str] = {}
    for statement, following in pairwise(body):
        match following:
            case ast.Expr(ast.Constant(str(text))):
                for name, _ in assigned(statement):
                    found[name] = inspect.cleandoc(text)
            case _:
                pass
    return found


def own_docs(cls: type) -> dict[str, str]:
    """The docstring under each attribute of the class."""
    return docs_below(class_node(cls).body)


def assigned(statement: ast.stmt) -> Iterator[tuple[str, Assignment]]:
    """The name that the statement assigns, with `self.` left out."""
    match statement:
        case ast.AnnAssign(target=target):
            yield from ((name, statement) for name in _names(target))
        case ast.Assign(targets=[target]):
            yield from ((name, statement) for name in _names(target))
        case _:
            pass


def _names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(name) | ast.Attribute(ast.Name("self"), name):
            yield name
        case _:
            pass


def assignment(name: str, value: object) -> tuple[Assignment, str]:
    """Where the package's module-level `name` gets `value`, and the docstring under it."""
    for module in sorted(name for name in sys.modules if name.startswith("shelfport.")):
        if getattr(sys.modules[module], name, None) is not value:
            continue
        body = tree(module).body
        for statement in body:
            for found, node in assigned(statement):
                if found == name:
                    return node, docs_below(body).get(name, "")
    raise LookupError(f"no module of shelfport assigns {name}")


def written(node: ast.expr | None) -> str:
    """An expression as the code has it: an annotation without quotes, text in double quotes."""
    match node:
        case None:
            return ""
        case ast.Constant(str(text)):
            return text
        case _:
            return double_quoted(ast.unparse(node))


def double_quoted(code: str) -> str:
    """Code with the quotes and the powers that the project's formatter writes."""
    code = re.sub(r"(\d) \*\* (\d)", r"\1**\2", code)
    return code if '"' in code else code.replace("'", '"')
