"""Stock levels, and readings of them that say how true they are (R3, R19)."""

from datetime import UTC, datetime, timedelta
from enum import Enum

import attrs

from shelfport.domain.model.validators import MAX_QUANTITY, aware, member_of, not_nil, units
from shelfport.domain.model.variant import ProductVariantId

__all__ = ["MAX_QUANTITY", "Freshness", "StockLevel", "StockReading", "StockStatus"]

_NO_TIME = timedelta(0)


class StockStatus(Enum):
    """What the Inventory Service says of a variant's stock; it decides, never this library."""

    IN_STOCK = "IN_STOCK"
    """More units than the variant's low-stock threshold."""
    LOW_STOCK = "LOW_STOCK"
    """At most as many units as that, and at least one."""
    OUT_OF_STOCK = "OUT_OF_STOCK"
    """None that can be sold."""


@attrs.frozen(init=False)
class StockLevel:
    """The stock of one variant, as the Inventory Service keeps it (R3).

    Raises:
        ValueError: an argument breaks its rule; the sentence says which and how.
    """

    variant_id: ProductVariantId
    available_quantity: int
    """Units that can be sold now: 0 to `MAX_QUANTITY`."""
    status: StockStatus
    updated_at: datetime
    """When the stock last changed. Not the age of a reading: unchanged stock is not old stock."""

    # The rules are kept here and not as the fields' validators, so that a decoder that has checked
    # them all by itself, in C and for thousands of levels a page, makes levels without a second
    # check in Python; every call of the class makes it.
    def __init__(
        self,
        variant_id: ProductVariantId,
        available_quantity: int,
        status: StockStatus,
        updated_at: datetime,
    ) -> None:
        not_nil(self, _VARIANT_ID, variant_id)
        units(self, _QUANTITY, available_quantity)
        _a_status(self, _STATUS, status)
        aware(self, _UPDATED_AT, updated_at)
        self.__attrs_init__(variant_id, available_quantity, status, updated_at)

    @classmethod
    def rebuilt(
        cls,
        variant_id: ProductVariantId,
        available_quantity: int,
        status: StockStatus,
        updated_at: datetime,
    ) -> "StockLevel":
        """A level of what was once a level's: that keeps the rules, and is not checked again."""
        level = cls.__new__(cls)
        level.__attrs_init__(variant_id, available_quantity, status, updated_at)
        return level

    def __str__(self) -> str:
        """What a customer reads."""
        # The Inventory Service decides on the status; an event brings it without a number.
        if self.status is StockStatus.LOW_STOCK and self.available_quantity:
            return f"Only {self.available_quantity} left"
        return _WORDS[self.status]


_VARIANT_ID, _QUANTITY, _STATUS, _UPDATED_AT = attrs.fields(StockLevel)
_a_status = member_of(StockStatus)
_WORDS = {
    StockStatus.IN_STOCK: "In stock",
    StockStatus.LOW_STOCK: "Low stock",
    StockStatus.OUT_OF_STOCK: "Out of stock",
}


class Freshness(Enum):
    """How a reading was come by: the caveat that R19 asks for."""

    LIVE = "LIVE"
    """Answered by the Inventory Service for this very call."""
    CACHED = "CACHED"
    """Kept from an earlier answer, within the window in which that counts as current."""
    STALE = "STALE"
    """Kept from an earlier answer past that window, shown because nothing better was at hand."""


@attrs.frozen
class StockReading:
    """A stock level, and how true it is.

    >>> from datetime import UTC, datetime, timedelta
    >>> from uuid import uuid4
    >>> asked_at = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    >>> level = StockLevel(uuid4(), 3, StockStatus.LOW_STOCK, asked_at - timedelta(days=365))
    >>> StockReading(level, asked_at, "http").age(asked_at + timedelta(seconds=40)).seconds
    40
    """

    level: StockLevel
    as_of: datetime = attrs.field(validator=aware)
    """The instant at which the request that this answers was *sent*: the level was true then or
    later. Neither `level.updated_at` nor the moment of receipt."""
    source: str
    """The adapter that answered, by its own name: "http", "memory", or a third party's."""
    freshness: Freshness = Freshness.LIVE

    def __str__(self) -> str:
        """What a customer reads: the level, and of a stale one since when it may be wrong (R19)."""
        if self.freshness is not Freshness.STALE:
            return str(self.level)
        return f"{self.level} (as of {self.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"

    def age(self, now: datetime) -> timedelta:
        """How old the reading is at `now` (aware). Never negative: clocks of two hosts differ."""
        return max(now - self.as_of, _NO_TIME)

    def kept_as(self, freshness: Freshness) -> "StockReading":
        """The same reading, handed out again with another caveat."""
        return StockReading(self.level, self.as_of, self.source, freshness)
