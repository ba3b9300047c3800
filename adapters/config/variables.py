"""The variables of settings, and those that begin like one and are none."""

import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.metadata import entry_points

import attrs

PREFIX = "SHELFPORT_"
FILES_VARIABLE = "SHELFPORT_SETTINGS"
PLUGIN_GROUP = "shelfport.adapters"
"""The entry-point group of adapters of other packages."""

_NOT_OURS = re.compile(
    # Of this project, but no settings: the ops page's token for `top`, and what its own tests and
    # benchmarks read.
    "SHELFPORT_(OPS_TOKEN|LONG|REQUIRE_SERVICES|CHROMIUM|TEST_.+|BENCH_.+)"
    # Kubernetes and Docker set these in every container, for a service whose name is shelfport or
    # begins with it: SHELFPORT_SERVICE_HOST, SHELFPORT_PORT, SHELFPORT_PORT_80_TCP_ADDR.
    "|SHELFPORT_(.+_)?SERVICE_(HOST|PORT(_.+)?)"
    "|SHELFPORT_(.+_)?PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?"
)


@attrs.frozen
class UnknownVariable:
    """A variable of the environment that begins like a setting's, and is of none."""

    name: str
    nearest: str | None
    """The variable that was probably meant; None if none is similar."""

    def __str__(self) -> str:
        return self.name + (f" (did you mean {self.nearest}?)" if self.nearest else "")


def variable_of(setting: str) -> str:
    """The variable of a setting: SHELFPORT_CACHE_TTL for `cache.ttl`."""
    return f"{PREFIX}{re.sub('[.-]', '_', setting).upper()}"


def unknown_variables(settings: Iterable[str]) -> tuple[UnknownVariable, ...]:
    """The variables in the environment that begin with SHELFPORT_ and are of none of `settings`.

    What orchestrators set for a service of that name is left out, and so are the variables of
    installed adapters: SHELFPORT_CSVSTOCK_FILE, if an adapter is named `csvstock`.
    """
    known = {FILES_VARIABLE, *map(variable_of, settings)}
    names = [
        name
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known and not _NOT_OURS.fullmatch(name)
    ]
    if not names:
        return ()
    of_plugins = tuple(variable_of(f"{e.name}.") for e in entry_points(group=PLUGIN_GROUP))
    return tuple(
        UnknownVariable(name, nearest(name, known))
        for name in names
        if not name.startswith(of_plugins)
    )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name among `known` that is most like `name`; None if none is similar."""
    # Without what all of them begin with, which would make any two names similar.
    found = get_close_matches(
        name.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known], n=1
    )
    if not found:
        return None
    return f"{PREFIX}{found[0]}" if name.startswith(PREFIX) else found[0]
