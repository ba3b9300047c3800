"""The checks of what was set up: the settings, and the adapter that they name."""

from importlib.metadata import entry_points

from dependency_injector import providers

from shelfport.adapters.cli.check.model import Case, Finding, failed, ok
from shelfport.adapters.cli.options import load_given, without_others
from shelfport.adapters.composition.container import Container
from shelfport.adapters.composition.plugins import GROUP

_OURS = {
    "http": "asks the Inventory Service over HTTP",
    "memory": "keeps stock in this process and asks nobody; set base_url to ask a service",
}


async def settings(case: Case) -> Finding:
    """The settings of files, environment and command line make sense together."""
    try:
        case.loaded = load_given(case.files, {"base_url": case.base_url})
    except ValueError as error:
        return failed(str(error), "correct it where it was set: the list says where")
    given = len(case.loaded.origins)
    return ok(f"valid, {given} given and the rest by default" if given else "valid, all by default")


async def adapter(case: Case) -> Finding:
    """The adapter is there, and everything can be built around it."""
    name = case.settings.adapter_name
    container = Container(settings=providers.Object(without_others(case.settings)))
    try:
        container.integration()
    except ValueError as error:
        return failed(
            str(error), "install the package that offers it, or set adapter to one that is known"
        )
    case.container = container
    if name in _OURS:
        return ok(f"{name}: {_OURS[name]}")
    offered = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    return ok(f"{name}: {offered.get(name, 'plugged in')}, an entry point of {GROUP}")
