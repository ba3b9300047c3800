"""Makes what stands between the host's references to variants and their ids."""

from importlib import import_module
from operator import attrgetter
from typing import Any

from shelfport.adapters.config.settings import Settings, SettingsError
from shelfport.adapters.facade.host_ids import (
    CanonicalIds,
    CatalogInHostIds,
    HostIds,
    MappedIds,
    NotifierInHostIds,
)
from shelfport.ports import Notifier, ProductCatalogPort, ToVariant, VariantMapper

HostMapper = VariantMapper[Any] | ToVariant[Any] | None
"""The host's mapper, or its one way to ids; None where references are ids."""


def mapper_to_use(settings: Settings, mapper: HostMapper) -> HostMapper:
    """`mapper`, or else the one that `settings.mapper` names.

    Raises:
        SettingsError: the setting names no mapper, or `mapper` is none.
    """
    if mapper is None and settings.mapper is not None:
        mapper = _imported(settings.mapper)
    if mapper is None or _works_both_ways(mapper) or callable(mapper):
        return mapper
    raise SettingsError(
        f"mapper is a {type(mapper).__name__}: it must have to_variant and to_host, or be a "
        "function that returns the id of a reference"
    )


def make_ids(settings: Settings, mapper: HostMapper) -> HostIds[Any]:
    """The ids of pages, for a host with `mapper`."""
    if mapper is None:
        return CanonicalIds(settings.id_format)
    either: Any = mapper
    return MappedIds(getattr(either, "to_variant", either), settings.id_format)


def catalog_in_host_ids(
    catalog: ProductCatalogPort[Any] | None, mapper: HostMapper
) -> ProductCatalogPort | None:
    """The host's catalog, by the variants' ids; None without one.

    Raises:
        SettingsError: the catalog needs the way from an id back to the host's reference.
    """
    if catalog is None or mapper is None:
        return catalog
    return CatalogInHostIds(catalog, _back(mapper, "catalog"))


def notifier_in_host_ids(notifier: Notifier | None, mapper: HostMapper) -> Notifier | None:
    """The host's notifier, whose events have the host's references; None without one.

    Raises:
        SettingsError: the notifier needs the way from an id back to the host's reference.
    """
    if notifier is None or mapper is None:
        return notifier
    return NotifierInHostIds(notifier, _back(mapper, "notifier"))


def own_in_host_ids(notifier: Notifier, mapper: HostMapper) -> Notifier:
    """The notifier of the settings: it shows the host's ids where there is a way back to them."""
    return notifier_in_host_ids(notifier, mapper if _works_both_ways(mapper) else None) or notifier


def _back(mapper: Any, part: str) -> Any:
    if _works_both_ways(mapper):
        return mapper.to_host
    raise SettingsError(
        f"mapper is a function, which only leads to ids, and the {part} needs the way back: give "
        "a mapper with the methods to_variant and to_host"
    )


def _works_both_ways(mapper: object) -> bool:
    return hasattr(mapper, "to_variant") and hasattr(mapper, "to_host")


def _imported(name: str) -> Any:
    module, _, path = name.partition(":")
    try:
        found = attrgetter(path)(import_module(module))
        return found() if isinstance(found, type) else found
    except Exception as error:
        # The host's module may raise any error.
        raise SettingsError(f"mapper is {name!r}, which cannot be imported: {error}") from error
