"""What every `SharedStore` must do: the scripts on a real Redis, and the model that tests use."""

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


async def look(
    store: SharedStore,
    *variants: ProductVariantId,
    claim: str = "one",
    age: float = 5.0,
    unknown_age: float = 5.0,
    lease: float = 10.0,
    at: datetime | None = None,
) -> Mapping[ProductVariantId, Lookup]:
    return await store.look(variants, LookupOptions(at or now(), age, unknown_age, claim, lease))


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


async def keep(
    store: SharedStore,
    kept: StockReading | UnknownVariant,
    token: bytes,
    *,
    claim: str = "one",
    seconds: float = 60.0,
    as_of: datetime | None = None,
) -> None:
    if isinstance(kept, StockReading):
        as_of, variant = kept.as_of, kept.level.variant_id
    else:
        variant = kept.variant_id
    assert as_of is not None
    await store.keep({variant: StoreRequest(kept, as_of, token, seconds)}, now(), claim)


async def test_nothing_is_kept_at_first(store: SharedStore) -> None:
    """A glance at nothing gives a token, and the lease that was asked for."""
    glances = await look(store, A, B)

    assert [A, B] == list(glances)
    assert [(None, False, OURS)] * 2 == [(g.kept, g.current, g.lease) for g in glances.values()]
    assert all(glance.token for glance in glances.values())


async def test_what_is_kept_comes_back(store: SharedStore) -> None:
    """A reading comes back to the microsecond, marked CACHED, and nobody needs a lease."""
    token = (await look(store, A))[A].token
    kept = reading()
    await keep(store, kept, token)
    glance = (await look(store, A, claim="two"))[A]

    assert (kept.kept_as(Freshness.CACHED), True, NO_LEASE) == (
        glance.kept,
        glance.current,
        glance.lease,
    )


async def test_unknown_comes_back(store: SharedStore) -> None:
    """That there is no record comes back with its date, and has a window of its own."""
    token = (await look(store, A))[A].token
    as_of = now() - timedelta(seconds=2)
    await keep(store, UnknownVariant(A), token, as_of=as_of)
    glance = (await look(store, A, age=0, unknown_age=3))[A]
    later = (await look(store, A, age=9, unknown_age=1))[A]

    assert (UnknownVariant(A), True, False) == (glance.kept, glance.current, later.current)
    assert as_of == (None if glance.kept is None else glance.kept.as_of)


async def test_too_old_is_not_current(store: SharedStore) -> None:
    """What is older than asked for comes back, not as current, with a lease on its successor."""
    token = (await look(store, A))[A].token
    await keep(store, reading(as_of=now() - timedelta(seconds=3)), token)
    within = (await look(store, A, claim="two", age=4))[A]
    beyond = (await look(store, A, claim="two", age=2))[A]

    assert (True, NO_LEASE) == (within.current, within.lease)
    assert (False, OURS) == (beyond.current, beyond.lease)
    assert beyond.kept == within.kept


async def test_a_date_in_the_future(store: SharedStore) -> None:
    """A reading of a host whose clock is a little ahead is of no age."""
    token = (await look(store, A))[A].token
    await keep(store, reading(as_of=now() + timedelta(seconds=0.5)), token)

    assert (await look(store, A, age=0.4))[A].current


async def test_one_lease_at_a_time(store: SharedStore) -> None:
    """One asks; whoever comes later is told so, until it is kept, released, or over."""
    first = (await look(store, A, B, claim="one"))[A]
    second = (await look(store, A, B, claim="two"))[A]
    again = (await look(store, A, claim="one"))[A]
    await keep(store, reading(), first.token)
    await store.release([B], "one")
    third = (await look(store, B, claim="two"))[B]

    assert [OURS, THEIRS, OURS, OURS] == [g.lease for g in (first, second, again, third)]


async def test_a_lease_is_its_holders(store: SharedStore) -> None:
    """Nobody ends a lease of another."""
    await look(store, A, claim="one")
    await store.release([A], "two")
    token = (await look(store, A, claim="two"))[A].token
    await keep(store, reading(as_of=now() - timedelta(seconds=9)), token, claim="two")

    assert THEIRS is (await look(store, A, claim="three"))[A].lease


async def test_a_lease_ends_by_itself(store: SharedStore) -> None:
    """A holder that died keeps others waiting for the length of the lease alone."""
    await look(store, A, claim="one", lease=0.1)
    await asyncio.sleep(0.15)

    assert OURS is (await look(store, A, claim="two"))[A].lease


async def test_no_lease_wanted(store: SharedStore) -> None:
    """Who asks for no lease takes none."""
    glance = (await look(store, A, lease=0))[A]

    assert NO_LEASE is glance.lease
    assert OURS is (await look(store, A, claim="two"))[A].lease


async def test_a_fence_makes_tokens_worthless(store: SharedStore) -> None:
    """What a read brings that began before a fence is not kept after it."""
    token = (await look(store, A))[A].token
    await store.fence([A], None)
    await keep(store, reading(), token)

    assert (await look(store, A))[A].kept is None


async def test_a_fence_makes_what_is_kept_old(store: SharedStore) -> None:
    """What was kept before a fence comes back, but is not current, and can be asked for anew."""
    token = (await look(store, A))[A].token
    kept = reading()
    await keep(store, kept, token)
    await look(store, A, age=0, claim="one")
    await store.fence([A], None)
    glance = (await look(store, A, claim="two"))[A]
    newer = reading(quantity=7)
    await keep(store, newer, glance.token, claim="two")
    after = (await look(store, A))[A]

    assert (False, OURS) == (glance.current, glance.lease)
    assert kept.kept_as(Freshness.CACHED) == glance.kept
    assert (newer.kept_as(Freshness.CACHED), True) == (after.kept, after.current)


async def test_a_fence_where_nothing_is_kept(store: SharedStore) -> None:
    """Tokens are given out after it, and an event that is known by then fences nothing."""
    await store.fence([A], "2")
    token = (await look(store, A))[A].token
    await keep(store, reading(), token)
    await store.fence([A], "2")

    assert (await look(store, A))[A].current


async def test_events_in_order(store: SharedStore) -> None:
    """A later event fences; the same one again, or an older one, does not; a write always does."""
    currents = []
    for stamp in ("5", "5", "4", "6", None, "7", "7"):
        token = (await look(store, A, age=0))[A].token
        await keep(store, reading(), token)
        await store.fence([A], stamp)
        currents.append((await look(store, A))[A].current)

    assert [False, True, True, False, False, False, True] == currents


async def test_tokens_are_of_one_variant_at_one_time(store: SharedStore) -> None:
    """A token that the store does not know keeps nothing."""
    await look(store, A)
    await keep(store, reading(), b"invented")
    await keep(store, reading(), b"")

    assert (await look(store, A))[A].kept is None


async def test_what_is_kept_ends(store: SharedStore) -> None:
    """After its time what is kept is gone, and so is its token."""
    token = (await look(store, A))[A].token
    await keep(store, reading(), token, seconds=0.1)
    await asyncio.sleep(0.15)
    glance = (await look(store, A))[A]
    await keep(store, reading(), token)
    again = (await look(store, A))[A]

    assert glance.kept is None
    assert token != glance.token
    assert again.kept is None


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
    """Between readings the later update wins; if equal or "unknown", the later question."""
    start = now()

    async def put(updated: float | None, asked: float) -> StockReading | UnknownVariant:
        as_of = start + timedelta(seconds=asked)
        token = (await look(store, A, lease=0))[A].token
        if updated is None:
            kept: StockReading | UnknownVariant = UnknownVariant(A)
        else:
            level = StockLevel(A, 5, StockStatus.IN_STOCK, start + timedelta(seconds=updated))
            kept = StockReading(level, as_of, "http", Freshness.CACHED)
        await keep(store, kept, token, as_of=as_of)
        return kept

    first = await put(*old)
    second = await put(*new)
    kept = (await look(store, A, lease=0))[A].kept

    assert (second if wins else first) == kept
    assert kept is not None
    assert start + timedelta(seconds=(new if wins else old)[1]) == kept.as_of


async def test_changes_are_told(store: SharedStore) -> None:
    """What is fenced is told to whoever listens; an event that is known already is not."""
    async with store.changes() as changes:
        other = store if isinstance(store, ModelStore) else another(store)
        await other.fence([A, B], "5")
        await other.fence([A], "5")
        await other.fence([B], None)
        heard = [list(await asyncio.wait_for(anext(changes), 5)) for _ in range(2)]

    assert [[A, B], [B]] == heard


def another(store: SharedStore) -> SharedStore:
    """Another replica's store on the same server."""
    import attrs

    from shelfport.adapters.redis import RedisStore

    assert isinstance(store, RedisStore)
    return attrs.evolve(store, sender=b"another!")


async def test_it_answers_when_checked(store: SharedStore) -> None:
    """A store that is well says so."""
    await store.check()
