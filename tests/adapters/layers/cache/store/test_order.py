"""Which of two readings of a variant stays, and until when an older one is held back."""

from datetime import timedelta
from math import inf

import attrs
import pytest

from shelfport import Freshness, ProductVariantId, StockReading
from shelfport.adapters.layers import ReadingStore
from shelfport.ports import Answer
from tests.adapters.layers.cache.store.conftest import OPTIONS, at, keep, kept, updated
from tests.support.clocks import EPOCH
from tests.support.listening import lowest
from tests.support.values import ids

A, B, C = ids(3)


def quantity(store: ReadingStore) -> int:
    return kept(store).available_quantity


@pytest.mark.parametrize(("first", "second"), [(None, 10), (10, None), (None, None), (10, 10)])
def test_without_an_order_the_later_request_wins(
    store: ReadingStore, first: float | None, second: float | None
) -> None:
    """If a level says no date, or both say the same, the later request wins."""
    keep(store, updated(2, first), 100)

    assert not keep(store, updated(1, second), 99)
    assert keep(store, updated(1, second), 101)


def test_an_update_ahead_of_its_answer(store: ReadingStore) -> None:
    """An update that lies ahead of its answer's `as_of` counts as one at that moment."""
    keep(store, updated(2, 340), 100)

    assert not keep(store, updated(1, 99), 101)
    assert keep(store, updated(1, 100.5), 102)


def test_two_updates_ahead_of_their_answers(store: ReadingStore) -> None:
    """Of two levels that were updated ahead of their answers, that of the later answer wins."""
    keep(store, updated(2, 340), 100)

    assert keep(store, updated(1, 330), 101)


def test_held_back(store: ReadingStore) -> None:
    """A later read with an older level is held back; the stored one is fresh as long as it is."""
    keep(store, updated(2, 20), 100)
    keep(store, updated(1, 10), 103)

    held = store.held_back(A)
    assert held is not None
    assert (2, 1, 108) == (
        quantity(store),
        held.available_quantity,
        kept(store).windows.fresh_until,
    )
    assert 100 == kept(store).windows.asked_at


def sent_at(seconds: float, *readings: StockReading) -> dict[ProductVariantId, Answer]:
    """`readings`, as the answers of a request that was sent so many seconds after `EPOCH`."""
    as_of = EPOCH + timedelta(seconds=seconds)
    return {r.level.variant_id: attrs.evolve(r, as_of=as_of) for r in readings}


def test_they_are_counted(store: ReadingStore) -> None:
    """`store_answers` counts what it held back; what another caller brought, too, counts once."""
    keep(store, updated(2, 20, A), 100)
    keep(store, updated(2, 20, B), 100)
    answers = sent_at(103, updated(1, 10, A), updated(1, 10, B), updated(1, 10, C))

    assert [2, 0] == [store.store_answers(answers, asked_at=103, moment=at(103)) for _ in range(2)]


@pytest.mark.parametrize("ttl", [5, 0])
def test_another_caller_proves_nothing(ttl: float) -> None:
    """What another caller brings from the same request is no second answer of the service."""
    store = ReadingStore(attrs.evolve(OPTIONS, ttl=ttl), lowest)
    keep(store, updated(2, 20), 100)
    answers = sent_at(103, updated(1, 10))
    for _ in range(2):
        store.store_answers(answers, asked_at=103, moment=at(103))

    assert 2 == quantity(store)


def test_an_earlier_read_is_not_held_back(store: ReadingStore) -> None:
    """A read with an older level that began earlier is only late, and is forgotten."""
    keep(store, updated(2, 20), 100)
    keep(store, updated(1, 10), 99)

    assert store.held_back(A) is None


@pytest.mark.parametrize(("asked_at", "believed"), [(107.9, False), (108, True)])
def test_believed(store: ReadingStore, asked_at: float, *, believed: bool) -> None:
    """A read one `ttl` after the first that was held back is stored if it is still older."""
    keep(store, updated(2, 20), 100)
    keep(store, updated(1, 10), 103)
    keep(store, updated(1, 10), 105)

    assert believed == keep(store, updated(1, 10), asked_at)
    assert believed == (store.held_back(A) is None)


def test_the_first_counts(store: ReadingStore) -> None:
    """The `ttl` counts from the first read that was held back, and is jittered as its own."""
    store.uniform = lambda low, high: high
    keep(store, updated(2, 20), 100)
    keep(store, updated(1, 10), 103)

    assert not keep(store, updated(1, 10), 106.9)
    assert keep(store, updated(1, 10), 107)


def test_the_latest_is_held(store: ReadingStore) -> None:
    """Of several, the one that was asked for last is held; of equal ones, the last to arrive."""
    keep(store, updated(9, 20), 100)
    quantities = []
    for number, asked_at in ((1, 102), (2, 104), (3, 103), (4, 104)):
        keep(store, updated(number, 10), asked_at, moment=at(105))
        held = store.held_back(A)
        quantities.append(held and held.available_quantity)

    assert [1, 2, 2, 4] == quantities


def test_the_stored_reading_is_fresh_for_one_ttl(store: ReadingStore) -> None:
    """The first older answer makes the stored reading fresh for one `ttl`, the next ones do not."""
    keep(store, updated(2, 20), 100)
    for asked_at in (103, 107, 102):
        keep(store, updated(1, 10), asked_at, moment=at(107))

    assert 108 == kept(store).windows.fresh_until


def test_it_is_not_fresh_for_less(store: ReadingStore) -> None:
    """An answer that was asked for earlier does not end the stored reading's `ttl` earlier."""
    keep(store, updated(2, 20), 100)
    keep(store, updated(2, 20), 99)

    assert 105 == kept(store).windows.fresh_until


def test_what_a_fence_expired_stays_so(store: ReadingStore) -> None:
    """A reading that a fence has expired is not fresh again by an older one."""
    keep(store, updated(2, 20), 100)
    store.fence(A, 101)
    keep(store, updated(1, 10), 102)

    assert -inf == kept(store).windows.fresh_until
    answer = store.answer(A, at(103), inf)
    assert answer == store.other_answer(A, at(103), inf) is not None


def test_each_variant_has_its_own(store: ReadingStore) -> None:
    """What is held back of one variant ends without effect on another."""
    for variant in (A, B):
        keep(store, updated(2, 20, variant), 100)
        keep(store, updated(1, 10, variant), 103)
    store.fence(A, 104)

    assert [True, False] == [store.held_back(variant) is None for variant in (A, B)]


def test_a_fence_for_all_ends_them(store: ReadingStore) -> None:
    """A fence for all ends what is held back of every variant."""
    keep(store, updated(2, 20), 100)
    keep(store, updated(1, 10), 103)
    store.fence_all(104)

    assert store.held_back(A) is None


def test_a_stale_reading_is_not_held_back(store: ReadingStore) -> None:
    """A STALE reading of the cache below, if its level is older, is ignored."""
    keep(store, updated(2, 20), 100)
    stale = updated(1, 10).kept_as(Freshness.STALE)

    assert [False, False] == [keep(store, stale, asked_at) for asked_at in (103, 109)]
    assert (None, 105) == (store.held_back(A), kept(store).windows.fresh_until)


@pytest.mark.parametrize(("asked_at", "suspended"), [(399.9, 0), (299.9, 100)])
def test_past_all_windows(store: ReadingStore, asked_at: float, suspended: float) -> None:
    """Past `stale_if_error`, suspensions included, any later reading replaces the stored one."""
    keep(store, updated(2, 20), 100)

    assert not keep(store, updated(1, 10), asked_at, moment=at(asked_at, suspended=suspended))
    later = asked_at + 0.1
    assert keep(store, updated(1, 10), later, moment=at(later, suspended=suspended))


def test_answers_without_a_request(store: ReadingStore) -> None:
    """A caller gets the stored reading while it is young enough, else the one that is held back."""
    keep(store, updated(2, 20), 100)
    keep(store, updated(1, 10), 103)

    answers = [store.answer(A, at(104), longest) for longest in (inf, 4.1, 4, 1.1, 1)]
    assert [(A, 2), (A, 2), (A, 1), (A, 1)] == [
        (answer.level.variant_id, answer.level.available_quantity)
        for answer in answers
        if isinstance(answer, StockReading)
    ]
    assert answers[-1] is None
    assert [None, None] == [store.answer(A, at(108), inf), store.answer(B, at(104), inf)]
