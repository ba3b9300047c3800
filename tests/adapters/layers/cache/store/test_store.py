"""Which answers the store takes, their windows, fences and bounds."""

import gc
from datetime import timedelta
from math import inf

import attrs
import pytest

from shelfport import Freshness, StockStatus
from shelfport.adapters.layers import ReadingStore
from shelfport.options import CacheOptions
from shelfport.ports import UnknownVariant
from tests.adapters.layers.cache.store.conftest import (
    OPTIONS,
    apply_event,
    at,
    keep,
    kept,
    updated,
)
from tests.support.clocks import EPOCH
from tests.support.listening import lowest
from tests.support.values import OUT, a_reading, an_event, ids

A, B, C = ids(3)


def test_a_window_may_be_left_out() -> None:
    """A window of 0 seconds is skipped: the next one begins at once."""
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


def test_windows_of_a_reading(store: ReadingStore) -> None:
    """A reading passes the three windows; they count from the time of the request."""
    assert keep(store, a_reading(A), 100)

    entry = kept(store)
    assert (100, 105, 130, 400) == (
        entry.windows.asked_at,
        entry.windows.fresh_until,
        entry.windows.revalidate_until,
        entry.windows.stale_until,
    )


def test_jitter_ends_the_fresh_window_early() -> None:
    """`ttl` ends early by a share of it, up to `jitter`; the other windows do not change."""
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    store = ReadingStore(OPTIONS, uniform)
    keep(store, a_reading(A), 100)

    assert [(0.0, 0.2)] == drawn
    assert (104, 130) == (kept(store).windows.fresh_until, kept(store).windows.revalidate_until)


def test_window_of_unknown(store: ReadingStore) -> None:
    """An "unknown" is served for `negative_ttl`, and not after it."""
    keep(store, UnknownVariant(A), 100)

    assert UnknownVariant(A) == store.other_answer(A, at(103.9), inf)
    assert store.other_answer(A, at(104), inf) is None
    entry = store.unknown(A)
    assert entry is not None
    assert (104, 104) == (entry.windows.revalidate_until, entry.windows.stale_until)


def test_readings_are_made_once(store: ReadingStore) -> None:
    """The CACHED and the STALE reading of an entry are each built once, at the first use."""
    keep(store, a_reading(A), 100)

    entry, as_of = kept(store), EPOCH + timedelta(seconds=100)
    fresh = entry.as_fresh(A)
    assert a_reading(A, as_of=as_of, freshness=Freshness.CACHED) == fresh
    assert fresh is entry.as_fresh(A) is entry.fresh
    assert a_reading(A, as_of=as_of, freshness=Freshness.STALE) == entry.as_stale(A)
    assert entry.as_stale(A) is entry.as_stale(A)


def test_the_collector_does_not_track_entries(store: ReadingStore) -> None:
    """The garbage collector does not track entries."""
    keep(store, a_reading(A), 100)

    entry = kept(store)
    assert not gc.is_tracked(entry)
    assert [] == [v for v in map(entry.__getattribute__, entry.__struct_fields__) if to_walk(v)]


def to_walk(value: object) -> bool:
    return gc.is_tracked(value) and not isinstance(value, StockStatus)  # those there are always


def test_the_level_updated_last_wins(store: ReadingStore) -> None:
    """A level that the service updated earlier does not replace one updated later."""
    keep(store, updated(2, 20), 100)

    assert not keep(store, updated(1, 10), 101)
    assert keep(store, updated(3, 30), 99)
    assert 3 == kept(store).available_quantity


def test_of_equal_levels_the_later_request_wins(store: ReadingStore) -> None:
    """Of two equal levels, the one of the later request stays."""
    keep(store, a_reading(A), 100)

    assert not keep(store, a_reading(A), 99)
    assert keep(store, a_reading(A), 100)
    assert keep(store, a_reading(A), 101)
    assert 101 == kept(store).windows.asked_at


def test_a_shared_reading_is_stored_once(store: ReadingStore) -> None:
    """A reading of a shared request is stored once; another level replaces it."""
    reading = a_reading(A)
    store.store_answers({A: reading}, asked_at=0, moment=at(0))

    entry = kept(store)
    assert entry.is_of(reading)
    assert entry.is_of(attrs.evolve(reading, freshness=Freshness.CACHED))
    assert not entry.is_of(attrs.evolve(reading, as_of=EPOCH + timedelta(0)))
    level = reading.level
    for change in (
        {"available_quantity": 7},
        {"status": StockStatus.LOW_STOCK},
        {"updated_at": EPOCH + timedelta(seconds=1)},
    ):
        assert not entry.is_of(attrs.evolve(reading, level=attrs.evolve(level, **change)))


def test_an_expired_entry_is_replaced(store: ReadingStore) -> None:
    """An expired entry is replaced by any level, also by one with an older timestamp."""
    keep(store, updated(2, 20), 100)

    assert not keep(store, updated(1, 10), 399.9)
    assert keep(store, updated(1, 10), 400)


def test_known_and_unknown_go_by_the_time_of_the_request(store: ReadingStore) -> None:
    """Between a reading and "unknown" the later request wins."""
    keep(store, a_reading(A), 100)
    assert not keep(store, UnknownVariant(A), 99)
    assert keep(store, UnknownVariant(A), 101)
    assert keep(store, UnknownVariant(A), 101)
    assert not keep(store, a_reading(A), 100)
    assert keep(store, a_reading(A), 102)


def test_a_fence_rejects_earlier_reads(store: ReadingStore) -> None:
    """The answer of a read that began at the time of a fence or before is not stored."""
    store.fence(A, 100)

    assert not keep(store, a_reading(A), 99)
    assert not keep(store, a_reading(A), 100)
    assert keep(store, a_reading(B), 99)
    assert keep(store, a_reading(A), 100.1)
    assert 100 == store.fence_of(A)
    assert -inf == store.fence_of(B)


def test_a_fence_expires_a_reading(store: ReadingStore) -> None:
    """A fence expires a stored reading, which stays as the fallback for an outage."""
    keep(store, a_reading(A), 90)
    store.fence(A, 100)

    entry = kept(store)
    assert entry.windows.fresh_until < 100
    assert entry.windows.revalidate_until < 100
    assert 390 == entry.windows.stale_until


def test_a_fence_deletes_an_unknown(store: ReadingStore) -> None:
    """A fence deletes an "unknown"."""
    keep(store, UnknownVariant(A), 100)
    store.fence(A, 101)

    assert store.unknown(A) is None


def test_a_later_fence_counts(store: ReadingStore) -> None:
    """The last of several fences counts."""
    store.fence(A, 100)
    store.fence(A, 200)

    assert not keep(store, a_reading(A), 150)


def test_bounded_entries() -> None:
    """Beyond the bound the oldest entries are evicted; a stored variant becomes the youngest."""
    store = ReadingStore(attrs.evolve(OPTIONS, max_entries=2), lowest)
    keep(store, a_reading(A), 1)
    keep(store, a_reading(B), 2)
    keep(store, a_reading(A), 3)
    keep(store, a_reading(C), 4)

    assert [True, False, True] == [store.get(v) is not None for v in (A, B, C)]
    assert 2 == len(store)


def test_bounded_fences() -> None:
    """An evicted fence is replaced by one for all variants."""
    store = ReadingStore(attrs.evolve(OPTIONS, max_entries=2), lowest)
    store.fence(A, 10)
    store.fence(B, 20)
    store.fence(A, 30)
    store.fence(C, 40)

    assert [30, 20, 40] == [store.fence_of(v) for v in (A, B, C)]
    assert 20 == store.fence_of(ids(4)[3])
    assert not keep(store, a_reading(B), 20)


def test_a_fence_for_all(store: ReadingStore) -> None:
    """It expires every reading, deletes every "unknown", and no earlier read is stored."""
    keep(store, a_reading(A), 0)
    keep(store, UnknownVariant(B), 0)
    store.fence(A, 1)
    store.fence_all(2)

    assert (False, False) == (keep(store, a_reading(A), 2), keep(store, a_reading(C), 1))
    assert kept(store).windows.fresh_until < 0 < kept(store).windows.stale_until
    assert store.unknown(B) is None
    assert {2} == {store.fence_of(variant) for variant in (A, B, C)}
    assert keep(store, a_reading(C), 2.1)


def test_a_fence_for_all_expires_readings_of_events(store: ReadingStore) -> None:
    """A fence for all expires the readings of events, too."""
    apply_event(store, an_event(OUT, A), now=2)
    assert 5 == kept(store).windows.fresh_until
    store.fence_all(2)

    assert kept(store).windows.revalidate_until < 0 < kept(store).windows.stale_until
