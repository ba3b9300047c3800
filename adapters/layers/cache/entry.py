"""`Entry`: what the cache keeps of one variant. Times are seconds of the monotonic clock.

There may be very many, and most are never asked for again. Python's garbage collector walks over
every reading, level and UUID that is kept, again and again; over these it does not, since they hold
plain facts, and none is ever part of a cycle. What is handed out is made of them when it is needed.
"""

from datetime import datetime
from typing import ClassVar

import msgspec

from shelfport.domain.model import (
    Freshness,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    UnknownVariant,
)


class _Windows(msgspec.Struct, eq=False, gc=False):
    asked_at: float
    """When the read that brought it began: it was true then or later."""
    fresh_until: float
    refresh_until: float
    stale_until: float


class KeptUnknown(_Windows, eq=False, gc=False):
    """That the service has no record of a variant."""

    answer: UnknownVariant
    shown: ClassVar[None] = None

    def as_fresh(self, _variant: ProductVariantId) -> UnknownVariant:
        """As it came, whatever the window."""
        return self.answer

    as_stale = as_fresh

    def is_of(self, _reading: StockReading) -> bool:
        """No reading says that."""
        return False

    def updated_by(self, _moment: datetime) -> bool:
        """No level is kept: none was updated."""
        return False


class KeptReading(_Windows, eq=False, gc=False):
    """The facts of a reading."""

    available_quantity: int
    status: StockStatus
    updated_at: datetime
    as_of: datetime
    source: str
    shown: StockReading | None = None
    """As it is handed out while fresh: one object for all hits, marked CACHED. None of a reading
    that nobody has asked for again."""
    _stale: StockReading | None = None

    def as_fresh(self, variant: ProductVariantId) -> StockReading:
        """As it is handed out for `variant`, its own, within its fresh window: made once."""
        if self.shown is None:
            self.shown = self._reading(variant, Freshness.CACHED)
        return self.shown

    def as_stale(self, variant: ProductVariantId) -> StockReading:
        """As it is handed out for `variant`, its own, past its fresh window: made once."""
        if self._stale is None:
            self._stale = self._reading(variant, Freshness.STALE)
        return self._stale

    def is_of(self, reading: StockReading) -> bool:
        """Whether `reading` says the same, of the same request, as what is kept."""
        level = reading.level
        return (
            self.as_of is reading.as_of
            and self.updated_at is level.updated_at
            and self.available_quantity == level.available_quantity
            and self.status is level.status
        )

    def updated_by(self, moment: datetime) -> bool:
        """Whether the service updated the kept level at `moment`, by its own clock, or later."""
        return self.updated_at >= moment

    def _reading(self, variant: ProductVariantId, freshness: Freshness) -> StockReading:
        level = StockLevel.rebuilt(variant, self.available_quantity, self.status, self.updated_at)
        return StockReading(level, self.as_of, self.source, freshness)


Entry = KeptReading | KeptUnknown
