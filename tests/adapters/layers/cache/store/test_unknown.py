"""Variants of which the service has no record, beside readings and apart from them."""

from math import inf

import attrs
import pytest

from shelfport.adapters.layers import ReadingStore
from shelfport.ports import UnknownVariant
from tests.adapters.layers.cache.store.conftest import OPTIONS, at, keep, kept, updated
from tests.support.listening import lowest
from tests.support.values import a_reading, ids

A, B, C, D = ids(4)


@pytest.fixture
def small() -> ReadingStore:
    """A store for two variants of each kind."""
    return ReadingStore(attrs.evolve(OPTIONS, max_entries=2), lowest)


def test_unknown_ids_evict_no_reading(small: ReadingStore) -> None:
    """However many unknown ids are asked for, what is known of others stays."""
    keep(small, a_reading(A), 100)
    for unknown in ids(9)[1:]:
        keep(small, UnknownVariant(unknown), 101)

    assert small.get(A) is not None
    assert 3 == len(small)


def test_readings_evict_no_unknown(small: ReadingStore) -> None:
    """However many readings are stored, an "unknown" stays."""
    keep(small, UnknownVariant(A), 100)
    for known in ids(9)[1:]:
        keep(small, a_reading(known), 101)

    assert small.unknown(A) is not None


def test_the_oldest_unknown_makes_room(small: ReadingStore) -> None:
    """Of the unknown ids, the one that was stored first is evicted first."""
    for variant in (A, B, A, C):
        keep(small, UnknownVariant(variant), 100)

    assert [True, False, True] == [small.unknown(v) is not None for v in (A, B, C)]


def test_the_reading_stays(store: ReadingStore) -> None:
    """An "unknown" expires the reading, which stays for an outage."""
    keep(store, a_reading(A), 100)
    keep(store, UnknownVariant(A), 101)

    windows = kept(store).windows
    assert (-inf, -inf, 400) == (
        windows.fresh_until,
        windows.revalidate_until,
        windows.stale_until,
    )
    assert [True, False] == [store.shows(A, at(seconds)) for seconds in (399.9, 400)]


def test_a_variant_without_a_reading(store: ReadingStore) -> None:
    """Of an unknown variant without a reading there is nothing to show."""
    keep(store, UnknownVariant(A), 100)

    assert not store.shows(A, at(100))


def test_a_later_reading_removes_it(store: ReadingStore) -> None:
    """A reading that is stored removes the "unknown"."""
    keep(store, UnknownVariant(A), 100)
    keep(store, a_reading(A), 101)

    assert store.unknown(A) is None


def test_a_later_reading_that_is_held_back_removes_it(store: ReadingStore) -> None:
    """A later reading says that there is a record, though its level is older than a known one."""
    keep(store, updated(2, 20), 100)
    keep(store, UnknownVariant(A), 101)
    keep(store, updated(1, 10), 102)

    assert (None, True) == (store.unknown(A), store.held_back(A) is not None)


def test_a_reading_of_the_same_moment_wins(store: ReadingStore) -> None:
    """Of a reading and an "unknown" of one moment, the one that arrives later is stored."""
    keep(store, UnknownVariant(A), 100)
    assert keep(store, a_reading(A), 100)
    assert keep(store, UnknownVariant(A), 100)


def test_an_unknown_counts_its_age_on_arrival(store: ReadingStore) -> None:
    """An "unknown" that was old on arrival is older than a reading from before its receipt."""
    keep(store, a_reading(A), 100)

    assert not keep(store, UnknownVariant(A), 103, upstream_age=4)
    assert keep(store, UnknownVariant(A), 103, upstream_age=3)


def test_a_reading_counts_its_age_on_arrival(store: ReadingStore) -> None:
    """A reading that was old on arrival does not replace a younger "unknown"."""
    keep(store, UnknownVariant(A), 100)

    assert not keep(store, a_reading(A), 103, upstream_age=4)
    assert keep(store, a_reading(A), 103, upstream_age=3)


def test_a_fence_counts_its_age_on_arrival(store: ReadingStore) -> None:
    """An "unknown" that was old on arrival is not stored after a fence, if it is from before it."""
    store.fence(A, 100)

    assert not keep(store, UnknownVariant(A), 103, upstream_age=3)
    assert keep(store, UnknownVariant(A), 103, upstream_age=2.5)


def test_negative_ttl_counts_from_the_receipt(store: ReadingStore) -> None:
    """An "unknown" that was old on arrival is served for `negative_ttl` all the same."""
    keep(store, UnknownVariant(A), 100, upstream_age=60)

    assert UnknownVariant(A) == store.other_answer(A, at(103.9), inf)
    assert store.other_answer(A, at(104), inf) is None
    assert [True, False] == [
        store.other_answer(A, at(102), longest) is not None for longest in (62.1, 62)
    ]


def test_it_ends_what_was_held_back(store: ReadingStore) -> None:
    """After an "unknown" no older reading is held back any more."""
    keep(store, updated(2, 20), 100)
    keep(store, updated(1, 10), 101)
    assert store.held_back(A) is not None
    keep(store, UnknownVariant(A), 102)

    assert store.held_back(A) is None


def test_an_earlier_unknown_does_not_replace_a_later(store: ReadingStore) -> None:
    """Of two, the one that was asked for later stays."""
    keep(store, UnknownVariant(A), 100)

    assert not keep(store, UnknownVariant(A), 99)
    assert keep(store, UnknownVariant(A), 101, upstream_age=60)


def test_none_of_the_variants(store: ReadingStore) -> None:
    """An unknown variant has an entry."""
    keep(store, UnknownVariant(A), 100)

    assert [False, True] == [store.has_none_of([variant]) for variant in (A, B)]
