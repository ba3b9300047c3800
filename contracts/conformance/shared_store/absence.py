"""Absence: an "unknown" is kept beside the reading, which stays for an outage."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio

from shelfport.contracts.conformance.shared_store.given import (
    a_reading,
    add,
    look_up_one,
    quantity_of,
    store_case,
    store_case_of_two,
    two_variants,
)
from shelfport.domain.model import UnknownVariant
from shelfport.ports import Lease, SharedStore


class AbsenceCases:
    """`store` and `lookup` of an "unknown" about a variant that has a reading."""

    @store_case_of_two()
    async def test_a_current_unknown_comes_first(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """As long as an "unknown" is current, it is the value, and not the reading."""
        a, _ = two_variants()
        await add(store, a_reading(a), 2.0)
        await add(store, UnknownVariant(a), 1.0)
        lookup = await look_up_one(other, a)

        assert (UnknownVariant(a), True, True) == (lookup.value, lookup.current, lookup.absent)

    @store_case_of_two()
    async def test_an_unknown_leaves_the_reading(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """When an "unknown" is not current any more, the reading from before it comes back.

        It is not current, however young it is.
        """
        a, _ = two_variants()
        await add(store, a_reading(a, 5), 2.0)
        await add(store, UnknownVariant(a), 1.0)
        lookup = await look_up_one(other, a, age=60, unknown_age=0.5)

        assert (5, False, True) == (quantity_of(lookup), lookup.current, lookup.absent)

    @store_case_of_two()
    async def test_a_reading_ends_an_unknown(self, store: SharedStore, other: SharedStore) -> None:
        """A later reading is the last answer, also if its level is older than the stored one's."""
        a, _ = two_variants()
        await add(store, a_reading(a, 5), 3.0)
        await add(store, UnknownVariant(a), 2.0)
        await add(other, a_reading(a, 9, updated=-200.0), 1.0)
        lookup = await look_up_one(store, a)

        assert (5, False) == (quantity_of(lookup), lookup.absent)

    @store_case_of_two()
    async def test_a_fence_ends_an_unknown(self, store: SharedStore, other: SharedStore) -> None:
        """After a fence an "unknown" is not the last answer: the record may have been opened."""
        a, _ = two_variants()
        await add(store, a_reading(a, 5), 2.0)
        await add(store, UnknownVariant(a), 1.0)
        await other.fence([a], None)
        lookup = await look_up_one(store, a)

        assert (5, False, False) == (quantity_of(lookup), lookup.current, lookup.absent)

    @store_case()
    async def test_a_reading_outlives_an_unknown(self, store: SharedStore) -> None:
        """An "unknown" ends after its own time, and the reading from before it after its own."""
        a, b = two_variants()
        await add(store, a_reading(a, 5), 2.0)
        await add(store, UnknownVariant(a), 1.0, seconds=0.1)
        await add(store, a_reading(b, 5), 2.0, seconds=0.1)
        await add(store, UnknownVariant(b), 1.0)
        await asyncio.sleep(0.15)
        first = await look_up_one(store, a)
        second = await look_up_one(store, b, unknown_age=0.5)

        assert (5, False) == (quantity_of(first), first.absent)
        assert (UnknownVariant(b), False, True) == (second.value, second.current, second.absent)

    @store_case_of_two()
    async def test_an_unknown_takes_a_lease(self, store: SharedStore, other: SharedStore) -> None:
        """An "unknown" that is not current any more is asked for by one replica."""
        a, _ = two_variants()
        await add(store, a_reading(a, 5), 2.0)
        await add(store, UnknownVariant(a), 1.0)
        leases = [
            (await look_up_one(store, a, claim="one", unknown_age=0.5)).lease,
            (await look_up_one(other, a, claim="two", unknown_age=0.5)).lease,
        ]

        assert [Lease.HELD, Lease.HELD_BY_OTHER] == leases
