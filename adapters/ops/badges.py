"""From an availability to what a customer reads: words, colour, and the caveat (R18, R19)."""

from datetime import datetime
from enum import Enum
from typing import Final

import attrs

from shelfport.adapters.ops.formatting import format_age
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


_KINDS: Final = {
    StockStatus.IN_STOCK: BadgeKind.IN_STOCK,
    StockStatus.LOW_STOCK: BadgeKind.LOW_STOCK,
    StockStatus.OUT_OF_STOCK: BadgeKind.OUT_OF_STOCK,
}


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
            level = availability.level
            stale = availability.freshness is Freshness.STALE
            age = availability.age(now).total_seconds()
            caveat = f"as of {format_age(age)} ago" if stale else None
            return Badge(_KINDS[level.status], str(level), availability.freshness, caveat)
        case Unavailable():
            return Badge(BadgeKind.UNAVAILABLE, STOCK_INFORMATION_UNAVAILABLE)
