from datetime import UTC, datetime, timedelta

import pytest

from shelfport import (
    Freshness,
    StockLevel,
    StockReading,
    StockStatus,
    Unavailable,
    UnavailableReason,
    variant_id,
)
from shelfport.adapters.ops.badges import Badge, BadgeKind, badge

NOW = datetime(2024, 5, 17, 9, 30, tzinfo=UTC)
VARIANT = variant_id("c9bf9e57-1685-4c89-bafb-ff5af830be8a")


def a_reading(
    status: StockStatus = StockStatus.IN_STOCK,
    quantity: int = 30,
    freshness: Freshness = Freshness.LIVE,
    age: float = 0,
) -> StockReading:
    level = StockLevel(VARIANT, quantity, status, NOW - timedelta(days=400))
    return StockReading(level, NOW - timedelta(seconds=age), "http", freshness)


@pytest.mark.parametrize(
    ("status", "quantity", "kind", "text"),
    [
        (StockStatus.IN_STOCK, 30, BadgeKind.IN_STOCK, "In stock"),
        (StockStatus.LOW_STOCK, 3, BadgeKind.LOW_STOCK, "Only 3 left"),
        (StockStatus.LOW_STOCK, 0, BadgeKind.LOW_STOCK, "Low stock"),
        (StockStatus.OUT_OF_STOCK, 0, BadgeKind.OUT_OF_STOCK, "Out of stock"),
    ],
)
def test_each_status_has_its_words(
    status: StockStatus, quantity: int, kind: BadgeKind, text: str
) -> None:
    """The service's status decides on the words; a live reading needs no caveat."""
    assert Badge(kind, text, Freshness.LIVE) == badge(a_reading(status, quantity), NOW)


@pytest.mark.parametrize("reason", UnavailableReason)
def test_nothing_known_has_the_same_words_for_all_reasons(reason: UnavailableReason) -> None:
    """Whatever the reason, the page says that stock information is unavailable (R18)."""
    expected = Badge(BadgeKind.UNAVAILABLE, "Stock information unavailable")
    assert expected == badge(Unavailable(reason), NOW)


@pytest.mark.parametrize(
    ("age", "caveat"),
    [
        (-3, "as of 1 s ago"),
        (0, "as of 1 s ago"),
        (39.2, "as of 40 s ago"),
        (119.5, "as of 2 min ago"),
        (300, "as of 5 min ago"),
        (7201, "as of 3 h ago"),
    ],
)
def test_a_stale_reading_says_its_age(age: float, caveat: str) -> None:
    """A stale reading carries its age, never understated, in the unit that suits it (R19)."""
    shown = badge(a_reading(freshness=Freshness.STALE, age=age), NOW)
    assert Badge(BadgeKind.IN_STOCK, "In stock", Freshness.STALE, caveat) == shown


def test_a_cached_reading_counts_as_current() -> None:
    """A reading kept within its window needs no caveat."""
    shown = badge(a_reading(freshness=Freshness.CACHED, age=4), NOW)
    assert Badge(BadgeKind.IN_STOCK, "In stock", Freshness.CACHED) == shown
