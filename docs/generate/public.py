"""The public modules and names, and the page on which each name is described."""

import inspect
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

MODULES = (
    "shelfport",
    "shelfport.errors",
    "shelfport.signals",
    "shelfport.options",
    "shelfport.ports",
    "shelfport.outbox",
    "shelfport.layers",
    "shelfport.http",
    "shelfport.testing",
    "shelfport.sync",
    "shelfport.ops",
    "shelfport.asgi",
    "shelfport.wsgi",
    "shelfport.aiohttp_web",
    "shelfport.otel",
    "shelfport.prometheus",
    "shelfport.contracts.conformance",
    "shelfport.contracts.sandbox",
)
"""In the order of the index. A name of several modules is described with the first of them."""


def module(name: str) -> ModuleType:
    """The public module."""
    return import_module(name)


def page_of(name: str) -> str:
    """The file of the module's page, in docs/api."""
    return f"{name.rpartition('.')[2]}.md"


def homes() -> Mapping[str, str]:
    """Every public name, and the first module that exports it."""
    found: dict[str, str] = {}
    for name in MODULES:
        for public in module(name).__all__:
            home = found.setdefault(public, name)
            if thing(home, public) is not thing(name, public):
                raise ValueError(f"{home}.{public} and {name}.{public} are two things of one name")
    return found


def thing(home: str, name: str) -> Any:
    """What the module exports under that name."""
    return getattr(module(home), name)


HOMES = homes()
CLASSES = frozenset(
    found for name, home in HOMES.items() if inspect.isclass(found := thing(home, name))
)
"""The public classes."""


def own_names(home: str) -> list[str]:
    """The names that are described on the module's page, in its order."""
    return [name for name in module(home).__all__ if HOMES[name] == home]
