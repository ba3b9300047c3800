"""Loads settings from files and the environment through typed-settings, each with its origin."""

import os
from collections.abc import Iterable, Mapping
from enum import EnumMeta
from functools import cache
from pathlib import Path
from typing import Any, get_origin

import attrs
import msgspec
import typed_settings as ts
from typed_settings.dict_utils import merge_settings
from typed_settings.exceptions import InvalidOptionsError, TsError
from typed_settings.types import LoadedSettings as FromOneLoader
from typed_settings.types import OptionInfo, OptionList, SettingsClass, SettingsDict

from shelfport.adapters.config.settings import Settings, SettingsError

SECTION = "shelfport"
PREFIX = "SHELFPORT_"
FILES_VARIABLE = "SHELFPORT_SETTINGS"


@attrs.frozen
class LoadedSettings:
    """Settings, and for each one that was set (such as `cache.ttl`) its file or variable."""

    settings: Settings
    origins: Mapping[str, str]


def load_settings(*files: str | Path) -> Settings:
    """Load settings from files and the environment, on top of the defaults.

    The order is: `files`, then the files in SHELFPORT_SETTINGS (separated as in PATH), then the
    environment; later ones win. Files are TOML with a table `[shelfport]`; the variable of
    `cache.ttl` is SHELFPORT_CACHE_TTL.

    Raises:
        SettingsError: a file is missing or malformed, a key is unknown, or a value is not allowed.
    """
    return load_with_origins(*files).settings


def load_with_origins(
    *files: str | Path, given: Mapping[str, tuple[object, str]] | None = None
) -> LoadedSettings:
    """`load_settings`, with the origin of each value.

    Args:
        files: as for `load_settings`.
        given: values that win over all others, by name, each with its origin, such as an option of
            a command.

    Raises:
        SettingsError: as for `load_settings`.
    """
    given = given or {}
    named = os.environ.get(FILES_VARIABLE, "")
    paths = [Path(f) for f in (*files, *named.split(os.pathsep)) if str(f)]
    for path in paths:
        if not path.is_file():
            raise SettingsError(f"settings file {path} does not exist, or is not a file")
    loaders: list[ts.FileLoader | ts.EnvLoader] = [
        ts.FileLoader({"*": _ShelfportTable()}, paths),
        ts.EnvLoader(PREFIX),
    ]
    options = _options()
    found = merge_settings(options, _read(loaders, options))
    origins: dict[str, str] = {}
    values: dict[str, Any] = {}
    for option in options:
        if option.path in given:
            values[option.path], origins[option.path] = given[option.path]
        elif option.path in found:
            value, meta = found[option.path]
            from_env = meta.name == ts.EnvLoader.__name__
            place = _variable(option.path) if from_env else _file_of(meta.name)
            origins[option.path] = place
            values[option.path] = _converted(option, value, place, lax=from_env)
    return LoadedSettings(_build(Settings, "", values, origins), origins)


@cache
def _options() -> OptionList:
    """Every setting. Cached: typed-settings parses our source for the texts, which takes 25 ms."""
    return ts.SettingsState(Settings, [], [], ts.default_converter(), Path()).options


class _ShelfportTable(ts.TomlFormat):
    """The table `[shelfport]` of a settings file; a file without it is refused."""

    def __init__(self) -> None:
        super().__init__(None)

    def __call__(
        self, path: Path, settings_cls: SettingsClass, options: OptionList
    ) -> SettingsDict:
        try:
            content = super().__call__(path, settings_cls, options)
        except RecursionError as error:
            raise SettingsError(f"settings file {path} is nested too deeply") from error
        except (TsError, OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"settings file {path} cannot be read: {error}") from error
        table = content.get(SECTION)
        if not isinstance(table, dict):
            raise SettingsError(f"settings file {path} has no table [{SECTION}]")
        return table


def _read(
    loaders: Iterable[ts.FileLoader | ts.EnvLoader], options: OptionList
) -> list[FromOneLoader]:
    read: list[FromOneLoader] = []
    for loader in loaders:
        try:
            result = loader(Settings, options)
        except InvalidOptionsError as error:
            known = ", ".join(option.path for option in options)
            raise SettingsError(f"{error}; the known settings are: {known}") from error
        read.extend([result] if isinstance(result, FromOneLoader) else result)
    return read


def _variable(key: str) -> str:
    return f"{PREFIX}{key.upper().replace('.', '_')}"


def _file_of(loader: str) -> str:
    return loader.removeprefix("FileLoader[").removesuffix("]")


def _converted(option: OptionInfo, value: Any, place: str, *, lax: bool) -> Any:
    """Convert with msgspec: typed-settings' own converters accept `true` for 1.0, and 2.9 for 2."""
    try:
        return msgspec.convert(value, option.cls, strict=not lax, dec_hook=_secret)
    except msgspec.ValidationError as error:
        kind: Any = option.cls
        allowed = ""
        if isinstance(kind, EnumMeta):
            allowed = f"; it must be one of {', '.join(each.value for each in kind)}"  # type: ignore[var-annotated]  # any enum
        raise SettingsError(f"{option.path} (from {place}): {error}{allowed}") from error


def _secret(kind: Any, value: Any) -> Any:
    if get_origin(kind) is ts.Secret and isinstance(value, str):
        return ts.Secret(value)
    raise msgspec.ValidationError("Expected `str`")


def _build(cls: Any, prefix: str, values: Mapping[str, Any], origins: Mapping[str, str]) -> Any:
    """Make `cls` and the groups inside it; a validator's message gets the origin of the value."""
    arguments: dict[str, Any] = {}
    for field in attrs.fields(attrs.resolve_types(cls)):
        key = f"{prefix}{field.name}"
        if attrs.has(field.type):
            arguments[field.name] = _build(field.type, f"{key}.", values, origins)
        elif key in values:
            arguments[field.name] = values[key]
    try:
        return cls(**arguments)
    except ValueError as error:
        # Our validators begin their message with the field's name.
        place = origins.get(f"{prefix}{str(error).split(' ', 1)[0]}")
        raise SettingsError(f"{prefix}{error}" + (f" (from {place})" if place else "")) from error
