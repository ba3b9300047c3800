"""Every setting, its value and the place that it came from."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
from typed_settings import Secret

from shelfport.adapters.cli.options import option_name
from shelfport.adapters.config.loader import FILES_VARIABLE, PREFIX, SECTION, LoadedSettings
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.http.transport.secret_text import MASK


class Origin(Enum):
    """The kind of place that a value came from."""

    DEFAULT = "DEFAULT"
    FILE = "FILE"
    ENVIRONMENT = "ENVIRONMENT"
    COMMAND_LINE = "COMMAND_LINE"


@attrs.frozen
class Listed:
    """One setting, fit to be shown: a secret is masked."""

    name: str
    value: str | float | bool | None
    origin: Origin
    place: str | None
    """The file, the variable or the option; None for a default."""


def in_use(loaded: LoadedSettings) -> list[Listed]:
    """The settings as they are used."""
    return [
        _listed(name, secret, value, loaded.origins.get(name))
        for name, secret, value in _leaves(loaded.settings)
    ]


def as_written(files: Sequence[Path], command_line: Mapping[str, Any]) -> list[Listed]:
    """The settings as they are written down, where they make no sense together.

    Files that cannot be read are left out, and so is every key that is no setting.
    """
    named = os.environ.get(FILES_VARIABLE, "").split(os.pathsep)
    tables = [(str(file), _table(file)) for file in (*files, *map(Path, filter(None, named)))]
    listed: list[Listed] = []
    for name, secret, default in _leaves(Settings()):
        value, place = default, None
        for file, table in tables:
            with suppress(LookupError, TypeError):
                value, place = _dug(table, name), file
        if (variable := _variable(name)) in os.environ:
            value, place = os.environ[variable], variable
        if command_line.get(name) is not None:
            value, place = command_line[name], option_name(name)
        listed.append(_listed(name, secret, value, place))
    return listed


def _leaves(group: Any, prefix: str = "") -> Iterator[tuple[str, bool, Any]]:
    """Each setting of `group` and of the groups in it: name, whether it is secret, value."""
    for field in attrs.fields(attrs.resolve_types(type(group))):
        value = getattr(group, field.name)
        if attrs.has(type(value)):
            yield from _leaves(value, f"{prefix}{field.name}.")
        else:
            kinds = (field.type, *get_args(field.type))
            secret = any(kind is Secret or get_origin(kind) is Secret for kind in kinds)
            yield f"{prefix}{field.name}", secret, value


def _listed(name: str, secret: bool, value: Any, place: str | None) -> Listed:
    return Listed(name, _shown(value, secret), _origin(name, place), place)


def _shown(value: Any, secret: bool) -> str | float | bool | None:
    if value is None or (isinstance(value, bool | int | float) and not secret):
        return value
    if secret or isinstance(value, Secret):
        return MASK
    # A URL with credentials is refused, but it is no less a secret for that.
    return re.sub(r"//[^/?#]*@", f"//{MASK}@", str(value))


def _origin(name: str, place: str | None) -> Origin:
    if place is None:
        return Origin.DEFAULT
    if place == _variable(name):
        return Origin.ENVIRONMENT
    return Origin.COMMAND_LINE if place == option_name(name) else Origin.FILE


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper().replace('.', '_')}"


def _table(file: Path) -> Any:
    with suppress(OSError, ValueError, RecursionError):
        return tomllib.loads(file.read_text(encoding="utf-8")).get(SECTION)
    return None


def _dug(table: Any, name: str) -> Any:
    for key in name.split("."):
        table = table[key]
    return table
