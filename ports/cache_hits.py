"""The port to hits of a cache in memory: the fast path of a page."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from shelfport.domain.model import StockReading


class CacheHits(Protocol):
    """Answers from memory for callers who set no `max_staleness` and no deadline.

    Both methods must return without I/O, and must not raise for a variant, whatever its type. None
    means "no hit": the caller then uses `InventoryPort.read`. A returned reading must be within
    its `ttl`, and must be marked CACHED.
    """

    def hit(self, variant: object) -> StockReading | None:
        """Return the reading of `variant` if it is a `UUID` and a hit; else must return None."""
        ...

    def hit_many(self, variants: Iterable[object]) -> dict[UUID, StockReading] | None:
        """Return the readings of `variants` if each is a `UUID` and a hit; else must return None.

        Must return one entry for each distinct variant, in first-asked order. The dict belongs to
        the caller.
        """
        ...
