import gc
from datetime import timedelta

import attrs
import pytest

from shelfport import (
    Freshness,
    ProductVariantId,
    StockReading,
    StockStatus,
)
from shelfport.adapters.layers import ReadingStore
from shelfport.adapters.layers.cache.entry import Entry, KeptReading
from shelfport.options import CacheOptions
from shelfport.ports import UnknownVariant
from tests.adapters.layers.cache.store.conftest import OPTIONS
from tests.support.clocks import EPOCH
from tests.support.listening import lowest
from tests.support.values import OUT, a_reading, an_event, ids

A, B, C = ids(3)


def kept(shelf: ReadingStore, variant: ProductVariantId = A) -> Entry:
    entry = shelf.get(variant)
    assert entry is not None
    return entry


def read(seconds: float) -> StockReading:
    return attrs.evolve(a_reading(A), as_of=EPOCH + timedelta(seconds=seconds))


def updated(quantity: int, seconds: float) -> StockReading:
    reading = a_reading(A, quantity)
    changed = attrs.evolve(reading.level, updated_at=EPOCH + timedelta(seconds=seconds))
    return attrs.evolve(reading, level=changed)


def test_a_window_may_be_left_out() -> None:
    """A window of 0 seconds is left out: the reading goes on to the next one at once."""
    options = CacheOptions(ttl=5, stale_while_revalidate=0, stale_if_error=0)

    assert (5, 5) == (options.revalidate_age, options.discard_age)


def test_both_windows_count_from_the_end_of_ttl() -> None:
    """A reading is refreshed up to 30 s of age and discarded at 305 s, by default (RFC 5861)."""
    options = CacheOptions()

    assert (5, 30, 305) == (options.ttl, options.revalidate_age, options.discard_age)


def test_a_fallback_shorter_than_the_refresh_is_refused() -> None:
    """`stale_if_error` below `stale_while_revalidate` is refused, with both in the sentence."""
    with pytest.raises(ValueError, match="stale_if_error is 29") as info:
        CacheOptions(stale_while_revalidate=30, stale_if_error=29)

    assert str(info.value) == (
        "stale_if_error is 29: it must be at least stale_while_revalidate (30 seconds), "
        "as both count from the end of ttl"
    )


def test_windows_of_a_reading(shelf: ReadingStore) -> None:
    """A reading is fresh, then refreshed, then stale, counted from when it was asked for."""
    assert shelf.store(A, a_reading(A), 100)

    entry = kept(shelf)
    assert (100, 105, 130, 400) == (
        entry.asked_at,
        entry.fresh_until,
        entry.refresh_until,
        entry.stale_until,
    )


def test_jitter_ends_the_fresh_window_early() -> None:
    """The fresh window ends early by up to the given share of it; the others stand."""
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    shelf = ReadingStore(OPTIONS, uniform)
    shelf.store(A, a_reading(A), 100)

    assert [(0.0, 1.0)] == drawn
    assert (104, 130) == (kept(shelf).fresh_until, kept(shelf).refresh_until)


def test_windows_of_the_unknown(shelf: ReadingStore) -> None:
    """That a variant is unknown is believed for its own time, and not shown after it."""
    shelf.store(A, UnknownVariant(A), 100)

    entry = kept(shelf)
    assert (104, 104, 104) == (entry.fresh_until, entry.refresh_until, entry.stale_until)
    assert UnknownVariant(A) == entry.as_stale(A)


def test_readings_are_made_once(shelf: ReadingStore) -> None:
    """What is handed out is marked once, when it is first needed: as CACHED, and as STALE."""
    shelf.store(A, a_reading(A), 100)

    entry = kept(shelf)
    fresh = entry.as_fresh(A)
    assert a_reading(A, freshness=Freshness.CACHED) == fresh
    assert fresh is entry.as_fresh(A) is entry.shown
    assert a_reading(A, freshness=Freshness.STALE) == entry.as_stale(A)
    assert entry.as_stale(A) is entry.as_stale(A)


def test_the_collector_has_nothing_to_do(shelf: ReadingStore) -> None:
    """What is kept of a variant that nobody asks for again is no business of Python's collector."""
    shelf.store(A, a_reading(A), 100)

    entry = kept(shelf)
    assert not gc.is_tracked(entry)
    assert [] == [v for v in map(entry.__getattribute__, entry.__struct_fields__) if to_walk(v)]


def to_walk(value: object) -> bool:
    return gc.is_tracked(value) and not isinstance(value, StockStatus)  # those there are always


def test_the_unknown_is_never_shown_as_a_reading(shelf: ReadingStore) -> None:
    """That a variant is unknown is handed out as it is, each time."""
    shelf.store(A, UnknownVariant(A), 100)

    entry = kept(shelf)
    assert UnknownVariant(A) == entry.as_fresh(A) == entry.as_fresh(A)
    assert entry.shown is None


def test_the_level_updated_last_wins(shelf: ReadingStore) -> None:
    """A level that the service updated earlier does not replace one updated later."""
    shelf.store(A, updated(2, 20), 100)

    assert not shelf.store(A, updated(1, 10), 101)
    assert shelf.store(A, updated(3, 30), 99)
    entry = kept(shelf)
    assert isinstance(entry, KeptReading)
    assert 3 == entry.available_quantity


def test_of_equal_levels_the_one_asked_for_later_wins(shelf: ReadingStore) -> None:
    """An answer to an earlier question does not make a kept reading older."""
    shelf.store(A, read(100), 100)

    assert not shelf.store(A, read(99), 99)
    assert shelf.store(A, read(100), 100)
    assert shelf.store(A, read(101), 101)
    assert 101 == kept(shelf).asked_at


def test_what_several_callers_bring_is_kept_once(shelf: ReadingStore) -> None:
    """Callers who shared a request all bring what it brought; another level is another matter."""
    reading = read(100)
    shelf.store(A, reading, 100)

    entry = kept(shelf)
    assert entry.is_of(reading)
    assert entry.is_of(attrs.evolve(reading, freshness=Freshness.CACHED))
    assert not entry.is_of(read(100))
    level = reading.level
    for change in (
        {"available_quantity": 7},
        {"status": StockStatus.LOW_STOCK},
        {"updated_at": EPOCH + timedelta(seconds=1)},
    ):
        assert not entry.is_of(attrs.evolve(reading, level=attrs.evolve(level, **change)))


def test_what_has_expired_defends_nothing(shelf: ReadingStore) -> None:
    """Past the last window any level may come, also from a service whose clock went back."""
    shelf.store(A, updated(2, 20), 100)

    assert not shelf.store(A, updated(1, 10), 399.9)
    assert shelf.store(A, updated(1, 10), 400)


def test_known_and_unknown_go_by_when_they_were_asked_for(shelf: ReadingStore) -> None:
    """Between a reading and "unknown" the later question decides."""
    shelf.store(A, a_reading(A), 100)
    assert not shelf.store(A, UnknownVariant(A), 99)
    assert shelf.store(A, UnknownVariant(A), 101)
    assert shelf.store(A, UnknownVariant(A), 101)
    assert not shelf.store(A, a_reading(A), 100)
    assert shelf.store(A, a_reading(A), 102)


def test_a_fence_keeps_out_what_began_before(shelf: ReadingStore) -> None:
    """After a change, what a read brings that began before or with it is not stored."""
    shelf.fence(A, 100)

    assert not shelf.store(A, a_reading(A), 99)
    assert not shelf.store(A, a_reading(A), 100)
    assert shelf.store(B, a_reading(B), 99)
    assert shelf.store(A, a_reading(A), 100.1)
    assert 100 == shelf.fence_of(A)
    assert -float("inf") == shelf.fence_of(B)


def test_a_fence_makes_a_reading_doubtful(shelf: ReadingStore) -> None:
    """A kept reading is asked for before it is shown again, but stays for an outage."""
    shelf.store(A, a_reading(A), 90)
    shelf.fence(A, 100)

    entry = kept(shelf)
    assert entry.fresh_until < 100
    assert entry.refresh_until < 100
    assert 390 == entry.stale_until


def test_a_fence_forgets_the_unknown(shelf: ReadingStore) -> None:
    """A variant that was unknown before a change is asked for after it."""
    shelf.store(A, UnknownVariant(A), 100)
    shelf.fence(A, 101)

    assert shelf.get(A) is None


def test_a_later_fence_counts(shelf: ReadingStore) -> None:
    """Of several changes the last one is the fence."""
    shelf.fence(A, 100)
    shelf.fence(A, 200)

    assert not shelf.store(A, a_reading(A), 150)


def test_bounded_entries() -> None:
    """Beyond the bound the variants that were stored first go; storing again counts as new."""
    shelf = ReadingStore(attrs.evolve(OPTIONS, max_entries=2), lowest)
    shelf.store(A, read(1), 1)
    shelf.store(B, a_reading(B), 2)
    shelf.store(A, read(3), 3)
    shelf.store(C, a_reading(C), 4)

    assert [True, False, True] == [shelf.get(v) is not None for v in (A, B, C)]
    assert 2 == len(shelf)


def test_bounded_fences() -> None:
    """Fences that are too many to keep are replaced by one for all: never stored in doubt."""
    shelf = ReadingStore(attrs.evolve(OPTIONS, max_entries=2), lowest)
    shelf.fence(A, 10)
    shelf.fence(B, 20)
    shelf.fence(A, 30)
    shelf.fence(C, 40)

    assert [30, 20, 40] == [shelf.fence_of(v) for v in (A, B, C)]
    assert 20 == shelf.fence_of(ids(4)[3])
    assert not shelf.store(B, a_reading(B), 20)


def test_a_fence_for_all(shelf: ReadingStore) -> None:
    """Every reading becomes doubtful, "unknown" is forgotten, and nothing from before is stored."""
    shelf.store(A, a_reading(A), 0)
    shelf.store(B, UnknownVariant(B), 0)
    shelf.fence(A, 1)
    shelf.fence_all(2)

    assert (False, False) == (shelf.store(A, a_reading(A), 2), shelf.store(C, a_reading(C), 1))
    assert kept(shelf).fresh_until < 0 < kept(shelf).stale_until
    assert shelf.get(B) is None
    assert {2} == {shelf.fence_of(variant) for variant in (A, B, C)}
    assert shelf.store(C, a_reading(C), 2.1)


def test_a_fence_for_all_is_one_for_what_events_told(shelf: ReadingStore) -> None:
    """What an event told is asked for as well: the next event may have been missed."""
    shelf.apply_event(an_event(OUT, A), as_of=EPOCH, happened_at=0, now=0)
    assert 5 == kept(shelf).fresh_until
    shelf.fence_all(2)

    assert kept(shelf).refresh_until < 0 < kept(shelf).stale_until
