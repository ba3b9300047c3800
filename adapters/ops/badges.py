"""`badge`: an availability as a customer reads it, with text, colour and caveat."""

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
    """The kinds of badges; the value is a CSS class."""

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
    """The badge beside a product's name."""

    kind: BadgeKind
    text: str
    freshness: Freshness | None = None
    """The freshness of the reading; None without a reading."""
    caveat: str | None = None
    """The age of a stale reading."""


def badge(availability: Availability, now: datetime) -> Badge:
    """The badge for `availability` on a page that is rendered at `now`."""
    match availability:
        case StockReading():
            level = availability.level
            stale = availability.freshness is Freshness.STALE
            age = availability.age(now).total_seconds()
            caveat = f"as of {format_age(age)} ago" if stale else None
            return Badge(_KINDS[level.status], str(level), availability.freshness, caveat)
        case Unavailable():
            return Badge(BadgeKind.UNAVAILABLE, STOCK_INFORMATION_UNAVAILABLE)
