"""Values: what is stored comes back with its true age, as long as it may."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from datetime import timedelta

from shelfport.contracts.conformance.shared_store.given import (
    a_reading,
    look_up,
    look_up_one,
    now,
    put,
    store_case,
    store_case_of_two,
    two_variants,
)
from shelfport.domain.model import (
    Freshness,
    StockLevel,
    StockReading,
    StockStatus,
    UnknownVariant,
)
from shelfport.ports import SharedStore, StoreRequest

_ORDERS: tuple[tuple[tuple[float | None, float], tuple[float | None, float], bool], ...] = (
    ((-1.0, 0.0), (-2.0, 0.0), True),
    ((-2.0, 0.0), (-1.0, -5.0), False),
    ((-1.0, -1.0), (-1.0, -2.0), True),
    ((-1.0, -1.0), (-1.0, -1.0), True),
    ((-1.0, -2.0), (-1.0, -1.0), False),
    ((None, -1.0), (-1.0, -2.0), True),
    ((None, -2.0), (-1.0, -1.0), False),
    ((-1.0, -1.0), (None, -2.0), True),
    ((-1.0, -2.0), (None, -1.0), False),
)
"""A new value and an old one, each as `updated_at` (None: the variant is unknown) and `as_of` in
seconds from now, and whether the new one stays."""


class ValueCases:
    """`lookup` and `store`."""

    @store_case()
    async def test_a_lookup_answers_every_variant(self, store: SharedStore) -> None:
        """Each variant has an entry, also without a value: not current, and with a token."""
        a, b = two_variants()

        lookups = await look_up(store, a, b)

        assert {a, b} == set(lookups)
        for lookup in lookups.values():
            assert (None, False) == (lookup.value, lookup.current)
            assert lookup.token, "no token, so no answer can be stored"

    @store_case_of_two()
    async def test_a_stored_reading_comes_back(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """Another replica finds it to the microsecond, marked CACHED, and current."""
        a, _ = two_variants()
        value = a_reading(a)
        await put(store, value, (await look_up_one(store, a)).token)

        lookup = await look_up_one(other, a, claim="two")

        assert value.kept_as(Freshness.CACHED) == lookup.value
        assert lookup.current

    @store_case_of_two()
    async def test_a_page_is_stored_at_once(self, store: SharedStore, other: SharedStore) -> None:
        """Each variant of a page has its own value."""
        a, b = two_variants()
        lookups = await look_up(store, a, b)
        values = {a: a_reading(a, 1), b: a_reading(b, 2)}
        page = {v: StoreRequest(r, r.as_of, lookups[v].token, 60.0) for v, r in values.items()}

        await store.store(page, now(), "one")

        found = await look_up(other, b, a)
        assert {v: r.kept_as(Freshness.CACHED) for v, r in values.items()} == {
            variant: lookup.value for variant, lookup in found.items()
        }

    @store_case_of_two()
    async def test_an_unknown_variant_comes_back(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """An "unknown" comes back with its date, and has a maximum age of its own."""
        a, _ = two_variants()
        as_of = now() - timedelta(seconds=2)
        token = (await look_up_one(store, a)).token
        await put(store, UnknownVariant(a), token, as_of=as_of)

        lookup = await look_up_one(other, a, age=0, unknown_age=30)
        later = await look_up_one(other, a, age=30, unknown_age=1)

        assert (UnknownVariant(a), True, False) == (lookup.value, lookup.current, later.current)
        assert as_of == (None if lookup.value is None else lookup.value.as_of)

    @store_case_of_two()
    async def test_a_value_that_is_too_old_is_not_current(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """A value above the maximum age comes back, and is not current."""
        a, _ = two_variants()
        token = (await look_up_one(store, a)).token
        await put(store, a_reading(a, as_of=now() - timedelta(seconds=20)), token)

        within = await look_up_one(other, a, claim="two", age=40)
        beyond = await look_up_one(other, a, claim="two", age=10)

        assert (True, False) == (within.current, beyond.current)
        assert beyond.value is not None
        assert within.value == beyond.value

    @store_case_of_two()
    async def test_a_date_in_the_future_has_no_age(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """A reading of a host whose clock is ahead has the age 0, not a negative one."""
        a, _ = two_variants()
        token = (await look_up_one(store, a)).token
        await put(store, a_reading(a, as_of=now() + timedelta(seconds=0.5)), token)

        assert (await look_up_one(other, a, age=5)).current
        assert not (await look_up_one(other, a, age=0)).current

    @store_case()
    async def test_a_token_of_no_lookup_stores_nothing(self, store: SharedStore) -> None:
        """A token that the store does not know stores nothing, and an empty one neither."""
        a, _ = two_variants()
        await look_up(store, a)
        await put(store, a_reading(a), b"invented")
        await put(store, a_reading(a), b"")

        assert (await look_up_one(store, a)).value is None

    @store_case()
    async def test_a_value_ends_with_its_ttl(self, store: SharedStore) -> None:
        """After its lifetime a value is gone, and so is its token."""
        a, _ = two_variants()
        token = (await look_up_one(store, a)).token
        await put(store, a_reading(a), token, seconds=0.1)
        await asyncio.sleep(0.15)
        gone = await look_up_one(store, a)
        await put(store, a_reading(a), token)

        assert gone.value is None
        assert (await look_up_one(store, a)).value is None, "a token outlived its value"

    @store_case_of_two()
    async def test_the_later_of_two_values_stays(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """Between readings the later update wins; if equal or "unknown", the later request."""
        start = now()

        async def stored(
            replica: SharedStore, updated: float | None, asked: float
        ) -> StockReading | UnknownVariant:
            as_of = start + timedelta(seconds=asked)
            token = (await look_up_one(replica, a, lease=0)).token
            value: StockReading | UnknownVariant = UnknownVariant(a)
            if updated is not None:
                at = start + timedelta(seconds=updated)
                level = StockLevel(a, 5, StockStatus.IN_STOCK, at)
                value = StockReading(level, as_of, "http", Freshness.CACHED)
            await put(replica, value, token, as_of=as_of)
            return value

        for new, old, new_stays in _ORDERS:
            a, _ = two_variants()
            first = await stored(store, *old)
            second = await stored(other, *new)
            value = (await look_up_one(store, a, lease=0)).value

            assert (second if new_stays else first) == value, f"{new} after {old}"
            assert value is not None
            assert start + timedelta(seconds=(new if new_stays else old)[1]) == value.as_of
