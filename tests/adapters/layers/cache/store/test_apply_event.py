"""What events tell the shelf."""

from datetime import timedelta
from math import inf
from uuid import UUID

import attrs
import pytest

from shelfport import (
    InventoryEvent,
    ProductVariantId,
    StockReading,
    StockStatus,
)
from shelfport.adapters.layers import ReadingStore
from shelfport.adapters.layers.cache.entry import KeptReading
from shelfport.ports import UnknownVariant
from tests.support.clocks import EPOCH
from tests.support.values import BACK, LOW, OUT, a_reading, an_event, ids

A, B = ids(2)


def apply_event(shelf: ReadingStore, event: InventoryEvent, *, now: float = 100) -> bool:
    """Hear `event` two seconds after it happened."""
    return shelf.apply_event(event, as_of=event.occurred_at, happened_at=now - 2, now=now)


def kept(shelf: ReadingStore, variant: ProductVariantId = A) -> KeptReading:
    entry = shelf.get(variant)
    assert isinstance(entry, KeptReading)
    return entry


def read(seconds: float, variant: ProductVariantId = A) -> StockReading:
    """A level that was updated so long before `EPOCH`."""
    reading = a_reading(variant)
    level = attrs.evolve(reading.level, updated_at=EPOCH - timedelta(seconds=seconds))
    return attrs.evolve(reading, level=level)


def test_out_of_stock_is_a_reading(shelf: ReadingStore) -> None:
    """It says all that there is to know: none left, since it happened, by an event."""
    event = an_event(OUT, A, at=7)

    assert apply_event(shelf, event)
    entry = kept(shelf)
    assert (0, StockStatus.OUT_OF_STOCK) == (entry.available_quantity, entry.status)
    assert event.occurred_at == entry.updated_at == entry.as_of
    assert ("event", 98, 103) == (entry.source, entry.asked_at, entry.fresh_until)
    assert 100 == shelf.fence_of(A)
    assert -inf == shelf.fence_of(B)


@pytest.mark.parametrize("kind", [LOW, BACK])
def test_what_says_no_quantity_is_a_fence(shelf: ReadingStore, kind: type[InventoryEvent]) -> None:
    """The service is asked first; what was out of stock is not said to be so any more."""
    shelf.store(A, read(5), 90)
    apply_event(shelf, an_event(OUT, A))
    apply_event(shelf, an_event(OUT, B))

    assert apply_event(shelf, an_event(kind, A, at=1), now=101)
    assert "event" != kept(shelf).source
    assert kept(shelf).refresh_until < 0 < kept(shelf).stale_until
    assert 101 == shelf.fence_of(A)
    assert "event" == kept(shelf, B).source


def test_an_event_heard_before_tells_nothing(shelf: ReadingStore) -> None:
    """Nor does one that happened earlier, or at the same time under a lesser id; each variant's."""
    first, second = UUID(int=1), UUID(int=2)
    assert apply_event(shelf, an_event(OUT, A, at=3, event_id=second))

    assert not apply_event(shelf, an_event(OUT, A, at=3, event_id=second), now=101)
    assert not apply_event(shelf, an_event(OUT, A, at=3, event_id=first), now=101)
    assert not apply_event(shelf, an_event(LOW, A, at=2), now=101)
    assert 100 == shelf.fence_of(A)
    assert apply_event(shelf, an_event(OUT, B, at=1), now=101)
    assert apply_event(shelf, an_event(LOW, A, at=4), now=102)
    assert not apply_event(shelf, an_event(OUT, A, at=3.5), now=103)


def test_an_event_of_what_was_read_already_tells_nothing(shelf: ReadingStore) -> None:
    """The level that is kept was updated by it, or later."""
    shelf.store(A, read(0), 90)
    shelf.store(B, read(5, B), 90)

    assert not apply_event(shelf, an_event(OUT, A, at=0))
    assert not apply_event(shelf, an_event(LOW, A, at=-1))
    assert -inf == shelf.fence_of(A)
    assert 95 == kept(shelf).fresh_until
    assert apply_event(shelf, an_event(LOW, B, at=-4.9))


@pytest.mark.parametrize(("asked_at", "told"), [(97, True), (98, True), (98.1, False)])
def test_what_was_read_after_it_happened_is_only_doubted(
    shelf: ReadingStore, asked_at: float, *, told: bool
) -> None:
    """A read that began later may know of it, by a service whose clocks differ: it is asked."""
    shelf.store(A, read(5), asked_at)

    assert apply_event(shelf, an_event(OUT, A))
    assert told == ("event" == kept(shelf).source)
    assert told or kept(shelf).fresh_until < 0


def test_the_next_read_takes_the_place_of_an_event(shelf: ReadingStore) -> None:
    """What an event told is shown until a read that began after it brings something."""
    apply_event(shelf, an_event(OUT, A))
    apply_event(shelf, an_event(OUT, B))

    assert not shelf.store(A, read(5), 100)
    assert "event" == kept(shelf).source
    assert shelf.store(A, read(5), 100.1)
    assert "test" == kept(shelf).source
    assert "event" == kept(shelf, B).source
    assert shelf.store(B, UnknownVariant(B), 101)
    assert not isinstance(shelf.get(B), KeptReading)


def test_reads_beside_events(shelf: ReadingStore) -> None:
    """A read of a variant that no event was about goes on as if there were none."""
    apply_event(shelf, an_event(OUT, A))

    assert shelf.store(B, read(5, B), 90)
    assert ("event", "test") == (kept(shelf).source, kept(shelf, B).source)
