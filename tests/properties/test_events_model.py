"""Events in any order, any number of times, on any replica end as the ordered history does.

The model has no memory, no fence and no window: it sorts the history and takes the last event.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import attrs
from hypothesis import given
from hypothesis import strategies as st

from shelfport import (
    InventoryError,
    InventoryEvent,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
)
from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.events.handler import EventHandler
from shelfport.adapters.layers import CacheLayer, ReadingStore
from shelfport.adapters.runtime.background import Background
from shelfport.errors import TimedOut
from shelfport.options import CacheOptions
from shelfport.ports import DEFAULT_CALL
from tests.support.catalogs import ShownCatalog
from tests.support.clocks import EPOCH, ManualClock
from tests.support.listening import Heard, lowest
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import BACK, LOW, OUT, an_event, ids

VARIANTS = ids(2)
NOW = 1000.0
OPTIONS = CacheOptions(ttl=5000, stale_while_revalidate=1000, stale_if_error=2000)


@attrs.frozen
class Read:
    """A read that was cached before the first event: its instants and its quantity."""

    sent: float
    updated: float
    quantity: int


events = st.builds(
    lambda kind, variant, at, number: an_event(kind, variant, at=at, event_id=UUID(int=number)),
    st.sampled_from([OUT, LOW, BACK]),
    st.sampled_from(VARIANTS),
    st.integers(0, 20),
    st.integers(1, 10_000),
)
histories = st.lists(events, min_size=1, max_size=12, unique_by=lambda event: event.event_id)
reads = st.none() | st.builds(
    lambda updated, later, quantity: Read(updated + later, updated, quantity),
    st.integers(0, 20),
    st.integers(0, 10),
    st.integers(1, 9),
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[InventoryEvent], list[InventoryEvent]]:
    """A history, and its deliveries: each event at least once, in any order."""
    history = draw(histories)
    again = draw(st.lists(st.sampled_from(history), max_size=8))
    return history, draw(st.permutations([*history, *again]))


def last_of(history: Sequence[InventoryEvent], variant: ProductVariantId) -> InventoryEvent | None:
    """The event of `variant` that happened last."""
    of_it = [event for event in history if event.variant_id == variant]
    return max(of_it, key=lambda e: (e.occurred_at, e.event_id), default=None)


class Notified:
    """A notifier that keeps its events."""

    def __init__(self) -> None:
        self.events: list[InventoryEvent] = []

    async def notify(self, event: InventoryEvent) -> None:
        self.events.append(event)


@given(deliveries(), st.lists(st.integers(0, 2), min_size=20, max_size=20))
def test_the_catalogue_shows_what_happened_last(
    given: tuple[list[InventoryEvent], list[InventoryEvent]], replicas: list[int]
) -> None:
    """Handled out of order, repeatedly and by several replicas, it ends as the ordered history."""
    history, delivered = given
    catalog = ShownCatalog()
    notified = [Notified() for _ in range(3)]
    counts = [SubscriptionCounts() for _ in range(3)]
    handlers = [
        EventHandler(catalog, notified[n], ManualClock(), counts[n], 1000) for n in range(3)
    ]

    async def handle() -> None:
        for event, replica in zip(delivered, replicas, strict=False):
            await handlers[replica].handle(event)

    asyncio.run(handle())
    expected = {v: last for v in VARIANTS if (last := last_of(history, v)) is not None}
    times = {v: {e.occurred_at for e in history if e.variant_id == v} for v in VARIANTS}

    assert {v: e.occurred_at for v, e in expected.items()} == {
        v: as_of for v, (as_of, _) in catalog.statuses.items()
    }
    for variant, event in expected.items():
        # Across replicas, two events of one instant have no order.
        same = [
            e for e in history if e.variant_id == variant and e.occurred_at == event.occurred_at
        ]
        assert catalog.statuses[variant][1] in {e.status for e in same}
        if len(same) == 1 or len(set(replicas)) == 1:
            assert catalog.statuses[variant][1] is event.status
        assert catalog.statuses[variant][0] in times[variant]
    assert len(delivered) == sum(count.handled for count in counts)
    for one in notified:
        assert len(one.events) == len({event.event_id for event in one.events})


def in_the_end(
    history: Sequence[InventoryEvent], variant: ProductVariantId, read: Read | None
) -> tuple[int, StockStatus, datetime] | None:
    """What the cache may show of `variant` while the service is down; None if nothing."""
    kept = None
    if read is not None:
        kept = (read.quantity, StockStatus.IN_STOCK, EPOCH + timedelta(seconds=read.sent))
    last = last_of(history, variant)
    if last is None or last.status is not StockStatus.OUT_OF_STOCK:
        return kept
    if read is not None:
        seen = EPOCH + timedelta(seconds=read.updated)
        if last.occurred_at <= seen or last.occurred_at < kept[2]:  # type: ignore[index]  # both are there, or neither
            return kept
    return (0, StockStatus.OUT_OF_STOCK, last.occurred_at)


@given(deliveries(), reads)
def test_the_cache_shows_what_happened_last(
    given: tuple[list[InventoryEvent], list[InventoryEvent]], read: Read | None
) -> None:
    """Applied out of order and repeatedly, after any read, events end as the ordered history."""
    history, delivered = given
    clock = ManualClock()

    async def answer(ids: Ids, _call: object) -> Answers:
        if clock.seconds == NOW or read is None:
            raise TimedOut("down")
        updated = EPOCH + timedelta(seconds=read.updated)
        return {
            v: StockReading(
                StockLevel(v, read.quantity, StockStatus.IN_STOCK, updated), clock.now(), "model"
            )
            for v in ids
        }

    async def live(events: Sequence[InventoryEvent]) -> list[object]:
        async with Background() as background:
            store = ReadingStore(OPTIONS, lowest)
            cached = CacheLayer(ScriptedPort(answer), clock, store, background, Heard())
            if read is not None:
                clock.seconds = float(read.sent)
                await cached.read(VARIANTS, DEFAULT_CALL)
            clock.seconds = NOW
            for event in events:
                await cached.apply_event(event)
            return [await shown(cached, variant) for variant in VARIANTS]

    async def shown(cached: CacheLayer, variant: ProductVariantId) -> object:
        try:
            reading = (await cached.read([variant], DEFAULT_CALL))[variant]
        except InventoryError:
            return None
        if not isinstance(reading, StockReading):
            return None
        level = reading.level
        return (level.available_quantity, level.status, reading.as_of)

    ordered = asyncio.run(live(sorted(history, key=lambda e: (e.occurred_at, e.event_id))))

    assert [in_the_end(history, variant, read) for variant in VARIANTS] == ordered
    assert ordered == asyncio.run(live(delivered))
