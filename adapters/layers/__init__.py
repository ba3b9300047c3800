"""Layers: each an `InventoryPort` around an `InventoryPort`, one decision in one file.

A layer holds `inner` and its own state, implements the whole port, and can be read alone. Their
order, from the outside in, is composed in one place: `shelfport.adapters.container.compose`.
"""

from shelfport.adapters.layers.cached import Cached, CacheOptions
from shelfport.adapters.layers.checked import Checked
from shelfport.adapters.layers.deadlined import Deadlined
from shelfport.adapters.layers.observed import Observed
from shelfport.adapters.layers.split import Split, SplitOptions

__all__ = ["CacheOptions", "Cached", "Checked", "Deadlined", "Observed", "Split", "SplitOptions"]
