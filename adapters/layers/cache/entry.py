"""`Entry`: what the cache stores of one variant, and `CacheWindows`: until when it is served.

There may be very many entries, and most are read rarely. Python's garbage collector visits every
stored reading and level again and again. It does not track these structs (`gc=False`): they hold
plain values and are never part of a cycle. A reading is built from its entry when it is used.
"""

from datetime import datetime
from math import inf
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


class CacheWindows(msgspec.Struct, eq=False, frozen=True, gc=False):
    """The windows of what one request brought: one object for all its variants.

    So a page that was read together is refreshed together. Times are seconds of the monotonic
    clock.
    """

    asked_at: float
    """When the read that brought the answer began: the answer was true then or later."""
    fresh_until: float
    """The end of `ttl`."""
    revalidate_until: float
    """The end of `stale_while_revalidate`."""
    stale_until: float
    """The end of `stale_if_error`."""

    def expired(self) -> "CacheWindows":
        """The same windows without the first two, so that the service is asked first."""
        return CacheWindows(self.asked_at, -inf, -inf, self.stale_until)


class KeptUnknown(msgspec.Struct, eq=False, gc=False):
    """The service has no record of the variant."""

    windows: CacheWindows
    answer: UnknownVariant
    fresh: ClassVar[None] = None

    def as_fresh(self, _variant: ProductVariantId) -> UnknownVariant:
        """The answer; it is the same in every window."""
        return self.answer

    as_stale = as_fresh

    def is_of(self, _reading: StockReading) -> bool:
        """Never: a reading is another answer."""
        return False

    def updated_by(self, _moment: datetime) -> bool:
        """Never: there is no level that the service could have updated."""
        return False


class KeptReading(msgspec.Struct, eq=False, gc=False):
    """The values of a reading."""

    windows: CacheWindows
    available_quantity: int
    status: StockStatus
    updated_at: datetime
    as_of: datetime
    source: str
    fresh: StockReading | None = None
    """The reading marked CACHED, one object for all hits; None until the first hit."""
    _stale: StockReading | None = None

    def as_fresh(self, variant: ProductVariantId) -> StockReading:
        """The reading within its `ttl`; `variant` is this entry's own. It is built once."""
        if self.fresh is None:
            self.fresh = self._reading(variant, Freshness.CACHED)
        return self.fresh

    def as_stale(self, variant: ProductVariantId) -> StockReading:
        """The reading past its `ttl`; `variant` is this entry's own. It is built once."""
        if self._stale is None:
            self._stale = self._reading(variant, Freshness.STALE)
        return self._stale

    def is_of(self, reading: StockReading) -> bool:
        """Whether `reading` is the stored one: of the same request, with the same level."""
        level = reading.level
        return (
            self.as_of is reading.as_of
            and self.updated_at is level.updated_at
            and self.available_quantity == level.available_quantity
            and self.status is level.status
        )

    def updated_by(self, moment: datetime) -> bool:
        """Whether the service updated the stored level at `moment`, by its own clock, or later."""
        return self.updated_at >= moment

    def _reading(self, variant: ProductVariantId, freshness: Freshness) -> StockReading:
        level = StockLevel.rebuilt(variant, self.available_quantity, self.status, self.updated_at)
        return StockReading(level, self.as_of, self.source, freshness)


Entry = KeptReading | KeptUnknown
