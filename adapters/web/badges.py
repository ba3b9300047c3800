"""From an availability to what a customer reads: words, colour, and the caveat (R18, R19)."""

from datetime import datetime
from enum import Enum
from typing import assert_never

import attrs

from shelfport.adapters.web.spoken import spoken_age
from shelfport.domain.model import (
    STOCK_INFORMATION_UNAVAILABLE,
    Availability,
    Freshness,
    StockReading,
    StockStatus,
    Unavailable,
)


class BadgeKind(Enum):
    """What a badge says; the value is its CSS class."""

    IN_STOCK = "in-stock"
    LOW_STOCK = "low-stock"
    OUT_OF_STOCK = "out-of-stock"
    UNAVAILABLE = "unavailable"


@attrs.frozen
class Badge:
    """What stands beside a product's name."""

    kind: BadgeKind
    text: str
    freshness: Freshness | None = None
    """How the reading was come by; None where there is none."""
    caveat: str | None = None
    """How old the reading is, where that matters."""


def badge(availability: Availability, now: datetime) -> Badge:
    """The badge of a product whose stock is `availability`, on a page made at `now`."""
    match availability:
        case StockReading():
            kind, text = _words(availability)
            stale = availability.freshness is Freshness.STALE
            caveat = (
                f"as of {spoken_age(availability.age(now).total_seconds())} ago" if stale else None
            )
            return Badge(kind, text, availability.freshness, caveat)
        case Unavailable():
            return Badge(BadgeKind.UNAVAILABLE, STOCK_INFORMATION_UNAVAILABLE)


def _words(reading: StockReading) -> tuple[BadgeKind, str]:
    match reading.level.status:
        case StockStatus.IN_STOCK:
            return BadgeKind.IN_STOCK, "In stock"
        case StockStatus.LOW_STOCK:
            left = reading.level.available_quantity
            # The Inventory Service decides on the status; an event may bring it without a number.
            return BadgeKind.LOW_STOCK, f"Only {left} left" if left else "Low stock"
        case StockStatus.OUT_OF_STOCK:
            return BadgeKind.OUT_OF_STOCK, "Out of stock"
        case other:
            assert_never(other)
