"""How the store follows events."""

from math import inf
from uuid import UUID

import pytest

from shelfport import InventoryEvent, StockStatus
from shelfport.adapters.layers import ReadingStore
from shelfport.ports import UnknownVariant
from tests.adapters.layers.cache.store.conftest import apply_event, at, keep, kept, updated
from tests.support.values import BACK, LOW, OUT, an_event, ids

A, B = ids(2)


def test_out_of_stock_is_a_reading(store: ReadingStore) -> None:
    """OUT_OF_STOCK is stored as a reading of 0 units, as of the event, with the source "event"."""
    event = an_event(OUT, A, at=7)

    assert apply_event(store, event)
    entry = kept(store)
    assert (0, StockStatus.OUT_OF_STOCK) == (entry.available_quantity, entry.status)
    assert event.occurred_at == entry.updated_at == entry.as_of
    assert ("event", 98, 103) == (entry.source, entry.windows.asked_at, entry.windows.fresh_until)
    assert 100 == store.fence_of(A)
    assert -inf == store.fence_of(B)


@pytest.mark.parametrize("kind", [LOW, BACK])
def test_an_event_without_a_quantity_is_a_fence(
    store: ReadingStore, kind: type[InventoryEvent]
) -> None:
    """An event without a quantity expires the entry, and removes an earlier "out of stock"."""
    keep(store, updated(100, -5), 90)
    apply_event(store, an_event(OUT, A))
    apply_event(store, an_event(OUT, B))

    assert apply_event(store, an_event(kind, A, at=1), now=101)
    assert "event" != kept(store).source
    assert kept(store).windows.revalidate_until < 0 < kept(store).windows.stale_until
    assert 101 == store.fence_of(A)
    assert "event" == kept(store, B).source


def test_an_old_event_is_ignored(store: ReadingStore) -> None:
    """An event not later than the last one of its variant is ignored; the id breaks ties."""
    first, second = UUID(int=1), UUID(int=2)
    assert apply_event(store, an_event(OUT, A, at=3, event_id=second))

    assert not apply_event(store, an_event(OUT, A, at=3, event_id=second), now=101)
    assert not apply_event(store, an_event(OUT, A, at=3, event_id=first), now=101)
    assert not apply_event(store, an_event(LOW, A, at=2), now=101)
    assert 100 == store.fence_of(A)
    assert apply_event(store, an_event(OUT, B, at=1), now=101)
    assert apply_event(store, an_event(LOW, A, at=4), now=102)
    assert not apply_event(store, an_event(OUT, A, at=3.5), now=103)


def test_an_event_that_the_level_includes_is_ignored(store: ReadingStore) -> None:
    """An event is ignored if the service updated the stored level at its time or later."""
    keep(store, updated(100, 0), 90)
    keep(store, updated(100, -5, B), 90)

    assert not apply_event(store, an_event(OUT, A, at=0))
    assert not apply_event(store, an_event(LOW, A, at=-1))
    assert -inf == store.fence_of(A)
    assert 95 == kept(store).windows.fresh_until
    assert apply_event(store, an_event(LOW, B, at=-4.9))


@pytest.mark.parametrize(("asked_at", "from_event"), [(97, True), (98, True), (98.1, False)])
def test_a_younger_reading_is_only_expired(
    store: ReadingStore, asked_at: float, *, from_event: bool
) -> None:
    """A reading that is younger than the event is expired, not replaced."""
    keep(store, updated(100, -5), asked_at)

    assert apply_event(store, an_event(OUT, A))
    assert from_event == ("event" == kept(store).source)
    assert from_event or kept(store).windows.fresh_until < 0


def test_the_next_read_replaces_an_event(store: ReadingStore) -> None:
    """The reading of an event is served until the answer of a later read is stored."""
    apply_event(store, an_event(OUT, A))
    apply_event(store, an_event(OUT, B))

    assert not keep(store, updated(100, -5), 100)
    assert "event" == kept(store).source
    assert keep(store, updated(100, -5), 100.1)
    assert "test" == kept(store).source
    assert "event" == kept(store, B).source


def test_an_unknown_expires_the_reading_of_an_event(store: ReadingStore) -> None:
    """A later "unknown" is the answer; the reading of the event stays for an outage."""
    apply_event(store, an_event(OUT, A))

    assert not keep(store, UnknownVariant(A), 97)
    assert keep(store, UnknownVariant(A), 101)
    assert UnknownVariant(A) == store.other_answer(A, at(101), inf)
    assert ("event", True) == (kept(store).source, store.shows(A, at(101)))
    assert kept(store).windows.revalidate_until < 0


def test_reads_beside_events(store: ReadingStore) -> None:
    """An event does not affect the other variants."""
    apply_event(store, an_event(OUT, A))

    assert keep(store, updated(100, -5, B), 90)
    assert ("event", "test") == (kept(store).source, kept(store, B).source)
