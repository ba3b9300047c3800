"""The port to hits of a cache in memory: the fast path of a page."""

from collections.abc import Sequence
from typing import Protocol

from shelfport.domain.model import ProductVariantId, StockReading


class CacheHits(Protocol):
    """Answers from memory for callers who set no `max_staleness` and no deadline.

    Both methods must return without I/O, and must not raise. They are asked for texts that need
    not be ids: such a text is no hit. None means "no hit": the caller then uses
    `InventoryPort.read`. A returned reading must be within its `ttl`, and must be marked CACHED.
    """

    def hit(self, text: str) -> StockReading | None:
        """Return the reading of the variant with the id `text`, if it is a hit."""
        ...

    def hit_many(self, texts: Sequence[str]) -> dict[ProductVariantId, StockReading] | None:
        """Return the readings of the variants with the ids `texts`, if each is a hit.

        Must return one entry for each distinct id, in first-asked order. The dict belongs to the
        caller.
        """
        ...
