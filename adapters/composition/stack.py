"""The layers around an adapter, in their order."""

import random
import secrets

from shelfport.adapters.background import Background
from shelfport.adapters.http import HttpInventory
from shelfport.adapters.layers import (
    Breaker,
    Cached,
    Checked,
    Coalesced,
    Deadlined,
    Guarded,
    Limited,
    Observed,
    Retried,
    SecondLevel,
    Shared,
    Shelf,
    Split,
    Tally,
)
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.settings import Settings
from shelfport.domain.model import RetryBudget
from shelfport.ports import Clock, InventoryPort, Listener


def compose(
    adapter: InventoryPort,
    settings: Settings,
    *,
    clock: Clock,
    background: Background,
    breaker: Breaker,
    listener: Listener,
    second_level: SecondLevel | None = None,
    budget: RetryBudget | None = None,
    tally: Tally | None = None,
) -> Cached:
    """Put the layers around `adapter`: read it from the outside in.

    Each stands where it stands for a reason, which its own docstring gives. Below `Split`, one
    call is one attempt at one request: there the budget, the limit, the breaker and the records
    count what really goes out.
    """
    return Cached(
        Deadlined(
            Coalesced(
                shared(
                    Split(
                        Retried(
                            Limited(
                                Guarded(
                                    Observed(
                                        trusted(adapter),
                                        clock,
                                        listener,
                                    ),
                                    clock,
                                    breaker,
                                    listener,
                                ),
                                clock,
                                settings.limit,
                                listener,
                            ),
                            clock,
                            settings.retry,
                            budget or settings.retry.budget(),
                            random.uniform,
                            listener,
                        ),
                        settings.split,
                    ),
                    settings,
                    clock,
                    background,
                    second_level,
                ),
                clock,
                background,
            ),
            clock,
            new_id,
            settings.deadline,
        ),
        clock,
        Shelf(settings.cache, random.uniform),
        background,
        listener,
        tally or Tally(),
    )


def shared(
    inner: InventoryPort,
    settings: Settings,
    clock: Clock,
    background: Background,
    second_level: SecondLevel | None,
) -> InventoryPort:
    """The layer over the cache that replicas share; without such a cache, `inner` alone."""
    if second_level is None:
        return inner
    return Shared(
        inner,
        clock,
        second_level,
        settings.cache,
        background,
        random.uniform,
        lambda: secrets.token_hex(8),
    )


def trusted(adapter: InventoryPort) -> InventoryPort:
    """Our own adapters as they are, since their tests hold them to the port; others checked."""
    ours = isinstance(adapter, HttpInventory | InMemoryInventory)
    return adapter if ours else Checked(adapter)


def new_id() -> str:
    """A correlation id for a call that came without one: 128 random bits, as a trace id has."""
    return f"{random.getrandbits(128):032x}"
