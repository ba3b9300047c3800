"""The obligations of a `SharedStore`: the scripts on a real Redis, and the model of the tests."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from shelfport import (
    Freshness,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    SystemClock,
)
from shelfport.ports import UnknownVariant
from shelfport.ports.shared_store import Lease, Lookup, LookupOptions, SharedStore, StoreRequest
from tests.support.shared_store import ModelStore
from tests.support.values import ids

A, B = ids(2)
OURS, THEIRS, NO_LEASE = Lease.HELD, Lease.HELD_BY_OTHER, Lease.NONE


@pytest.fixture(params=["model", "redis"])
def store(request: pytest.FixtureRequest) -> SharedStore:
    if request.param == "model":
        return ModelStore(SystemClock())
    found: SharedStore = request.getfixturevalue("redis_store")
    return found


def now() -> datetime:
    return datetime.now(UTC)


async def look_up(
    store: SharedStore,
    *variants: ProductVariantId,
    claim: str = "one",
    age: float = 5.0,
    unknown_age: float = 5.0,
    lease: float = 10.0,
    at: datetime | None = None,
) -> Mapping[ProductVariantId, Lookup]:
    return await store.lookup(variants, LookupOptions(at or now(), age, unknown_age, claim, lease))


def reading(
    variant: ProductVariantId = A,
    quantity: int = 5,
    *,
    updated: float = -100.0,
    as_of: datetime | None = None,
) -> StockReading:
    """A reading whose level was updated `updated` seconds from now."""
    level = StockLevel(variant, quantity, StockStatus.IN_STOCK, now() + timedelta(seconds=updated))
    return StockReading(level, as_of or now(), "http")


async def put(
    store: SharedStore,
    value: StockReading | UnknownVariant,
    token: bytes,
    *,
    claim: str = "one",
    seconds: float = 60.0,
    as_of: datetime | None = None,
) -> None:
    if isinstance(value, StockReading):
        as_of, variant = value.as_of, value.level.variant_id
    else:
        variant = value.variant_id
    assert as_of is not None
    await store.store({variant: StoreRequest(value, as_of, token, seconds)}, now(), claim)


async def test_no_value_at_first(store: SharedStore) -> None:
    """A lookup without a value returns a token, and takes the lease."""
    lookups = await look_up(store, A, B)

    assert [A, B] == list(lookups)
    assert [(None, False, OURS)] * 2 == [(g.value, g.current, g.lease) for g in lookups.values()]
    assert all(lookup.token for lookup in lookups.values())


async def test_a_stored_value_comes_back(store: SharedStore) -> None:
    """A stored reading comes back to the microsecond, marked CACHED, without a lease."""
    token = (await look_up(store, A))[A].token
    value = reading()
    await put(store, value, token)
    lookup = (await look_up(store, A, claim="two"))[A]

    assert (value.kept_as(Freshness.CACHED), True, NO_LEASE) == (
        lookup.value,
        lookup.current,
        lookup.lease,
    )


async def test_unknown_comes_back(store: SharedStore) -> None:
    """An "unknown" comes back with its date, and has a maximum age of its own."""
    token = (await look_up(store, A))[A].token
    as_of = now() - timedelta(seconds=2)
    await put(store, UnknownVariant(A), token, as_of=as_of)
    lookup = (await look_up(store, A, age=0, unknown_age=3))[A]
    later = (await look_up(store, A, age=9, unknown_age=1))[A]

    assert (UnknownVariant(A), True, False) == (lookup.value, lookup.current, later.current)
    assert as_of == (None if lookup.value is None else lookup.value.as_of)


async def test_too_old_is_not_current(store: SharedStore) -> None:
    """A value above the maximum age comes back, not current, with a lease."""
    token = (await look_up(store, A))[A].token
    await put(store, reading(as_of=now() - timedelta(seconds=3)), token)
    within = (await look_up(store, A, claim="two", age=4))[A]
    beyond = (await look_up(store, A, claim="two", age=2))[A]

    assert (True, NO_LEASE) == (within.current, within.lease)
    assert (False, OURS) == (beyond.current, beyond.lease)
    assert beyond.value == within.value


async def test_a_date_in_the_future(store: SharedStore) -> None:
    """A reading of a host whose clock is a little ahead has the age 0."""
    token = (await look_up(store, A))[A].token
    await put(store, reading(as_of=now() + timedelta(seconds=0.5)), token)

    assert (await look_up(store, A, age=0.4))[A].current


async def test_one_lease_at_a_time(store: SharedStore) -> None:
    """One claim holds the lease until it stores, releases, or the lease ends."""
    first = (await look_up(store, A, B, claim="one"))[A]
    second = (await look_up(store, A, B, claim="two"))[A]
    again = (await look_up(store, A, claim="one"))[A]
    await put(store, reading(), first.token)
    await store.release([B], "one")
    third = (await look_up(store, B, claim="two"))[B]

    assert [OURS, THEIRS, OURS, OURS] == [g.lease for g in (first, second, again, third)]


async def test_a_lease_is_its_holders(store: SharedStore) -> None:
    """A claim does not end the lease of another claim."""
    await look_up(store, A, claim="one")
    await store.release([A], "two")
    token = (await look_up(store, A, claim="two"))[A].token
    await put(store, reading(as_of=now() - timedelta(seconds=9)), token, claim="two")

    assert THEIRS is (await look_up(store, A, claim="three"))[A].lease


async def test_a_lease_ends_by_itself(store: SharedStore) -> None:
    """The lease of a crashed holder ends after its length."""
    await look_up(store, A, claim="one", lease=0.1)
    await asyncio.sleep(0.15)

    assert OURS is (await look_up(store, A, claim="two"))[A].lease


async def test_no_lease(store: SharedStore) -> None:
    """A lookup without a lease takes none."""
    lookup = (await look_up(store, A, lease=0))[A]

    assert NO_LEASE is lookup.lease
    assert OURS is (await look_up(store, A, claim="two"))[A].lease


async def test_a_fence_invalidates_tokens(store: SharedStore) -> None:
    """The answer of a read that began before a fence is not stored after it."""
    token = (await look_up(store, A))[A].token
    await store.fence([A], None)
    await put(store, reading(), token)

    assert (await look_up(store, A))[A].value is None


async def test_a_fence_invalidates_values(store: SharedStore) -> None:
    """A value from before a fence comes back, not current, and can be replaced."""
    token = (await look_up(store, A))[A].token
    value = reading()
    await put(store, value, token)
    await look_up(store, A, age=0, claim="one")
    await store.fence([A], None)
    lookup = (await look_up(store, A, claim="two"))[A]
    newer = reading(quantity=7)
    await put(store, newer, lookup.token, claim="two")
    after = (await look_up(store, A))[A]

    assert (False, OURS) == (lookup.current, lookup.lease)
    assert value.kept_as(Freshness.CACHED) == lookup.value
    assert (newer.kept_as(Freshness.CACHED), True) == (after.value, after.current)


async def test_a_fence_without_a_value(store: SharedStore) -> None:
    """After a fence without a value, tokens work, and the same event fences nothing."""
    await store.fence([A], "2")
    token = (await look_up(store, A))[A].token
    await put(store, reading(), token)
    await store.fence([A], "2")

    assert (await look_up(store, A))[A].current


async def test_events_in_order(store: SharedStore) -> None:
    """A later event fences; the same one again, or an older one, does not; a write always does."""
    currents = []
    for stamp in ("5", "5", "4", "6", None, "7", "7"):
        token = (await look_up(store, A, age=0))[A].token
        await put(store, reading(), token)
        await store.fence([A], stamp)
        currents.append((await look_up(store, A))[A].current)

    assert [False, True, True, False, False, False, True] == currents


async def test_tokens_are_of_one_variant_at_one_time(store: SharedStore) -> None:
    """A token that the store does not know stores nothing."""
    await look_up(store, A)
    await put(store, reading(), b"invented")
    await put(store, reading(), b"")

    assert (await look_up(store, A))[A].value is None


async def test_a_value_ends(store: SharedStore) -> None:
    """After its lifetime a value is gone, and so is its token."""
    token = (await look_up(store, A))[A].token
    await put(store, reading(), token, seconds=0.1)
    await asyncio.sleep(0.15)
    lookup = (await look_up(store, A))[A]
    await put(store, reading(), token)
    again = (await look_up(store, A))[A]

    assert lookup.value is None
    assert token != lookup.token
    assert again.value is None


@pytest.mark.parametrize(
    ("new", "old", "wins"),
    [
        ((-1.0, 0.0), (-2.0, 0.0), True),
        ((-2.0, 0.0), (-1.0, -5.0), False),
        ((-1.0, -1.0), (-1.0, -2.0), True),
        ((-1.0, -1.0), (-1.0, -1.0), True),
        ((-1.0, -2.0), (-1.0, -1.0), False),
        ((None, -1.0), (-1.0, -2.0), True),
        ((None, -2.0), (-1.0, -1.0), False),
        ((-1.0, -1.0), (None, -2.0), True),
        ((-1.0, -2.0), (None, -1.0), False),
    ],
)
async def test_the_later_one_stays(
    store: SharedStore,
    new: tuple[float | None, float],
    old: tuple[float | None, float],
    wins: bool,
) -> None:
    """Between readings the later update wins; if equal or "unknown", the later request."""
    start = now()

    async def put_updated(updated: float | None, asked: float) -> StockReading | UnknownVariant:
        as_of = start + timedelta(seconds=asked)
        token = (await look_up(store, A, lease=0))[A].token
        if updated is None:
            value: StockReading | UnknownVariant = UnknownVariant(A)
        else:
            level = StockLevel(A, 5, StockStatus.IN_STOCK, start + timedelta(seconds=updated))
            value = StockReading(level, as_of, "http", Freshness.CACHED)
        await put(store, value, token, as_of=as_of)
        return value

    first = await put_updated(*old)
    second = await put_updated(*new)
    value = (await look_up(store, A, lease=0))[A].value

    assert (second if wins else first) == value
    assert value is not None
    assert start + timedelta(seconds=(new if wins else old)[1]) == value.as_of


async def test_fences_are_announced(store: SharedStore) -> None:
    """A fence is announced to every listener; a fence by an old event is not."""
    async with store.invalidations() as invalidations:
        other = store if isinstance(store, ModelStore) else another(store)
        await other.fence([A, B], "5")
        await other.fence([A], "5")
        await other.fence([B], None)
        heard = [list(await asyncio.wait_for(anext(invalidations), 5)) for _ in range(2)]

    assert [[A, B], [B]] == heard


def another(store: SharedStore) -> SharedStore:
    """The store of another replica on the same server."""
    import attrs

    from shelfport.adapters.redis import RedisStore

    assert isinstance(store, RedisStore)
    return attrs.evolve(store, sender=b"another!")


async def test_it_answers_when_checked(store: SharedStore) -> None:
    """`check` returns if the store answers."""
    await store.check()
