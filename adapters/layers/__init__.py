"""Layers: each an `InventoryPort` around an `InventoryPort`, one decision in one file.

A layer holds `inner` and its own state, implements the whole port, and can be read alone. Their
order, from the outside in, is composed in one place: `composition.stack.compose`.
"""

from shelfport.adapters.layers.breaker import Breaker, BreakerOptions, BreakerSnapshot
from shelfport.adapters.layers.cached import Cached
from shelfport.adapters.layers.change_feed import ChangeFeed
from shelfport.adapters.layers.chaos import Chaos
from shelfport.adapters.layers.checked import Checked
from shelfport.adapters.layers.coalesced import Coalesced
from shelfport.adapters.layers.deadlined import Deadlined
from shelfport.adapters.layers.guarded import Guarded
from shelfport.adapters.layers.limited import Limited, LimitOptions
from shelfport.adapters.layers.observed import Observed
from shelfport.adapters.layers.retried import Retried, RetryOptions
from shelfport.adapters.layers.second_level import SecondLevel, SharedSnapshot, SharedStore
from shelfport.adapters.layers.shared import Shared
from shelfport.adapters.layers.shared_options import SharedOptions
from shelfport.adapters.layers.shelf import CacheOptions, Shelf
from shelfport.adapters.layers.split import Split, SplitOptions
from shelfport.adapters.layers.tally import CacheSnapshot, Tally

__all__ = [
    "Breaker",
    "BreakerOptions",
    "BreakerSnapshot",
    "CacheOptions",
    "CacheSnapshot",
    "Cached",
    "ChangeFeed",
    "Chaos",
    "Checked",
    "Coalesced",
    "Deadlined",
    "Guarded",
    "LimitOptions",
    "Limited",
    "Observed",
    "Retried",
    "RetryOptions",
    "SecondLevel",
    "Shared",
    "SharedOptions",
    "SharedSnapshot",
    "SharedStore",
    "Shelf",
    "Split",
    "SplitOptions",
    "Tally",
]
