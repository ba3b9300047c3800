"""Adapters of other packages, found by name in the entry-point group `shelfport.adapters`."""

from importlib.metadata import entry_points

from shelfport.adapters.config.settings import Settings, SettingsError
from shelfport.adapters.config.variables import PLUGIN_GROUP
from shelfport.ports import Clock, InventoryPort


def plugin_adapter(settings: Settings, clock: Clock) -> InventoryPort:
    """Make the adapter that `settings.adapter` names.

    The entry point is a function `(settings, clock) -> InventoryPort`. It does no I/O; an adapter
    that must open something is an async context manager as well.

    Raises:
        SettingsError: no installed package offers that name, or its entry point makes no adapter.
    """
    name = settings.adapter_name
    offered = {entry.name: entry for entry in entry_points(group=PLUGIN_GROUP)}
    if name not in offered:
        known = ", ".join(sorted({"http", "memory", *offered}))
        raise SettingsError(
            f"adapter is {name!r}, which no installed package offers in the entry-point group "
            f"{PLUGIN_GROUP}; the known adapters are: {known}"
        )
    entry = offered[name]
    try:
        adapter = entry.load()(settings, clock)
    except Exception as error:
        raise SettingsError(
            f"adapter is {name!r}, but {entry.value} failed to make it: {error}"
        ) from error
    if not isinstance(adapter, InventoryPort):
        raise SettingsError(
            f"adapter is {name!r}, but {entry.value} made a {type(adapter).__name__}, "
            "which is not an InventoryPort: it has no read or no initialize"
        )
    return adapter
