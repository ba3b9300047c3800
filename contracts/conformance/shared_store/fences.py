"""Fences: what was read before a change is not shown as current after it."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from collections.abc import Sequence

from shelfport.contracts.conformance.port_suite import port_case
from shelfport.contracts.conformance.running import in_another_loop
from shelfport.contracts.conformance.shared_store.given import (
    a_reading,
    add,
    look_up,
    look_up_one,
    put,
    quantity_of,
    store_case,
    store_case_of_two,
    two_variants,
)
from shelfport.contracts.conformance.shared_store.harness import SharedStoreHarness
from shelfport.domain.model import Freshness, ProductVariantId, UnknownVariant
from shelfport.ports import Lease, SharedCacheUnavailable, SharedStore

_PATIENCE = 5.0


class FenceCases:
    """`fence`, `invalidations`, `check`, and failures."""

    @store_case_of_two()
    async def test_a_fence_invalidates_tokens(self, store: SharedStore, other: SharedStore) -> None:
        """The answer of a read that began before a fence is not stored after it."""
        a, _ = two_variants()
        token = (await look_up_one(store, a)).token
        await other.fence([a], None)
        await put(store, a_reading(a), token)

        assert (await look_up_one(store, a)).value is None

    @store_case_of_two()
    async def test_a_fence_invalidates_values(self, store: SharedStore, other: SharedStore) -> None:
        """A value from before a fence comes back, and is not current."""
        a, _ = two_variants()
        value = a_reading(a)
        await put(store, value, (await look_up_one(store, a)).token)
        await other.fence([a], None)

        lookup = await look_up_one(store, a, age=60)

        assert (value.kept_as(Freshness.CACHED), False) == (lookup.value, lookup.current)

    @store_case_of_two()
    async def test_a_fence_ends_the_lease(self, store: SharedStore, other: SharedStore) -> None:
        """A read that began before the fence brings nothing: the next lookup takes the lease."""
        a, _ = two_variants()
        await look_up(store, a, claim="one")
        await other.fence([a], None)

        assert Lease.HELD is (await look_up_one(other, a, claim="two")).lease

    @store_case_of_two()
    async def test_a_value_is_stored_after_a_fence(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """The token of a lookup after the fence stores an answer, with an earlier value or none."""
        a, b = two_variants()
        await put(store, a_reading(a), (await look_up_one(store, a)).token)
        await other.fence([a, b], None)
        for variant in (a, b):
            newer = a_reading(variant, 7)
            await put(store, newer, (await look_up_one(store, variant)).token)

            found = await look_up_one(other, variant)
            assert (newer.kept_as(Freshness.CACHED), True) == (found.value, found.current)

    @store_case_of_two()
    async def test_an_answer_from_before_a_fence_is_not_current(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """What a cache on the way had kept since before the fence may show the state before it."""
        a, b = two_variants()
        await other.fence([a, b], None)
        await add(store, a_reading(a, upstream_age=600.0))
        await add(store, UnknownVariant(b, upstream_age=600.0))
        reading = await look_up_one(store, a, age=60)
        unknown = await look_up_one(store, b, unknown_age=60)

        assert (5, False) == (quantity_of(reading), reading.current)
        assert (False, False) == (unknown.current, unknown.absent)

    @store_case_of_two()
    async def test_a_fence_is_of_its_variants(self, store: SharedStore, other: SharedStore) -> None:
        """Another variant stays current."""
        a, b = two_variants()
        await put(store, a_reading(b), (await look_up_one(store, b)).token)
        await other.fence([a], None)

        assert (await look_up_one(store, b)).current

    @store_case_of_two()
    async def test_events_fence_in_their_order(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """A later event fences; the same one again, or an older one, does not; a write always."""
        a, _ = two_variants()
        currents = []
        for stamp in ("5", "5", "4", "6", None, "7", "7"):
            token = (await look_up_one(store, a, age=0)).token
            await put(store, a_reading(a), token)
            await other.fence([a], stamp)
            currents.append((await look_up_one(store, a)).current)

        assert [False, True, True, False, False, False, True] == currents

    @store_case_of_two()
    async def test_a_fence_is_announced(self, store: SharedStore, other: SharedStore) -> None:
        """Another replica hears of a fence, with its variants, and of each one once."""
        a, b = two_variants()
        async with store.invalidations() as invalidations:
            await other.fence([a, b], "5")
            await other.fence([b], None)
            heard: list[Sequence[ProductVariantId]] = [
                list(await asyncio.wait_for(anext(invalidations), _PATIENCE)) for _ in range(2)
            ]

        assert [[a, b], [b]] == heard

    @store_case_of_two()
    async def test_a_fence_that_does_nothing_is_not_announced(
        self, store: SharedStore, other: SharedStore
    ) -> None:
        """An event that came before makes no replica read anew."""
        a, b = two_variants()
        async with store.invalidations() as invalidations:
            for variant, stamp in ((a, "5"), (a, "5"), (a, "4"), (b, None)):
                await other.fence([variant], stamp)
            heard = [
                list(await asyncio.wait_for(anext(invalidations), _PATIENCE)) for _ in range(2)
            ]

        assert [[a], [b]] == heard

    @store_case()
    async def test_it_answers_when_checked(self, store: SharedStore) -> None:
        """`check` returns if the server answers."""
        await store.check()

    @port_case()
    async def test_it_can_be_opened_in_another_event_loop(
        self, harness: SharedStoreHarness
    ) -> None:
        """A store that was closed stores, fences and listens in the next event loop as well."""
        unopened = harness.store()

        async def use() -> None:
            a, _ = two_variants()
            async with (
                harness.store() as other,
                unopened as store,
                store.invalidations() as invalidations,
            ):
                await add(store, a_reading(a))
                assert (await look_up_one(store, a)).current
                await other.fence([a], None)
                assert [a] == list(await asyncio.wait_for(anext(invalidations), _PATIENCE))
                await add(store, a_reading(a))
                await store.fence([a], None)
                assert not (await look_up_one(store, a)).current

        await in_another_loop(use())
        await use()

    @port_case(lambda suite: suite.breaks)
    async def test_a_failure_is_a_shared_cache_unavailable(
        self, harness: SharedStoreHarness
    ) -> None:
        """Where the server cannot be reached, every method raises `SharedCacheUnavailable` only."""
        a, _ = two_variants()
        async with harness.broken() as store:

            async def listen() -> None:
                async with store.invalidations() as invalidations:
                    await anext(invalidations)

            for name, attempt in (
                ("lookup", lambda: look_up(store, a)),
                ("store", lambda: put(store, a_reading(a), b"token")),
                ("release", lambda: store.release([a], "one")),
                ("fence", lambda: store.fence([a], None)),
                ("check", store.check),
                ("invalidations", listen),
            ):
                raised: BaseException | None = None
                try:
                    await attempt()
                except Exception as error:
                    raised = error
                assert isinstance(raised, SharedCacheUnavailable), f"{name}: {raised!r}"

    @port_case(lambda suite: suite.cuts)
    async def test_a_lost_connection_ends_the_invalidations(
        self, harness: SharedStoreHarness
    ) -> None:
        """A replica that cannot hear any more is told so."""
        raised: BaseException | None = None
        async with harness.store() as store, store.invalidations() as invalidations:
            await harness.cut()
            try:
                await asyncio.wait_for(anext(invalidations), _PATIENCE)
            except Exception as error:
                raised = error

        assert isinstance(raised, SharedCacheUnavailable), f"{raised!r} left the port"
