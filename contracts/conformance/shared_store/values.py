"""Values: what is stored comes back with its true age, as long as it may."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from datetime import timedelta

from shelfport.contracts.conformance.shared_store.given import (
    a_reading,
    add,
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
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    UnknownVariant,
)
from shelfport.ports import SharedStore, StoreRequest


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
    async def test_every_member_comes_back(self, store: SharedStore, other: SharedStore) -> None:
        """A level without a date, with a status of the service's own, from a cache on the way."""
        a, _ = two_variants()
        level = StockLevel(a, 5, StockStatus.LOW_STOCK, None, "BACKORDER")
        value = StockReading(level, now() - timedelta(seconds=30), "http", upstream_age=30.0)
        await put(store, value, (await look_up_one(store, a)).token)

        assert value.kept_as(Freshness.CACHED) == (await look_up_one(other, a)).value

    @store_case_of_two()
    async def test_a_reading_is_current_by_its_request(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """What a cache on the way had kept for ten minutes is not asked for again at once."""
        a, _ = two_variants()
        await add(store, a_reading(a, upstream_age=600.0), 20.0)

        assert (await look_up_one(other, a, age=30)).current
        assert not (await look_up_one(other, a, age=10)).current

    @store_case_of_two()
    async def test_an_unknown_is_current_by_its_request(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """The same of an "unknown" from a cache on the way; its age comes back."""
        a, _ = two_variants()
        await add(store, UnknownVariant(a, upstream_age=600.0), 20.0)

        lookup = await look_up_one(other, a, unknown_age=30)
        assert lookup.current
        assert isinstance(lookup.value, UnknownVariant)
        assert abs(lookup.value.upstream_age - 600.0) < 1e-5
        assert not (await look_up_one(other, a, unknown_age=10)).current

    @store_case_of_two()
    async def test_a_limit_is_by_as_of(self, store: SharedStore, other: SharedStore) -> None:
        """A caller's limit counts the time in a cache on the way, too, for either kind."""
        for value in (lambda v: a_reading(v, upstream_age=60.0), _unknown_for_a_minute):
            a, _ = two_variants()
            await add(store, value(a))

            assert (await look_up_one(other, a, max_staleness=90)).current
            assert not (await look_up_one(other, a, max_staleness=30)).current


def _unknown_for_a_minute(variant: ProductVariantId) -> UnknownVariant:
    return UnknownVariant(variant, upstream_age=60.0)
