"""What a whole read brought, and what is asked of the shelf before the next one."""

from datetime import timedelta
from math import inf

import attrs
import pytest

from shelfport import ProductVariantId, StockReading
from shelfport.adapters.layers import ReadingStore
from shelfport.domain.model import Answer
from shelfport.errors import TimedOut
from shelfport.ports import UnknownVariant, Unreadable
from tests.support.clocks import EPOCH
from tests.support.values import LOW, OUT, a_reading, an_event, ids

A, B, C, D = ids(4)


def read_at(seconds: float, variant: ProductVariantId = A) -> StockReading:
    return attrs.evolve(a_reading(variant), as_of=EPOCH + timedelta(seconds=seconds))


def unknown_at(seconds: float | None) -> UnknownVariant:
    return UnknownVariant(A, None if seconds is None else EPOCH + timedelta(seconds=seconds))


def keep(shelf: ReadingStore, answers: dict[ProductVariantId, Answer]) -> None:
    """15 s after `EPOCH`, which is 115 by the monotonic clock, of a read that began at 112."""
    shelf.keep(answers, asked_at=112, now=115, instant=EPOCH + timedelta(seconds=15))


def asked_at(shelf: ReadingStore, variant: ProductVariantId = A) -> float:
    entry = shelf.get(variant)
    assert entry is not None
    return entry.asked_at


@pytest.mark.parametrize(("as_of", "dated"), [(10, 110), (12, 112), (14, 112), (None, 112)])
def test_what_is_unknown_is_dated(shelf: ReadingStore, as_of: float | None, dated: float) -> None:
    """That a variant is unknown counts from when it was read, and at the latest from this read."""
    keep(shelf, {A: unknown_at(as_of)})

    assert dated == asked_at(shelf)


def test_what_is_unknown_just_now(shelf: ReadingStore) -> None:
    """Without a date of its own it counts from this read, however short that was."""
    shelf.keep({A: unknown_at(None)}, asked_at=115, now=115, instant=EPOCH)

    assert 115 == asked_at(shelf)


def test_readings_are_dated(shelf: ReadingStore) -> None:
    """So does each reading: those of one read may have been asked for at different times."""
    keep(shelf, {A: read_at(10), B: read_at(10, B), C: read_at(14, C), D: read_at(11, D)})

    assert [110, 110, 112, 111] == [asked_at(shelf, variant) for variant in (A, B, C, D)]


def test_what_could_not_be_read_is_not_kept(shelf: ReadingStore) -> None:
    """A failure is no knowledge: what was kept before stays."""
    keep(shelf, {A: read_at(10)})
    keep(shelf, {A: Unreadable(TimedOut("too slow")), B: Unreadable(TimedOut("too slow"))})

    assert 110 == asked_at(shelf)
    assert shelf.get(B) is None


def test_callers_who_shared_a_request(shelf: ReadingStore) -> None:
    """What the second of them brings is there already, and stays as it is; anything else counts."""
    reading = read_at(10)
    keep(shelf, {A: reading})
    entry = shelf.get(A)

    keep(shelf, {A: reading})
    assert shelf.get(A) is entry
    keep(shelf, {A: read_at(10)})
    assert shelf.get(A) is not entry
    keep(shelf, {B: unknown_at(10)})
    keep(shelf, {B: read_at(11, B)})
    assert 111 == asked_at(shelf, B)


def test_of_what_nothing_is_kept(shelf: ReadingStore) -> None:
    """One look tells whether a read is about nothing but strangers."""
    assert shelf.has_none_of([A, B])
    keep(shelf, {A: read_at(10)})

    assert not shelf.has_none_of([A])
    assert not shelf.has_none_of([B, A])
    assert shelf.has_none_of([B, C])
    shelf.apply_event(an_event(OUT, C), as_of=EPOCH, happened_at=100, now=100)
    assert not shelf.has_none_of([B, C])
    assert not shelf.has_none_of([A, B])
    assert shelf.has_none_of([B, D])


def test_the_latest_fence(shelf: ReadingStore) -> None:
    """A read of several variants must have begun after the last change of any of them."""
    assert -inf == shelf.latest_fence([A, B])
    shelf.fence_all(5)
    assert 5 == shelf.latest_fence([A, B])
    shelf.apply_event(an_event(LOW, A), as_of=EPOCH, happened_at=9, now=10)
    shelf.fence(B, 20)

    assert [10, 20, 20, 5] == [shelf.latest_fence(v) for v in ([A], [A, B], [B, A], [C])]
