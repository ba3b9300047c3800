"""The public modules: how many names `shelfport` has, and which types their signatures mention."""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import pytest

import shelfport

FOLDERS = {"adapters", "contracts", "domain", "ports"}
MOST_NAMES = 50
"""What nine hosts out of ten write fits into so many names."""


def public_modules() -> Iterator[ModuleType]:
    """Yield `shelfport`, its modules, its ports, and two packages of the contracts."""
    yield shelfport
    for found in pkgutil.iter_modules(shelfport.__path__):
        if found.name not in FOLDERS:
            yield importlib.import_module(f"shelfport.{found.name}")
    for name in ("ports", "contracts.conformance", "contracts.sandbox"):
        yield importlib.import_module(f"shelfport.{name}")


MODULES = {module.__name__: module for module in public_modules()}
PUBLIC = {id(getattr(module, name)) for module in MODULES.values() for name in module.__all__}


@cache
def functions_of(module: str) -> list[tuple[str, Any]]:
    """Every public function of a module, and every public method of its classes."""
    found: list[tuple[str, Any]] = []
    for name in MODULES[module].__all__:
        value = getattr(MODULES[module], name)
        if inspect.isclass(value):
            for member, method in vars(value).items():
                function = getattr(method, "__func__", method)
                if inspect.isfunction(function) and not member.startswith("_"):
                    found.append((f"{name}.{member}", function))
        elif inspect.isfunction(value):
            found.append((name, value))
    return found


class Foreign:
    """Stands for a package that is imported for type checkers alone."""

    def __getattr__(self, _name: str) -> "Foreign":
        return self

    def __getitem__(self, _arguments: object) -> "Foreign":
        return self

    def __or__(self, _other: object) -> "Foreign":
        return self

    __ror__ = __or__


def hints_of(function: Any) -> dict[str, Any]:
    """The type hints of `function`; a name that is not imported is `Foreign`."""
    foreign: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(function, localns=foreign)
        except NameError as error:
            foreign[str(error.name)] = Foreign()


def types_in(hint: Any) -> Iterator[type]:
    """The classes that a type hint mentions."""
    if isinstance(hint, type):
        yield hint
    for argument in typing.get_args(hint):
        if isinstance(argument, list):
            for inner in argument:
                yield from types_in(inner)
        else:
            yield from types_in(argument)
    origin = typing.get_origin(hint)
    if isinstance(origin, type):
        yield origin


def test_the_root_has_few_names() -> None:
    """`shelfport` has at most fifty names; the rest is in modules by what a reader wants."""
    assert len(shelfport.__all__) <= MOST_NAMES


@pytest.mark.parametrize("module", sorted(MODULES))
def test_names_are_sorted_and_there(module: str) -> None:
    """Every name in `__all__` is there, once."""
    names = MODULES[module].__all__

    assert len(names) == len(set(names))
    assert [] == [name for name in names if not hasattr(MODULES[module], name)]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_type_in_a_public_signature_is_public(module: str) -> None:
    """A caller can name every type that a public function takes or returns."""
    private = [
        f"{name}: {kind.__qualname__}"
        for name, function in functions_of(module)
        for hint in hints_of(function).values()
        for kind in types_in(hint)
        if kind.__module__.startswith("shelfport.") and id(kind) not in PUBLIC
    ]

    assert [] == private
