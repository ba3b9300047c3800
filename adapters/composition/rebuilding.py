"""`rebuildable`: an integration whose parts can be made again, in a forked child.

The parent process still uses what it opened: a child must neither use it nor close it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from dependency_injector import providers

from shelfport.adapters.facade.integration import InventoryIntegration

_KEPT_ADAPTERS = {"memory"}
"""Adapters whose state is their data, which a child has as of the fork."""


def rebuildable(
    make: Callable[..., InventoryIntegration[Any]], parts: Sequence[Any]
) -> InventoryIntegration[Any]:
    """An integration that can make `parts` again.

    Args:
        make: makes an integration of the present parts.
        parts: the providers of what has connections, tasks or locks. What the host gave in place
            of one is used again as it is.
    """

    def again() -> InventoryIntegration[Any]:
        for part in parts:
            for provider in _made_by(part):
                provider.reset()
        return make(rebuild=again)

    return make(rebuild=again)


def _made_by(part: Any) -> Sequence[Any]:
    if isinstance(part, providers.Selector):
        return [p for name, p in part.providers.items() if name not in _KEPT_ADAPTERS]
    return [part] if isinstance(part, providers.BaseSingleton) else []
