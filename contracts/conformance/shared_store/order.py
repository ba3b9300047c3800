"""Order: of two readings the later fact stays, and an older level is believed only if it lasts."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
from datetime import datetime, timedelta

from shelfport.contracts.conformance.shared_store.given import (
    a_reading,
    add,
    look_up_one,
    now,
    put,
    quantity_of,
    store_case,
    store_case_of_two,
    two_variants,
)
from shelfport.domain.model import (
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    UnknownVariant,
)
from shelfport.ports import SharedStore

_Dates = tuple[float | None, float]
_ORDERS: tuple[tuple[_Dates, _Dates, bool], ...] = (
    ((-1.0, 0.0), (-2.0, 0.0), True),
    ((-8.0, -4.0), (-7.0, -5.0), False),
    ((-8.0, -6.0), (-7.0, -5.0), False),
    ((-7.0, -6.0), (-8.0, -5.0), True),
    ((-3.0, -1.0), (-3.0, -2.0), True),
    ((-3.0, -1.0), (-3.0, -1.0), True),
    ((-3.0, -2.0), (-3.0, -1.0), False),
    ((None, -1.0), (-3.0, -2.0), True),
    ((None, -2.0), (-3.0, -1.0), False),
    ((-3.0, -1.0), (None, -2.0), True),
    ((-3.0, -2.0), (None, -1.0), False),
)
"""A new reading and an old one, each as `updated_at` (None: it has none) and `as_of`, in seconds
from the start, and whether the new one stays."""


class OrderCases:
    """Which reading `store` keeps."""

    @store_case_of_two()
    async def test_the_later_of_two_readings_stays(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """The later update wins; if they are equal, or one has no date, the later request."""
        for new, old, new_stays in _ORDERS:
            a, _ = two_variants()
            start = now()
            readings = [_reading(a, start, 1, *old), _reading(a, start, 2, *new)]
            for replica, reading in zip((store, other), readings, strict=True):
                token = (await look_up_one(replica, a, lease=0)).token
                await put(replica, reading, token)
            lookup = await look_up_one(store, a, lease=0)

            assert 1 + new_stays == quantity_of(lookup), f"{new} after {old}"
            assert isinstance(lookup.value, StockReading)
            assert readings[new_stays].as_of == lookup.value.as_of

    @store_case_of_two()
    async def test_a_date_in_the_future_counts_as_its_as_of(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """A service whose clock was ahead does not make an old fact win over a later one."""
        a, _ = two_variants()
        await add(store, a_reading(a, 5, updated=240.0), 2.0)
        await add(other, a_reading(a, 0, updated=-1.0))

        assert 0 == quantity_of(await look_up_one(store, a))

    @store_case_of_two()
    async def test_a_regression_is_held_back(self, store: SharedStore, other: SharedStore) -> None:
        """A lagging replica of the service does not replace what is known, however often."""
        a, _ = two_variants()
        await add(store, a_reading(a, 5, updated=-20.0), 9.0)
        for ago in (8.0, 6.0, 4.5):
            await add(other, a_reading(a, 9, updated=-40.0), ago, hold=4.0)

            assert 5 == quantity_of(await look_up_one(store, a))

    @store_case_of_two()
    async def test_a_regression_that_lasts_is_believed(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """An older level wins with a request of `regression_hold` after the first one."""
        a, _ = two_variants()
        await add(store, a_reading(a, 5, updated=-20.0), 9.0)
        await add(other, a_reading(a, 9, updated=-40.0), 8.0, hold=4.0)
        await add(store, a_reading(a, 9, updated=-40.0), 3.5, hold=4.0)

        assert 9 == quantity_of(await look_up_one(other, a))

    @store_case_of_two()
    async def test_a_reading_that_wins_ends_a_regression(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """After a reading that is not older, the next regression is the first one again."""
        a, _ = two_variants()
        await add(store, a_reading(a, 5, updated=-20.0), 9.0)
        await add(other, a_reading(a, 9, updated=-40.0), 8.0, hold=4.0)
        await add(store, a_reading(a, 6, updated=-15.0), 6.0)
        await add(other, a_reading(a, 9, updated=-40.0), 3.5, hold=4.0)

        assert 6 == quantity_of(await look_up_one(other, a))

    @store_case_of_two()
    async def test_a_regression_is_not_asked_for_at_once(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """The first regression makes the known reading current again; the next ones do not."""
        a, _ = two_variants()
        await add(store, a_reading(a, 5, updated=-20.0), 9.0)
        await add(other, a_reading(a, 9, updated=-40.0), 4.0)
        first = await look_up_one(store, a, age=5)
        await add(other, a_reading(a, 9, updated=-40.0), 1.0)

        assert (5, True) == (quantity_of(first), first.current)
        assert not (await look_up_one(store, a, age=3)).current

    @store_case()
    async def test_an_older_answer_is_not_asked_for_at_once(self, store: SharedStore) -> None:
        """A later request that brings an older answer leaves the known reading current.

        A cache on the way gave it. The reading keeps its `as_of`; its `upstream_age` counts to that
        request.
        """
        a, _ = two_variants()
        await add(store, a_reading(a, 5, updated=None), 9.0)
        await add(store, a_reading(a, 9, updated=None, upstream_age=600.0), 1.0)
        lookup = await look_up_one(store, a, age=5)

        assert (5, True) == (quantity_of(lookup), lookup.current)
        assert isinstance(lookup.value, StockReading)
        assert abs(lookup.value.upstream_age - 8.0) < 1.0

    @store_case_of_two()
    async def test_an_unknown_and_a_reading_go_by_their_requests(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """Of an "unknown" and a reading, the later request brought the last answer."""
        for unknown_ago, reading_ago in ((2.0, 1.0), (1.0, 2.0)):
            a, b = two_variants()
            await add(store, UnknownVariant(a), unknown_ago)
            await add(other, a_reading(a), reading_ago)
            await add(store, a_reading(b), reading_ago)
            await add(other, UnknownVariant(b), unknown_ago)

            for variant in (a, b):
                lookup = await look_up_one(store, variant)
                assert (unknown_ago < reading_ago) is lookup.absent
                assert lookup.absent is isinstance(lookup.value, UnknownVariant)
                assert lookup.current


def _reading(
    variant: ProductVariantId, start: datetime, quantity: int, updated: float | None, as_of: float
) -> StockReading:
    updated_at = None if updated is None else start + timedelta(seconds=updated)
    level = StockLevel(variant, quantity, StockStatus.IN_STOCK, updated_at)
    return StockReading(level, start + timedelta(seconds=as_of), "http")
