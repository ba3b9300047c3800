"""Age, absence and order in the shared cache: what one replica stores, and another one shows."""

from datetime import timedelta

import attrs
import pytest

from shelfport import StockReading
from shelfport.adapters.layers import SharedCacheLayer
from shelfport.errors import ContractViolation
from shelfport.ports import DEFAULT_CALL, Answer, Call, UnknownVariant, Unreadable
from shelfport.signals import AbsenceDoubted
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    LIVE,
    STALE,
    A,
    B,
    after,
    all_turns,
    freshness,
    quantities,
)
from tests.adapters.layers.shared_cache.world import World
from tests.support.clocks import EPOCH, HostClock, LoopClock
from tests.support.ports import Answers, Ids
from tests.support.values import a_level

pytestmark = pytest.mark.looptime

NONE_KEPT = Call(max_staleness=0)


async def read(replica: SharedCacheLayer, *variants: object, call: Call = DEFAULT_CALL) -> Answers:
    answers = await replica.read(variants, call)  # type: ignore[arg-type]  # ids
    await all_turns()  # background writes are done
    return answers


def keep_for(world: World, seconds: float) -> None:
    """Let a cache between the replicas and the service answer, with answers so old."""

    async def script(asked: Ids, call: Call) -> Answers:
        as_of = LoopClock().now() - timedelta(seconds=seconds)
        return {v: StockReading(a_level(v), as_of, "test", upstream_age=seconds) for v in asked}

    world.service.script = script


def lack(world: World, *, alone: Answer | Exception | None = None) -> None:
    """Let the service answer several with nothing, and one with `alone`, or as usual."""

    async def script(asked: Ids, call: Call) -> Answers:
        if len(asked) > 1:
            return {variant: UnknownVariant(variant) for variant in asked}
        if isinstance(alone, Exception):
            raise alone
        return await world.service.answer(asked, call) if alone is None else {asked[0]: alone}

    world.service.script = script


async def test_an_aged_answer_is_asked_for_once_a_ttl(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """What a cache on the way had kept for long is current for a `ttl`, and keeps its date."""
    keep_for(world, 600)
    await read(one, A)
    await after(4.9)
    page = await read(other, A)
    await after(0.2)
    await read(other, A)

    assert [CACHED] == freshness(page)
    assert isinstance(answer := page[A], StockReading)
    assert (EPOCH - timedelta(seconds=600), 600) == (answer.as_of, answer.upstream_age)
    assert [[A], [A]] == world.service.asked


async def test_a_limit_counts_the_time_on_the_way(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A caller with a limit is not answered with what a cache on the way had kept longer."""
    keep_for(world, 60)
    await read(one, A)
    await read(other, A, call=Call(max_staleness=50))
    await read(other, A, call=Call(max_staleness=70))

    assert [[A], [A]] == world.service.asked


async def test_an_aged_answer_is_a_fallback_to_the_end_of_its_windows(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """`stale_if_error` counts from `as_of`, that is with the time on the way."""
    keep_for(world, 100)
    await read(one, A)
    await after(195)
    world.service.script, world.service.error = world.service.answer, DOWN
    page = await read(other, A)
    await after(6)

    assert [STALE] == freshness(page)
    with pytest.raises(type(DOWN)):
        await read(other, A)


async def test_an_aged_unknown_is_stored_for_its_negative_ttl(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """An "unknown" from a cache on the way counts from the request, too."""

    async def script(asked: Ids, call: Call) -> Answers:
        as_of = LoopClock().now() - timedelta(seconds=600)
        return {v: UnknownVariant(v, as_of, 600) for v in asked}

    world.service.script = script
    await read(one, A)
    await after(3.9)
    page = await read(other, A)

    assert {A: UnknownVariant(A)} == page
    assert [[A]] == world.service.asked


async def test_a_step_of_the_clock_does_not_cost_the_fallback(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """In an outage, a reading is shown as long as the store keeps it, by the store's clock."""
    await read(one, A)
    await after(20)
    world.service.error = DOWN
    assert isinstance(other.clock, HostClock)
    other.clock.set_wall(3600.0)

    assert [STALE] == freshness(await read(other, A))


async def test_an_absence_that_is_true_is_believed(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """One variant that is absent in the answer about all is asked for alone, and has no record."""
    await read(one, A, B)
    await after(6)
    world.service.unknown = {A, B}
    page = await read(other, A, B)

    assert {A: UnknownVariant(A), B: UnknownVariant(B)} == page
    assert [True, True] == [a.confirmed for a in page.values() if isinstance(a, UnknownVariant)]
    assert [[A, B], [A, B], [A]] == world.service.asked


async def test_an_absence_that_is_not_true_is_not_believed(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """One of them, asked for alone, is there: the other keeps its reading, and nothing is lost."""
    await read(one, A, B)
    await after(6)
    lack(world)
    page = await read(other, A, B)
    later = await read(one, A, B, call=Call(max_staleness=7))

    assert [LIVE, STALE] == freshness(page)
    assert [CACHED, LIVE] == freshness(later)  # B, asked for alone, is there
    assert [AbsenceDoubted(2, None)] == world.heard.of(AbsenceDoubted)[:1]


async def test_a_checkout_does_not_believe_it_either(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """A caller that accepts no stored reading is told that the other could not be read."""
    await read(one, A, B)
    lack(world)
    page = await read(other, A, B, call=NONE_KEPT)

    assert [LIVE, None] == freshness(page)
    assert isinstance(doubted := page[B], Unreadable)
    assert isinstance(doubted.error, ContractViolation)


async def test_an_absence_that_cannot_be_confirmed_stores_nothing(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """If the variant cannot be asked for alone, all keep their readings, on every replica."""
    await read(one, A, B)
    await after(6)
    lack(world, alone=DOWN)
    page = await read(other, A, B)
    held = [world.store.held[variant].absence for variant in (A, B)]

    assert [STALE, STALE] == freshness(page)
    assert [None, None] == held


async def test_an_absence_leaves_the_fallback(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """After `negative_ttl`, in an outage, the reading from before the absence is shown."""
    await read(one, A)
    await after(6)
    world.service.unknown = {A}
    await read(one, A)
    absent = await read(other, A)
    await after(4.1)
    world.service.error = DOWN
    page = await read(other, A)

    assert {A: UnknownVariant(A)} == absent
    assert ([STALE], [EPOCH]) == (
        freshness(page),
        [a.as_of for a in page.values() if isinstance(a, StockReading)],
    )


async def test_a_believed_absence_is_not_confirmed_again(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """As long as the reading from before it is kept, an absence needs one request, not two."""
    await read(one, A, B)
    world.service.unknown = {A, B}
    for _ in range(3):
        await after(6)
        await read(one, A, B)

    assert [[A, B], [A, B], [A], [A, B], [A, B]] == world.service.asked


async def test_an_older_level_is_held_back_for_a_ttl(
    world: World, one: SharedCacheLayer, other: SharedCacheLayer
) -> None:
    """Other replicas see the known reading, until the older level has lasted for a `ttl`."""
    lagging = False

    async def script(asked: Ids, call: Call) -> Answers:
        as_of = LoopClock().now()
        level = a_level(A, 9 if lagging else 5)
        updated = EPOCH - timedelta(seconds=99 if lagging else 50)
        return {A: StockReading(attrs.evolve(level, updated_at=updated), as_of, "test")}

    world.service.script = script
    await read(one, A)
    lagging = True
    await after(1)
    await read(one, A, call=NONE_KEPT)
    seen = [await read(other, A)]
    await after(5)
    await read(one, A, call=NONE_KEPT)
    seen.append(await read(other, A))

    assert [[5], [9]] == [quantities(page) for page in seen]
