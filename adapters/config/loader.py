"""Loads settings from files and the environment through typed-settings, each with its origin."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs
import msgspec
import typed_settings as ts
from typed_settings.dict_utils import merge_settings
from typed_settings.exceptions import TsError
from typed_settings.types import LoadedSettings as FromOneLoader
from typed_settings.types import OptionInfo, OptionList, SettingsClass, SettingsDict

from shelfport.adapters.config.settings import Settings, SettingsError
from shelfport.adapters.config.variables import (
    FILES_VARIABLE,
    PREFIX,
    UnknownVariable,
    nearest,
    unknown_variables,
    variable_of,
)

SECTION = "shelfport"

logger = logging.getLogger("shelfport.settings")


@attrs.frozen
class LoadedSettings:
    """Settings, and for each one that was set (such as `cache.ttl`) its file or variable."""

    settings: Settings
    origins: Mapping[str, str]
    unknown: tuple[UnknownVariable, ...] = ()
    """Variables that begin like a setting's and are of none."""


def load_settings(*files: str | Path, overrides: Mapping[str, object] | None = None) -> Settings:
    """Load settings from files and the environment, on top of the defaults.

    The order is: `files`, then the files in SHELFPORT_SETTINGS (separated as in PATH), then the
    environment; later ones win. Files are TOML with a table `[shelfport]`; the variable of
    `cache.ttl` is SHELFPORT_CACHE_TTL. A variable that begins with SHELFPORT_ and is of no setting
    is ignored, and a WARNING names it.

    Args:
        files: settings files, the first one first.
        overrides: single settings that win over all others, by their names, such as
            `{"queue.url": "sqlite:///shop.db"}`. All other settings stay as they were loaded.

    Raises:
        SettingsError: a file is missing or malformed, a key is unknown, or a value is not allowed.
    """
    given = {name: (value, "overrides") for name, value in (overrides or {}).items()}
    return load_with_origins(*files, given=given).settings


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
    if unknown := tuple(name for name in given if name not in {o.path for o in options}):
        raise SettingsError(f"overrides: {_unknown_sentence(unknown, options)}")
    found = merge_settings(options, _read(loaders, options))
    origins: dict[str, str] = {}
    values: dict[str, Any] = {}
    for option in options:
        if option.path in given:
            value, origins[option.path] = given[option.path]
            values[option.path] = _converted_override(option, value, origins[option.path])
        elif option.path in found:
            value, meta = found[option.path]
            from_env = meta.name == ts.EnvLoader.__name__
            place = variable_of(option.path) if from_env else _file_of(meta.name)
            origins[option.path] = place
            values[option.path] = _converted(option, value, place, lax=from_env)
    return LoadedSettings(
        _build(Settings, "", values, origins), origins, _unknown_variables(options)
    )


def _unknown_variables(options: OptionList) -> tuple[UnknownVariable, ...]:
    unknown = unknown_variables(option.path for option in options)
    if unknown:
        logger.warning(
            "the environment has variables of no setting, which are ignored: %s",
            ", ".join(map(str, unknown)),
            extra={"event": "inventory.unknown_variables", "variables": [v.name for v in unknown]},
        )
    return unknown


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
        known = frozenset(option.path for option in options)
        if unknown := tuple(_unknown_keys(table, known)):
            raise SettingsError(f"settings file {path}: {_unknown_sentence(unknown, options)}")
        return table


def _read(
    loaders: Iterable[ts.FileLoader | ts.EnvLoader], options: OptionList
) -> list[FromOneLoader]:
    read: list[FromOneLoader] = []
    for loader in loaders:
        result = loader(Settings, options)
        read.extend([result] if isinstance(result, FromOneLoader) else result)
    return read


def _unknown_keys(
    table: Mapping[str, Any], known: frozenset[str], prefix: str = ""
) -> Iterator[str]:
    """The keys of `table` that are no settings, as paths; of a table, its innermost keys."""
    for key, value in table.items():
        path = f"{prefix}{key.replace('-', '_')}"
        if isinstance(value, dict) and value and path not in known:
            yield from _unknown_keys(value, known, f"{path}.")
        elif path not in known:
            yield path


def _unknown_sentence(unknown: Iterable[str], options: OptionList) -> str:
    """One sentence about keys that are no settings: the nearest names, or else all names."""
    known = [option.path for option in options]
    sentences: list[str] = []
    for key in unknown:
        inside = [path for path in known if path.startswith(f"{key}.")]
        if inside:
            sentences.append(f"{key} is a table of settings: {', '.join(inside)}")
        elif meant := nearest(key, known):
            sentences.append(f"{key} is no setting; did you mean {meant}?")
        else:
            sentences.append(f"{key} is no setting; the settings are: {', '.join(known)}")
    return "; ".join(sentences)


def _file_of(loader: str) -> str:
    return loader.removeprefix("FileLoader[").removesuffix("]")


def _converted(option: OptionInfo, value: Any, place: str, *, lax: bool) -> Any:
    """Convert with msgspec: typed-settings' own converters accept `true` for 1.0, and 2.9 for 2."""
    try:
        return msgspec.convert(value, option.cls, strict=not lax, dec_hook=_secret)
    except msgspec.ValidationError as error:
        allowed = _allowed(option)
        raise SettingsError(
            f"{option.path} (from {place}): {error}"
            + (f"; it must be {allowed}" if allowed else "")
        ) from error


def _converted_override(option: OptionInfo, value: Any, place: str) -> Any:
    """A value given in code may be of the setting's own type, which no file can hold."""
    plain = type(value) in {str, int, float, bool}
    return _converted(option, value, place, lax=False) if plain else value


def _allowed(option: OptionInfo) -> str:
    """What a setting accepts, for the end of a sentence; empty where its type says it."""
    kind: Any = option.cls
    kinds = get_args(kind) or (kind,)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(kinds)}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(str(each.value) for each in kind)}"
    if bool in kinds:
        return "true or false"
    if float in kinds or int in kinds:
        return _allowed_numbers(option)
    return ""


def _allowed_numbers(option: OptionInfo) -> str:
    """What a number counts, by the setting's own validator, and its default as an example."""
    validate: Any = getattr(attrs.fields(option.parent_cls), option.name).validator
    example = f", such as {option.default}" if option.default is not None else ""
    try:
        validate(None, option, "")
    except ValueError as error:
        # The validators of numbers end their messages with: it must be a number of UNIT.
        return str(error).rpartition("it must be ")[2] + example
    return f"a number{example}"


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
