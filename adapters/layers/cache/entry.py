"""`KeptReading`, `KeptUnknown`: what the cache stores of a variant; `CacheWindows`: until when.

There may be very many entries, and most are read rarely. Python's garbage collector visits every
stored reading and level again and again. It does not track these structs (`gc=False`): they hold
plain values and are never part of a cycle. A reading is built from its entry when it is used.
"""

from datetime import datetime, timedelta
from math import inf

import msgspec

from shelfport.adapters.layers.cache.moment import Moment
from shelfport.domain.model import (
    Freshness,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    UnknownVariant,
)

STEP = 1.0
"""Seconds; if the wall clock lags behind the monotonic one by more, it was set back."""


class CacheWindows(msgspec.Struct, eq=False, frozen=True, gc=False):
    """The windows of what one request brought: one object for all its variants.

    So a page that was read together is refreshed together. Times are seconds of the monotonic
    clock. When to ask again goes by `asked_at`, what is shown by `true_at`: else an answer that a
    cache on the way had kept for longer than `ttl` would be asked for by every view.
    """

    asked_at: float
    """When the read that brought the answer began."""
    true_at: float
    """The answer was true then or later: `asked_at`, less the `upstream_age` of the answer."""
    fresh_until: float
    """The end of `ttl`."""
    revalidate_until: float
    """The end of `stale_while_revalidate`."""
    stale_until: float
    """The end of `stale_if_error`."""
    wall_offset: float
    """What the wall clock was ahead of the monotonic one when the answer was stored."""
    boottime_offset: float
    """The same of the scale that counts suspensions."""

    def by_later_clock(self, moment: Moment) -> float:
        """`moment`, by the clock that says more time has passed since the answer was stored.

        The monotonic clock says too little after a suspension, the wall clock after it was set
        back.
        """
        return max(moment.monotonic, moment.wall - self.wall_offset)

    def answers_at(self, moment: Moment, longest: float) -> bool:
        """Whether the answer is within `ttl`, and younger than `longest` seconds."""
        at = self.by_later_clock(moment)
        return at < self.fresh_until and at - self.true_at < longest

    def shown_at(self, moment: Moment, longest: float) -> bool:
        """Whether the answer is `kept_at` this moment, and younger than `longest` seconds."""
        return self.by_later_clock(moment) - self.true_at < longest and self.kept_at(moment)

    def kept_at(self, moment: Moment) -> bool:
        """Whether the answer may still be shown if the service fails.

        It goes by the scale that counts suspensions alone, so that a wall clock that is set forward
        does not empty the fallback of an outage.
        """
        return moment.boottime - self.boottime_offset < self.stale_until

    def ended_before(self, later: "CacheWindows") -> bool:
        """Whether `stale_if_error` had ended when the answer with the windows `later` was true."""
        suspended = later.boottime_offset - self.boottime_offset  # in between
        return later.true_at + suspended >= self.stale_until

    def expired(self) -> "CacheWindows":
        """The same windows without the first two, so that the service is asked first."""
        return msgspec.structs.replace(self, fresh_until=-inf, revalidate_until=-inf)

    def fresh_as(self, other: "CacheWindows") -> "CacheWindows":
        """The same windows, but the answer is fresh until that of `other`, a later one, is not."""
        # How far the wall clock was set forward in between. After it was set back, it is the old
        # offset that tells how far, see `dated`.
        jump = max(0.0, other.wall_offset - self.wall_offset)
        return msgspec.structs.replace(
            self,
            asked_at=self.asked_at - jump,
            true_at=self.true_at - jump,
            fresh_until=other.fresh_until,
            wall_offset=self.wall_offset + jump,
        )


class KeptUnknown(msgspec.Struct, eq=False, frozen=True, gc=False):
    """The service has no record of the variant."""

    windows: CacheWindows
    answer: UnknownVariant


class KeptReading(msgspec.Struct, eq=False, gc=False):
    """The values of a reading."""

    windows: CacheWindows
    available_quantity: int
    status: StockStatus
    updated_at: datetime | None
    as_of: datetime
    source: str
    reported_status: str | None = None
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

    @property
    def updated_by_as_of(self) -> datetime | None:
        """When the service updated the level, but no later than `as_of`.

        An update that lies ahead of it is one by a clock that is: it must not win over what is
        updated later by a clock that is right.
        """
        return None if self.updated_at is None else min(self.updated_at, self.as_of)

    def updated_by(self, moment: datetime) -> bool:
        """Whether the service updated the stored level at `moment`, by its own clock, or later."""
        return self.updated_at is not None and self.updated_at >= moment

    def _reading(self, variant: ProductVariantId, freshness: Freshness) -> StockReading:
        level = StockLevel.rebuilt(
            variant, self.available_quantity, self.status, self.updated_at, self.reported_status
        )
        windows = self.windows
        upstream_age = windows.asked_at - windows.true_at
        return StockReading(level, self.as_of, self.source, freshness, upstream_age)


def dated(reading: StockReading, windows: CacheWindows, moment: Moment) -> StockReading:
    """`reading` with an `as_of` that gives its age by the wall clock, also after that was set back.

    A page shows the age by the wall clock. Where the monotonic clock knows that the reading is
    older, `as_of` is moved back.
    """
    behind = moment.monotonic - (moment.wall - windows.wall_offset)
    if behind <= STEP:
        return reading
    as_of = reading.as_of - timedelta(seconds=behind)
    return StockReading(
        reading.level, as_of, reading.source, reading.freshness, reading.upstream_age
    )
