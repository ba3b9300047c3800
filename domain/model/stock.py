"""Stock levels, and readings of them with their age and freshness."""

from datetime import UTC, datetime, timedelta
from enum import Enum

import attrs

from shelfport.domain.model.validators import MAX_QUANTITY, aware, member_of, units, variant
from shelfport.domain.model.variant import ProductVariantId

__all__ = ["MAX_QUANTITY", "Freshness", "StockLevel", "StockReading", "StockStatus"]

_NO_TIME = timedelta(0)


class StockStatus(Enum):
    """The status of a variant's stock, which the Inventory Service decides."""

    IN_STOCK = "IN_STOCK"
    """More units than the variant's low-stock threshold."""
    LOW_STOCK = "LOW_STOCK"
    """From one unit up to the low-stock threshold."""
    OUT_OF_STOCK = "OUT_OF_STOCK"
    """No units that can be sold."""


@attrs.frozen(init=False)
class StockLevel:
    """The stock of one variant, as the Inventory Service reported it.

    Raises:
        ValueError: an argument is not valid; the message names it and its rule.
    """

    variant_id: ProductVariantId
    available_quantity: int
    """Units that can be sold now: 0 to `MAX_QUANTITY`."""
    status: StockStatus
    updated_at: datetime | None
    """When the stock last changed; None if the service did not say it in a form that can be read.
    It says nothing about the age of a reading."""
    reported_status: str | None = None
    """The status as the service wrote it, if it is none of `StockStatus`. `status` is then a
    cautious guess from the quantity: good for a page, not for a checkout."""

    # The checks are here and not in the fields' validators, so that a decoder which has made them
    # in C, for thousands of levels a page, can skip them; a call of the class always makes them.
    def __init__(
        self,
        variant_id: ProductVariantId,
        available_quantity: int,
        status: StockStatus,
        updated_at: datetime | None,
        reported_status: str | None = None,
    ) -> None:
        # None: these validators do not read the instance.
        variant(None, _VARIANT_ID, variant_id)
        units(None, _QUANTITY, available_quantity)
        _check_status(None, _STATUS, status)
        if updated_at is not None:
            aware(None, _UPDATED_AT, updated_at)
        self.__attrs_init__(variant_id, available_quantity, status, updated_at, reported_status)

    @classmethod
    def rebuilt(
        cls,
        variant_id: ProductVariantId,
        available_quantity: int,
        status: StockStatus,
        updated_at: datetime | None,
        reported_status: str | None = None,
    ) -> "StockLevel":
        """A level from the fields of an earlier level, without checking them again."""
        level = cls.__new__(cls)
        level.__attrs_init__(variant_id, available_quantity, status, updated_at, reported_status)
        return level

    def __str__(self) -> str:
        """The text for a customer."""
        # An event brings LOW_STOCK without a quantity.
        if self.status is StockStatus.LOW_STOCK and self.available_quantity:
            return f"Only {self.available_quantity} left"
        return _WORDS[self.status]


_VARIANT_ID, _QUANTITY, _STATUS, _UPDATED_AT, _ = attrs.fields(StockLevel)
_check_status = member_of(StockStatus)
_WORDS = {
    StockStatus.IN_STOCK: "In stock",
    StockStatus.LOW_STOCK: "Low stock",
    StockStatus.OUT_OF_STOCK: "Out of stock",
}


class Freshness(Enum):
    """Where a reading comes from, and whether it is still fresh."""

    LIVE = "LIVE"
    """The Inventory Service answered it for this call."""
    CACHED = "CACHED"
    """A cached reading within its `ttl`."""
    STALE = "STALE"
    """A cached reading past its `ttl`, served because the service did not answer in time."""


@attrs.frozen
class StockReading:
    """A stock level with its age, source and freshness.

    >>> from datetime import UTC, datetime, timedelta
    >>> from shelfport.domain.model import IdFormat, variant_id
    >>> asked_at = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    >>> scarf = variant_id("SCARF-BLUE", IdFormat.TEXT)
    >>> level = StockLevel(scarf, 3, StockStatus.LOW_STOCK, asked_at - timedelta(days=365))
    >>> StockReading(level, asked_at, "http").age(asked_at + timedelta(seconds=40)).seconds
    40
    """

    level: StockLevel
    as_of: datetime = attrs.field(validator=aware)
    """The level was true then or later: the instant at which the request was *sent*, less
    `upstream_age`. It is neither `level.updated_at` nor the time of receipt."""
    source: str
    """The name of the adapter that answered: "http", "memory", or a third party's."""
    freshness: Freshness = Freshness.LIVE
    upstream_age: float = 0.0
    """For how many seconds a cache between us and the service had kept the answer when we asked
    (`Age`, RFC 9111 §5.1). `as_of` counts it; the cache's `ttl` does not, or each view would ask
    again."""

    def __str__(self) -> str:
        """The text for a customer: the level; for a stale one also since when it may be wrong."""
        if self.freshness is not Freshness.STALE:
            return str(self.level)
        return f"{self.level} (as of {self.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"

    def age(self, now: datetime) -> timedelta:
        """The age of the reading at `now` (aware). Never negative, even if clocks differ."""
        return max(now - self.as_of, _NO_TIME)

    def kept_as(self, freshness: Freshness) -> "StockReading":
        """The same reading with another freshness."""
        return StockReading(self.level, self.as_of, self.source, freshness, self.upstream_age)
