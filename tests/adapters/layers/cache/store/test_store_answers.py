"""Storing the answers of a whole read, and the checks before the next one."""

from datetime import timedelta
from math import inf

import attrs
import pytest

from shelfport import Freshness, ProductVariantId, StockReading
from shelfport.adapters.layers import ReadingStore
from shelfport.adapters.layers.cache.entry import CacheWindows
from shelfport.adapters.layers.cache.moment import Moment
from shelfport.domain.model import Answer
from shelfport.errors import TimedOut
from shelfport.ports import UnknownVariant, Unreadable
from tests.adapters.layers.cache.store.conftest import OPTIONS, at
from tests.support.clocks import EPOCH
from tests.support.values import LOW, OUT, a_reading, an_event, ids

A, B, C, D = ids(4)
NOW = Moment(115, EPOCH.timestamp() + 15, 115)
"""The monotonic clock shows 115, 15 s after `EPOCH`."""


def read_at(seconds: float, variant: ProductVariantId = A) -> StockReading:
    return attrs.evolve(a_reading(variant), as_of=EPOCH + timedelta(seconds=seconds))


def unknown_at(seconds: float | None) -> UnknownVariant:
    return UnknownVariant(A, None if seconds is None else EPOCH + timedelta(seconds=seconds))


def store_all(store: ReadingStore, answers: dict[ProductVariantId, Answer]) -> None:
    """Store at 115 (monotonic), 15 s after `EPOCH`, the answers of a read that began at 112."""
    store.store_answers(answers, asked_at=112, moment=NOW)


def asked_at(store: ReadingStore, variant: ProductVariantId = A) -> float:
    return windows(store, variant).asked_at


def windows(store: ReadingStore, variant: ProductVariantId = A) -> CacheWindows:
    """Of the reading or the "unknown" of `variant`."""
    entry = store.get(variant) or store.unknown(variant)
    assert entry is not None
    return entry.windows


def ends(windows: CacheWindows) -> tuple[float, float, float, float]:
    return (
        windows.asked_at,
        windows.fresh_until,
        windows.revalidate_until,
        windows.stale_until,
    )


@pytest.mark.parametrize(("as_of", "dated"), [(10, 110), (12, 112), (14, 112), (None, 112)])
def test_an_unknown_is_dated(store: ReadingStore, as_of: float | None, dated: float) -> None:
    """An "unknown" counts from its own date, at the latest from the beginning of this read."""
    store_all(store, {A: unknown_at(as_of)})

    assert dated == asked_at(store)


def test_an_unknown_without_a_date(store: ReadingStore) -> None:
    """An "unknown" without a date counts from the beginning of this read."""
    store.store_answers({A: unknown_at(None)}, asked_at=115, moment=NOW)

    assert 115 == asked_at(store)


def test_readings_are_dated(store: ReadingStore) -> None:
    """Each reading counts from its own date, at the latest from the beginning of this read."""
    store_all(store, {A: read_at(10), B: read_at(10, B), C: read_at(14, C), D: read_at(11, D)})

    assert [110, 110, 112, 111] == [asked_at(store, variant) for variant in (A, B, C, D)]


def test_a_failure_is_not_stored(store: ReadingStore) -> None:
    """A failure does not replace a stored reading."""
    store_all(store, {A: read_at(10)})
    store_all(store, {A: Unreadable(TimedOut("too slow")), B: Unreadable(TimedOut("too slow"))})

    assert 110 == asked_at(store)
    assert store.get(B) is None


def test_answers_of_a_shared_request(store: ReadingStore) -> None:
    """The same reading again leaves the entry as it is; another one replaces it."""
    reading = read_at(10)
    store_all(store, {A: reading})
    entry = store.get(A)

    store_all(store, {A: reading})
    assert store.get(A) is entry
    store_all(store, {A: read_at(10)})
    assert store.get(A) is not entry
    store_all(store, {B: unknown_at(10)})
    store_all(store, {B: read_at(11, B)})
    assert 111 == asked_at(store, B)


def page(seconds: float, *variants: ProductVariantId) -> dict[ProductVariantId, Answer]:
    """The answers of one request that was sent `seconds` after `EPOCH`."""
    as_of = EPOCH + timedelta(seconds=seconds)
    return {variant: attrs.evolve(a_reading(variant), as_of=as_of) for variant in variants}


def test_a_request_has_one_object_of_windows() -> None:
    """What one request brought shares one `CacheWindows` object, whose `ttl` is jittered once."""
    draws = iter((0.1, 0.05))
    store = ReadingStore(OPTIONS, lambda low, high: next(draws))
    store_all(store, page(10, A, B, C))
    store.store_answers(page(14, D), asked_at=114, moment=NOW)

    assert windows(store, A) is windows(store, B) is windows(store, C)
    assert (110, 114.5) == (windows(store).asked_at, windows(store).fresh_until)
    assert (114, 118.75) == (windows(store, D).asked_at, windows(store, D).fresh_until)


def test_parts_of_one_read_share_their_windows(store: ReadingStore) -> None:
    """Requests that one read sent count from its beginning, and share one `CacheWindows` object."""
    store_all(store, page(13, A, B) | page(14, C))

    assert windows(store, A) is windows(store, B) is windows(store, C)
    assert 112 == windows(store).asked_at


def test_answers_of_one_read_that_were_not_equally_old(store: ReadingStore) -> None:
    """Answers of one read that were not equally old on arrival have windows of their own."""
    old = attrs.evolve(read_at(9, B), upstream_age=3.0)
    store_all(store, page(12, A) | {B: old} | page(14, C))

    assert [(112, 112), (112, 109), (112, 112)] == [
        (windows(store, variant).asked_at, windows(store, variant).true_at) for variant in (A, B, C)
    ]


def test_a_fence_changes_the_windows_of_its_variant_alone(store: ReadingStore) -> None:
    """A fence expires its variant; the others of the same request keep their windows."""
    store_all(store, page(10, A, B, C))
    shared = windows(store, B)
    store.fence(A, 115)

    assert (110, -inf, -inf, 410) == ends(windows(store, A))
    assert shared is windows(store, B) is windows(store, C)
    assert (110, 115, 140, 410) == ends(shared)


def test_an_event_changes_the_windows_of_its_variant_alone(store: ReadingStore) -> None:
    """An event expires its variant; the others of the same request keep their windows."""
    store_all(store, page(10, A, B))
    shared = windows(store, B)
    store.apply_event(an_event(LOW, A, at=11), as_of=EPOCH, happened_at=111, moment=NOW)

    assert (110, -inf, -inf, 410) == ends(windows(store, A))
    assert shared is windows(store, B)
    assert 115 == shared.fresh_until


def test_a_stale_reading_has_windows_of_its_own(store: ReadingStore) -> None:
    """A STALE reading of the cache below is not fresh; the others of its request are."""
    answers = page(10, A, B, C)
    answers[B] = attrs.evolve(read_at(10, B), as_of=read_at(10).as_of, freshness=Freshness.STALE)
    store_all(store, answers)

    assert (110, -inf, 140, 410) == ends(windows(store, B))
    assert windows(store, A) is windows(store, C)
    assert 115 == windows(store, A).fresh_until


def test_variants_without_an_entry(store: ReadingStore) -> None:
    """`has_none_of` tells whether none of the variants has an entry."""
    assert store.has_none_of([A, B])
    store_all(store, {A: read_at(10)})

    assert not store.has_none_of([A])
    assert not store.has_none_of([B, A])
    assert store.has_none_of([B, C])
    store.apply_event(an_event(OUT, C), as_of=EPOCH, happened_at=100, moment=NOW)
    assert not store.has_none_of([B, C])
    assert not store.has_none_of([A, B])
    assert store.has_none_of([B, D])


def test_the_latest_fence(store: ReadingStore) -> None:
    """The latest fence of several variants is the last one of any of them."""
    assert -inf == store.latest_fence([A, B])
    store.fence_all(5)
    assert 5 == store.latest_fence([A, B])
    store.apply_event(an_event(LOW, A), as_of=EPOCH, happened_at=9, moment=at(10))
    store.fence(B, 20)

    assert [10, 20, 20, 5] == [store.latest_fence(v) for v in ([A], [A, B], [B, A], [C])]
