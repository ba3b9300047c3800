"""Leases: one replica asks the service about a variant, and the others wait for its answer."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from datetime import timedelta

from shelfport.contracts.conformance.shared_store.given import (
    a_reading,
    look_up,
    look_up_one,
    now,
    put,
    store_case_of_two,
    two_variants,
)
from shelfport.ports import Lease, SharedStore


class LeaseCases:
    """The leases of `lookup`, `store` and `release`."""

    @store_case_of_two()
    async def test_one_replica_holds_the_lease(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """The first lookup of a variant takes its lease, also when it asks again."""
        a, _ = two_variants()

        leases = [
            (await look_up_one(store, a, claim="one")).lease,
            (await look_up_one(other, a, claim="two")).lease,
            (await look_up_one(store, a, claim="one")).lease,
        ]

        assert [Lease.HELD, Lease.HELD_BY_OTHER, Lease.HELD] == leases

    @store_case_of_two()
    async def test_leases_are_of_one_variant(self, store: SharedStore, other: SharedStore) -> None:
        """A lease on one variant leaves another one free."""
        a, b = two_variants()
        await look_up(store, a, claim="one")

        found = await look_up(other, a, b, claim="two")

        assert (Lease.HELD_BY_OTHER, Lease.HELD) == (found[a].lease, found[b].lease)

    @store_case_of_two()
    async def test_a_current_value_needs_no_lease(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """A lookup of a current value takes no lease; one of an older value does."""
        a, _ = two_variants()
        await put(store, a_reading(a), (await look_up_one(store, a)).token)

        assert Lease.NONE is (await look_up_one(other, a, claim="two", age=60)).lease
        assert Lease.HELD is (await look_up_one(other, a, claim="two", age=0)).lease

    @store_case_of_two()
    async def test_a_lookup_may_take_no_lease(self, store: SharedStore, other: SharedStore) -> None:
        """A lookup with a lease of 0 seconds takes none."""
        a, _ = two_variants()

        assert Lease.NONE is (await look_up_one(store, a, lease=0)).lease
        assert Lease.HELD is (await look_up_one(other, a, claim="two")).lease

    @store_case_of_two()
    async def test_storing_ends_the_lease(self, store: SharedStore, other: SharedStore) -> None:
        """The answer of its holder ends a lease."""
        a, _ = two_variants()
        token = (await look_up_one(store, a, claim="one")).token
        await put(store, a_reading(a), token, claim="one")

        assert Lease.HELD is (await look_up_one(other, a, claim="two", age=0)).lease

    @store_case_of_two()
    async def test_releasing_ends_the_lease(self, store: SharedStore, other: SharedStore) -> None:
        """A read without an answer ends its lease, so that another replica asks."""
        a, _ = two_variants()
        await look_up(store, a, claim="one")
        await store.release([a], "one")

        assert Lease.HELD is (await look_up_one(other, a, claim="two")).lease

    @store_case_of_two()
    async def test_a_lease_is_ended_by_its_holder(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """A claim does not end the lease of another claim, by neither way."""
        a, _ = two_variants()
        await look_up(store, a, claim="one")
        await other.release([a], "two")
        token = (await look_up_one(other, a, claim="two")).token
        await put(other, a_reading(a, as_of=now() - timedelta(seconds=9)), token, claim="two")

        assert Lease.HELD_BY_OTHER is (await look_up_one(other, a, claim="three")).lease

    @store_case_of_two()
    async def test_a_lease_ends_by_itself(self, store: SharedStore, other: SharedStore) -> None:
        """The lease of a crashed holder ends after its length."""
        a, _ = two_variants()
        await look_up(store, a, claim="one", lease=0.1)
        await asyncio.sleep(0.15)

        assert Lease.HELD is (await look_up_one(other, a, claim="two")).lease
