"""The settings: every value with its origin, and the checks `settings` and `adapter`."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
from dependency_injector import providers
from typed_settings import Secret

from shelfport.adapters.cli.check.model import CheckContext, Finding, failed, ok
from shelfport.adapters.cli.ids import NamedVariants
from shelfport.adapters.cli.options import load_command_settings, option_name, read_only_settings
from shelfport.adapters.cli.running import Misuse
from shelfport.adapters.composition.container import Container
from shelfport.adapters.config.loader import SECTION, LoadedSettings
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.config.variables import FILES_VARIABLE, PLUGIN_GROUP, variable_of
from shelfport.adapters.runtime.secret_text import MASK

_BUILT_IN = {
    "http": "asks the Inventory Service over HTTP",
    "memory": "keeps stock in this process and asks no service; set base_url to ask one",
}


async def check_settings(context: CheckContext) -> Finding:
    """The settings of files, environment and command line are valid together."""
    try:
        loaded = load_command_settings(context.files, {"base_url": context.base_url})
        names = NamedVariants.of(loaded.settings)
    except (ValueError, Misuse) as error:
        return failed(str(error), "correct it at the place that the list of settings names")
    if context.variant_text is not None:
        # Misuse, as for every command, and not a failed check: the settings are valid.
        context.variant = names.from_argument(context.variant_text)
    context.loaded = loaded
    given = len(loaded.origins)
    return ok(f"valid, {given} given and the rest by default" if given else "valid, all by default")


async def check_adapter(context: CheckContext) -> Finding:
    """The adapter is installed, and the integration can be built with it."""
    container = Container(settings=providers.Object(read_only_settings(context.settings)))
    try:
        name = context.settings.adapter_name
        container.integration()
    except ValueError as error:
        return failed(str(error), _adapter_fix(context.settings))
    context.container = container
    if name in _BUILT_IN:
        return ok(f"{name}: {_BUILT_IN[name]}")
    plugins = {entry.name: entry.value for entry in entry_points(group=PLUGIN_GROUP)}
    return ok(f"{name}: {plugins.get(name, 'a plugin')}, an entry point of {PLUGIN_GROUP}")


def _adapter_fix(settings: Settings) -> str:
    if settings.adapter is None and settings.base_url is None:
        return "set SHELFPORT_BASE_URL, or give --base-url"
    return "install the package that offers it, or set adapter to one that is known"


class SettingOrigin(Enum):
    """The kind of place that a value came from."""

    DEFAULT = "DEFAULT"
    FILE = "FILE"
    ENVIRONMENT = "ENVIRONMENT"
    COMMAND_LINE = "COMMAND_LINE"


@attrs.frozen
class DisplayedSetting:
    """One setting, ready to be printed: a secret is masked."""

    name: str
    value: str | float | bool | None
    origin: SettingOrigin
    place: str | None
    """The file, the variable or the option; None for a default."""


def settings_in_use(loaded: LoadedSettings) -> list[DisplayedSetting]:
    """Every setting with the value that is used."""
    return [
        _displayed(name, secret, value, loaded.origins.get(name))
        for name, secret, value in _leaves(loaded.settings)
    ]


def settings_as_given(
    files: Sequence[Path], command_line: Mapping[str, Any]
) -> list[DisplayedSetting]:
    """Every setting with the value that was given, where the settings are not valid.

    Files that cannot be read are left out, and so is every key that is not a setting.
    """
    named = os.environ.get(FILES_VARIABLE, "").split(os.pathsep)
    tables = [(str(file), _table(file)) for file in (*files, *map(Path, filter(None, named)))]
    displayed: list[DisplayedSetting] = []
    for name, secret, default in _leaves(Settings()):
        value, place = default, None
        for file, table in tables:
            with suppress(LookupError, TypeError):
                value, place = _value_in(table, name), file
        if (variable := variable_of(name)) in os.environ:
            value, place = os.environ[variable], variable
        if command_line.get(name) is not None:
            value, place = command_line[name], option_name(name)
        displayed.append(_displayed(name, secret, value, place))
    return displayed


def _leaves(group: Any, prefix: str = "") -> Iterator[tuple[str, bool, Any]]:
    """Each setting of `group` and of its nested groups: name, whether it is secret, value."""
    for field in attrs.fields(attrs.resolve_types(type(group))):
        value = getattr(group, field.name)
        if attrs.has(type(value)):
            yield from _leaves(value, f"{prefix}{field.name}.")
        else:
            kinds = (field.type, *get_args(field.type))
            secret = any(kind is Secret or get_origin(kind) is Secret for kind in kinds)
            yield f"{prefix}{field.name}", secret, value


def _displayed(name: str, secret: bool, value: Any, place: str | None) -> DisplayedSetting:
    return DisplayedSetting(name, _masked(value, secret), _origin(name, place), place)


def _masked(value: Any, secret: bool) -> str | float | bool | None:
    if value is None or (isinstance(value, bool | int | float) and not secret):
        return value
    if secret or isinstance(value, Secret):
        return MASK
    if isinstance(value, Enum):
        return str(value.value)
    # A URL with credentials is refused, but its password must not be printed either.
    return re.sub(r"//[^/?#]*@", f"//{MASK}@", str(value))


def _origin(name: str, place: str | None) -> SettingOrigin:
    if place is None:
        return SettingOrigin.DEFAULT
    if place == variable_of(name):
        return SettingOrigin.ENVIRONMENT
    return SettingOrigin.COMMAND_LINE if place == option_name(name) else SettingOrigin.FILE


def _table(file: Path) -> Any:
    with suppress(OSError, ValueError, RecursionError):
        return tomllib.loads(file.read_text(encoding="utf-8")).get(SECTION)
    return None


def _value_in(table: Any, name: str) -> Any:
    for key in name.split("."):
        table = table[key]
    return table
