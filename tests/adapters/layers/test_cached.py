import pytest

from shelfport import (
    DEFAULT_CALL,
    CacheOptions,
    Call,
    Freshness,
    InventoryError,
    StockReading,
    TimedOut,
    UnknownVariant,
    Unreadable,
)
from shelfport.adapters.layers import Cached
from tests.support.clocks import ManualClock
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import a_reading, an_initial_stock, ids

A, B, C = ids(3)
DOWN = TimedOut("down")
OPTIONS = CacheOptions(fresh_for=5, stale_for=300)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def inner(clock: ManualClock) -> ScriptedPort:
    async def script(ids: Ids, call: Call) -> Answers:
        return {variant: a_reading(variant, as_of=clock.now()) for variant in ids}

    return ScriptedPort(script)


@pytest.fixture
def cached(inner: ScriptedPort, clock: ManualClock) -> Cached:
    return Cached(inner, clock, OPTIONS)


def freshness(answers: Answers) -> list[Freshness | None]:
    return [a.freshness if isinstance(a, StockReading) else None for a in answers.values()]


async def test_a_fresh_reading_is_served_again(
    cached: Cached, inner: ScriptedPort, clock: ManualClock
) -> None:
    """Within the fresh window nobody is asked, and the reading says since when it was kept."""
    live = await cached.read([A], DEFAULT_CALL)
    clock.advance(4.9)

    kept = await cached.read([A], DEFAULT_CALL)

    assert freshness(live) == [Freshness.LIVE]
    assert freshness(kept) == [Freshness.CACHED]
    reading = kept[A]
    assert isinstance(reading, StockReading)
    assert 4.9 == reading.age(clock.now()).total_seconds()
    assert 1 == len(inner.reads)


async def test_a_hit_hands_out_the_kept_object(cached: Cached) -> None:
    """Every hit hands out the very same reading: none is built for it."""
    await cached.read([A], DEFAULT_CALL)

    first, second = await cached.read([A], DEFAULT_CALL), await cached.read([A], DEFAULT_CALL)

    assert first[A] is second[A]


async def test_past_the_fresh_window_the_service_is_asked(
    cached: Cached, inner: ScriptedPort, clock: ManualClock
) -> None:
    """A reading that is no longer fresh is read again while the service answers."""
    await cached.read([A], DEFAULT_CALL)
    clock.advance(5)

    assert freshness(await cached.read([A], DEFAULT_CALL)) == [Freshness.LIVE]
    assert 2 == len(inner.reads)


async def test_only_missing_ids_are_asked_for(cached: Cached, inner: ScriptedPort) -> None:
    """Of a page, those ids are asked for that are not kept; the order is that of the page."""
    await cached.read([B], DEFAULT_CALL)

    answers = await cached.read([A, B, C, A], DEFAULT_CALL)

    assert [asked for asked, _ in inner.reads] == [[B], [A, C]]
    assert list(answers) == [A, B, C]
    assert freshness(answers) == [Freshness.LIVE, Freshness.CACHED, Freshness.LIVE]


async def test_stale_if_error(cached: Cached, inner: ScriptedPort, clock: ManualClock) -> None:
    """When the service does not answer, a reading up to the stale limit is shown, as stale."""
    await cached.read([A], DEFAULT_CALL)
    inner.script = raising(DOWN)
    clock.advance(299.9)

    answers = await cached.read([A, B], DEFAULT_CALL)

    assert freshness(answers) == [Freshness.STALE, None]
    assert Unreadable(DOWN) == answers[B]
    assert answers[A] is (await cached.read([A], DEFAULT_CALL))[A]


async def test_too_stale(cached: Cached, inner: ScriptedPort, clock: ManualClock) -> None:
    """Past the stale limit the failure is the answer."""
    await cached.read([A], DEFAULT_CALL)
    inner.script = raising(DOWN)
    clock.advance(300)

    with pytest.raises(InventoryError, match="down"):
        await cached.read([A], DEFAULT_CALL)


async def test_unreadable_in_part(cached: Cached, inner: ScriptedPort, clock: ManualClock) -> None:
    """A variant that alone cannot be read is served stale, too."""
    await cached.read([A], DEFAULT_CALL)

    async def script(ids: Ids, call: Call) -> Answers:
        return {A: Unreadable(DOWN), B: a_reading(B)}

    inner.script = script
    clock.advance(10)

    assert freshness(await cached.read([A, B], DEFAULT_CALL)) == [Freshness.STALE, Freshness.LIVE]


@pytest.mark.parametrize(
    ("age", "max_staleness", "served"),
    [
        (1.0, 2.0, [Freshness.CACHED]),
        (2.0, 2.0, []),
        (1.0, 0.0, []),
        (0.0, 0.0, []),
        (10.0, 11.0, [Freshness.STALE]),
        (10.0, 10.0, []),
        (400.0, 1000.0, []),
    ],
)
async def test_the_caller_cuts_the_windows(
    clock: ManualClock, age: float, max_staleness: float, served: list[Freshness]
) -> None:
    """No reading as old as the caller's limit is served, whatever the windows are."""
    inner = ScriptedPort()
    cached = Cached(inner, clock, OPTIONS)
    await cached.read([A], DEFAULT_CALL)
    inner.script = raising(DOWN)
    clock.advance(age)

    try:
        answers = await cached.read([A], Call(max_staleness=max_staleness))
    except TimedOut:
        answers = {}

    assert served == freshness(answers)


async def test_an_unknown_variant_forgets_its_reading(
    cached: Cached, inner: ScriptedPort, clock: ManualClock
) -> None:
    """A variant that the service no longer knows is not shown from memory afterwards."""
    await cached.read([A], DEFAULT_CALL)

    async def gone(ids: Ids, call: Call) -> Answers:
        return {variant: UnknownVariant(variant) for variant in ids}

    inner.script = gone
    clock.advance(10)
    assert {A: UnknownVariant(A)} == await cached.read([A], DEFAULT_CALL)
    inner.script = raising(DOWN)

    with pytest.raises(TimedOut):
        await cached.read([A], DEFAULT_CALL)


async def test_a_new_record_forgets_the_reading(cached: Cached, inner: ScriptedPort) -> None:
    """After an initialisation the variant is read anew."""
    await cached.read([A, B], DEFAULT_CALL)
    request = an_initial_stock(A)

    await cached.initialize(request, DEFAULT_CALL)
    await cached.read([A, B], DEFAULT_CALL)

    assert [(request, DEFAULT_CALL)] == inner.initializations
    assert [asked for asked, _ in inner.reads] == [[A, B], [A]]


async def test_nothing_asked(cached: Cached, inner: ScriptedPort) -> None:
    """No ids, no call below."""
    assert {} == await cached.read([], DEFAULT_CALL)
    assert [] == inner.reads
