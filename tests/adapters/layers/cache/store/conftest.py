from datetime import timedelta

import attrs
import pytest

from shelfport import InventoryEvent, ProductVariantId, StockReading
from shelfport.adapters.layers import ReadingStore
from shelfport.adapters.layers.cache.entry import KeptReading
from shelfport.adapters.layers.cache.moment import Moment
from shelfport.options import CacheOptions
from shelfport.ports import UnknownVariant
from tests.support.clocks import EPOCH
from tests.support.listening import lowest
from tests.support.values import a_reading, an_id

OPTIONS = CacheOptions(
    ttl=5, stale_while_revalidate=25, stale_if_error=295, negative_ttl=4, jitter=0.2
)


@pytest.fixture
def store() -> ReadingStore:
    return ReadingStore(OPTIONS, lowest)


def at(monotonic: float, *, suspended: float = 0, set_forward: float = 0) -> Moment:
    """The moment at which the monotonic clock, which began at `EPOCH`, shows `monotonic`.

    Args:
        monotonic: seconds.
        suspended: for how many seconds the host was suspended until then.
        set_forward: by how many seconds the wall clock was set forward until then.
    """
    boottime = monotonic + suspended
    return Moment(monotonic, EPOCH.timestamp() + boottime + set_forward, boottime)


def keep(
    store: ReadingStore,
    answer: StockReading | UnknownVariant,
    asked_at: float,
    *,
    upstream_age: float = 0.0,
    moment: Moment | None = None,
) -> bool:
    """Give the store the answer of a read that began at `asked_at`; whether it was stored.

    Args:
        store: takes it.
        answer: its `as_of` is set to the sending, less `upstream_age`.
        asked_at: seconds of the monotonic clock.
        upstream_age: seconds, of the answer.
        moment: when it arrives; by default at once.
    """
    moment = moment or at(asked_at)
    sent = moment.wall - EPOCH.timestamp() - (moment.monotonic - asked_at)
    as_of = EPOCH + timedelta(seconds=sent - upstream_age)
    dated: StockReading | UnknownVariant = attrs.evolve(
        answer, as_of=as_of, upstream_age=upstream_age
    )
    variant = dated.variant_id if isinstance(dated, UnknownVariant) else dated.level.variant_id
    before = store.get(variant), store.unknown(variant)
    store.store_answers({variant: dated}, asked_at=asked_at, moment=moment)
    entry, unknown = before
    return store.get(variant) is not entry or store.unknown(variant) is not unknown


def kept(store: ReadingStore, variant: ProductVariantId | None = None) -> KeptReading:
    """The entry of `variant`, by default that of the first id."""
    entry = store.get(variant or an_id(1))
    assert entry is not None
    return entry


def apply_event(store: ReadingStore, event: InventoryEvent, *, now: float = 100) -> bool:
    """Receive `event` at `now`, two seconds after it happened."""
    return store.apply_event(event, as_of=event.occurred_at, happened_at=now - 2, moment=at(now))


def updated(
    quantity: int, seconds: float | None, variant: ProductVariantId | None = None
) -> StockReading:
    """A reading, by default of the first id, whose level was updated `seconds` after `EPOCH`.

    None: it does not say when.
    """
    reading = a_reading(variant or an_id(1), quantity)
    updated_at = None if seconds is None else EPOCH + timedelta(seconds=seconds)
    return attrs.evolve(reading, level=attrs.evolve(reading.level, updated_at=updated_at))
