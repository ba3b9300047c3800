import asyncio
from collections.abc import AsyncIterator
from unittest.mock import ANY

import pytest

from shelfport import (
    DEFAULT_CALL,
    CacheOptions,
    Call,
    Freshness,
    RefreshFailed,
    ServedStale,
    StockReading,
    TimedOut,
    UnknownVariant,
    Unreadable,
)
from shelfport.adapters.background import Background
from shelfport.adapters.layers import Cached, Shelf
from tests.support.clocks import LoopClock
from tests.support.listening import Heard, lowest
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, an_initial_stock, ids

A, B, C, D = ids(4)
DOWN = TimedOut("down")
OPTIONS = CacheOptions(
    fresh_for=5,
    refresh_for=30,
    stale_for=300,
    soft_timeout=0.2,
    unknown_for=4,
    refreshes=2,
    refresh_pause=1,
)
LIVE, CACHED, STALE = Freshness.LIVE, Freshness.CACHED, Freshness.STALE
pytestmark = pytest.mark.looptime


class Service(ScriptedPort):
    """A service whose quantity, delay and health can be set while it runs."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.quantity = 100
        self.delay = 0.0
        self.error: Exception | None = None
        self.unknown: set[object] = set()

    async def answer(self, ids: Ids, call: Call) -> Answers:
        sent, quantity = LoopClock().now(), self.quantity
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        return {
            v: UnknownVariant(v) if v in self.unknown else a_reading(v, quantity, sent) for v in ids
        }

    @property
    def asked(self) -> list[list[object]]:
        return [list(read) for read, _ in self.reads]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def cached(service: Service, heard: Heard) -> AsyncIterator[Cached]:
    async with Background() as background:
        yield Cached(service, LoopClock(), Shelf(OPTIONS, lowest), background, heard)


def freshness(answers: Answers) -> list[Freshness | None]:
    return [a.freshness if isinstance(a, StockReading) else None for a in answers.values()]


def quantities(answers: Answers) -> list[int | None]:
    return [
        a.level.available_quantity if isinstance(a, StockReading) else None
        for a in answers.values()
    ]


async def read(cached: Cached, *ids: object, call: Call = DEFAULT_CALL) -> Answers:
    return await cached.read(list(ids), call)  # type: ignore[arg-type]  # ids are ids


async def after(seconds: float) -> None:
    await asyncio.sleep(seconds)


# The first window: served, and nobody is asked.


async def test_a_fresh_reading_is_served_again(cached: Cached, service: Service) -> None:
    """Within the fresh window nobody is asked, and the reading says since when it was kept."""
    live = await read(cached, A)
    await after(4.9)
    kept = await read(cached, A)

    assert [LIVE] == freshness(live)
    assert [CACHED] == freshness(kept)
    reading = kept[A]
    assert isinstance(reading, StockReading)
    assert pytest.approx(4.9) == reading.age(LoopClock().now()).total_seconds()
    assert [[A]] == service.asked


async def test_a_hit_hands_out_the_kept_object(cached: Cached) -> None:
    """Every hit hands out the very same reading, and a mapping of its own."""
    await read(cached, A)
    first, second = await read(cached, A), await read(cached, A)

    assert first[A] is second[A]
    assert first is not second


async def test_a_page_of_hits_starts_nothing(cached: Cached, heard: Heard) -> None:
    """A page that is all hits starts no task and makes no signal."""
    await read(cached, A, B)
    tasks = asyncio.all_tasks()
    await read(cached, B, A, B)

    assert tasks == asyncio.all_tasks()
    assert [] == heard.signals


async def test_only_missing_ids_are_asked_for(cached: Cached, service: Service) -> None:
    """Of a page, those ids are asked for that are not kept; the order is that of the page."""
    await read(cached, B)
    answers = await read(cached, A, B, C, A)

    assert [[B], [A, C]] == service.asked
    assert [A, B, C] == list(answers)
    assert [LIVE, CACHED, LIVE] == freshness(answers)


async def test_nothing_asked(cached: Cached, service: Service) -> None:
    """No ids, no call below."""
    assert {} == await read(cached)
    assert [] == service.asked


# The second window: served at once, refreshed behind.


async def test_refreshed_behind(cached: Cached, service: Service) -> None:
    """Past the fresh window a reading is served at once, as stale, and is fresh the next time."""
    await read(cached, A)
    await after(5)
    service.quantity, service.delay = 7, 2.0
    at_once = await read(cached, A)
    await after(2.1)
    next_time = await read(cached, A)

    assert ([STALE], [100]) == (freshness(at_once), quantities(at_once))
    assert ([CACHED], [7]) == (freshness(next_time), quantities(next_time))
    assert [[A], [A]] == service.asked


async def test_a_refresh_is_traced_to_its_cause(cached: Cached, service: Service) -> None:
    """A refresh carries the ids of the call that caused it, but neither its time nor its limit."""
    await read(cached, A)
    await after(10)
    now = LoopClock().monotonic()
    await read(cached, A, call=Call(correlation_id="page-17", deadline=now + 1, max_staleness=20))
    await after(0)

    assert Call(correlation_id="page-17") == service.reads[-1][1]


async def test_one_refresh_at_a_time(cached: Cached, service: Service) -> None:
    """While a variant is being refreshed, further pages do not refresh it again."""
    await read(cached, A, B)
    await after(10)
    service.delay = 2.0
    for _ in range(5):
        await read(cached, A)
    await read(cached, A, B)

    await after(0)
    assert [[A, B], [A], [B]] == service.asked


async def test_bounded_refreshes(cached: Cached, service: Service) -> None:
    """No more refreshes run at once than allowed; the others come with a later page."""
    await read(cached, A, B, C)
    await after(10)
    service.delay = 2.0
    for variant in (A, B, C):
        await read(cached, variant)
    await after(2.1)
    assert [[A, B, C], [A], [B]] == service.asked

    await read(cached, C)
    await after(0)
    assert [C] == service.asked[-1]


async def test_a_failed_refresh_is_told_and_pauses(
    cached: Cached, service: Service, heard: Heard
) -> None:
    """A refresh that fails is told once, and nothing is refreshed for a moment."""
    await read(cached, A)
    await after(10)
    service.error = DOWN
    await read(cached, A)
    await after(0.9)
    assert [STALE] == freshness(await read(cached, A))
    assert [RefreshFailed(1, DOWN)] == heard.signals
    assert 2 == len(service.asked)

    await after(0.2)
    await read(cached, A)
    await after(0)
    assert 3 == len(service.asked)


async def test_a_success_ends_the_pause(cached: Cached, service: Service) -> None:
    """When the service answers anybody, refreshing goes on at once."""
    await read(cached, A)
    await after(10)
    service.error = DOWN
    await read(cached, A)
    await after(0.01)
    service.error = None
    await read(cached, B)
    await read(cached, A)
    await after(0.01)

    assert [[A], [A], [B], [A]] == service.asked


# The third window: the service has a moment, then the reading is served.


async def test_a_moment_for_the_service(cached: Cached, service: Service) -> None:
    """In the last window an answer within the soft timeout is shown, live."""
    await read(cached, A)
    await after(100)
    service.quantity, service.delay = 7, 0.1
    answers = await read(cached, A)

    assert ([LIVE], [7]) == (freshness(answers), quantities(answers))


async def test_the_soft_timeout(cached: Cached, service: Service, heard: Heard) -> None:
    """A slow service costs the soft timeout, then the reading is shown, and is refreshed behind."""
    await read(cached, A)
    await after(100)
    service.quantity, service.delay = 7, 2.0
    started = LoopClock().monotonic()
    answers = await read(cached, A, call=Call(correlation_id="page-17"))

    assert ([STALE], [100]) == (freshness(answers), quantities(answers))
    assert pytest.approx(0.2) == LoopClock().monotonic() - started
    assert [ServedStale(1, ANY, "page-17")] == heard.signals
    await after(2)
    assert ([CACHED], [7]) == (freshness(k := await read(cached, A)), quantities(k))
    assert 2 == len(service.asked)


async def test_an_overdue_refresh_is_not_waited_for(cached: Cached, service: Service) -> None:
    """While a refresh has taken longer than the soft timeout, stale is served at once."""
    await read(cached, A)
    await after(100)
    service.delay = 10.0
    await read(cached, A)
    started = LoopClock().monotonic()
    for _ in range(10):
        assert [STALE] == freshness(await read(cached, A))

    assert 0 == LoopClock().monotonic() - started
    assert 2 == len(service.asked)


async def test_a_young_refresh_is_joined(cached: Cached, service: Service) -> None:
    """Pages that come while a refresh is young wait for it, and ask nobody themselves."""
    await read(cached, A)
    await after(100)
    service.quantity, service.delay = 7, 0.15
    first = asyncio.create_task(read(cached, A))
    await after(0.1)
    second = await read(cached, A)

    assert [LIVE] == freshness(second)
    assert [LIVE] == freshness(await first)
    assert 2 == len(service.asked)


async def test_stale_if_error(cached: Cached, service: Service, heard: Heard) -> None:
    """A service that fails is answered with the reading at once, up to the last limit."""
    await read(cached, A)
    await after(299.9)
    service.error = DOWN
    answers = await read(cached, A)

    assert [STALE] == freshness(answers)
    assert 1 == len(heard.of(ServedStale))


async def test_after_a_failure_stale_comes_at_once(cached: Cached, service: Service) -> None:
    """Right after a failure nobody waits for the service again."""
    await read(cached, A, B)
    await after(100)
    service.error = DOWN
    await read(cached, A)
    service.error, service.delay = None, 2.0
    started = LoopClock().monotonic()

    assert [STALE] == freshness(await read(cached, B))
    assert started == LoopClock().monotonic()


async def test_the_callers_deadline_is_shorter(cached: Cached, service: Service) -> None:
    """A caller with less time than the soft timeout waits for that long only."""
    await read(cached, A)
    await after(100)
    service.delay = 2.0
    now = LoopClock().monotonic()

    assert [STALE] == freshness(await read(cached, A, call=Call(deadline=now + 0.05)))
    assert pytest.approx(0.05) == LoopClock().monotonic() - now


async def test_a_cancelled_caller_leaves_the_refresh_alone(
    cached: Cached, service: Service
) -> None:
    """A caller who leaves during the soft timeout does not end the refresh for the others."""
    await read(cached, A)
    await after(100)
    service.quantity, service.delay = 7, 0.15
    first = asyncio.create_task(read(cached, A))
    await after(0.1)
    first.cancel()
    second = await read(cached, A)

    with pytest.raises(asyncio.CancelledError):
        await first
    assert [7] == quantities(second)


async def test_too_stale(cached: Cached, service: Service) -> None:
    """Past the last window the failure is the answer."""
    await read(cached, A)
    await after(300)
    service.error = DOWN

    with pytest.raises(TimedOut, match="down"):
        await read(cached, A)


async def test_a_bug_in_a_refresh_costs_no_page(
    cached: Cached, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception that nobody foresaw is logged as a bug, and the page shows what is kept."""
    await read(cached, A)
    await after(100)
    service.error = KeyError("bug")

    assert [STALE] == freshness(await read(cached, A))
    assert "inventory refresh failed: this is a bug" in caplog.text


# Pages of several kinds.


async def test_whoever_waits_anyway_asks_for_all(cached: Cached, service: Service) -> None:
    """A page with one missing variant refreshes all that is not fresh in the same request."""
    await read(cached, A)
    await after(80)
    await read(cached, B)
    await after(20)
    await read(cached, C)
    service.quantity = 7
    answers = await read(cached, D, C, B, A)

    assert [D, A, B] == service.asked[-1]
    assert [LIVE, CACHED, LIVE, LIVE] == freshness(answers)
    assert [7, 100, 7, 7] == quantities(answers)


async def test_a_page_in_an_outage(cached: Cached, service: Service, heard: Heard) -> None:
    """In an outage a page shows what is kept, and is unreadable only where nothing is."""
    await read(cached, A)
    await after(100)
    service.error = DOWN
    answers = await read(cached, A, B)

    assert [STALE, None] == freshness(answers)
    assert Unreadable(DOWN) == answers[B]
    assert [ServedStale(1, 100.0, None)] == heard.signals


async def test_unreadable_in_part(cached: Cached, service: Service) -> None:
    """A variant that alone cannot be read is served stale, too."""
    await read(cached, A)
    await after(100)

    async def script(ids: Ids, call: Call) -> Answers:
        return {v: Unreadable(DOWN) if v == A else a_reading(v) for v in ids}

    service.script = script

    assert [STALE, LIVE] == freshness(await read(cached, A, B))
    assert [STALE] == freshness(await read(cached, A))


@pytest.mark.parametrize(
    ("age", "max_staleness", "served"),
    [
        (1.0, 2.0, [CACHED]),
        (2.0, 2.0, []),
        (1.0, 0.0, []),
        (0.0, 0.0, []),
        (10.0, 11.0, [STALE]),
        (10.0, 10.0, []),
        (100.0, 101.0, [STALE]),
        (100.0, 100.0, []),
        (400.0, 1000.0, []),
    ],
)
async def test_the_caller_cuts_the_windows(
    cached: Cached, service: Service, age: float, max_staleness: float, served: list[Freshness]
) -> None:
    """No reading as old as the caller's limit is served, whatever the windows are."""
    await read(cached, A)
    await after(age)
    service.error = DOWN
    try:
        answers = await read(cached, A, call=Call(max_staleness=max_staleness))
    except TimedOut:
        answers = {}

    assert served == freshness(answers)


# Unknown variants.


async def test_unknown_is_believed_for_a_while(cached: Cached, service: Service) -> None:
    """That a variant is unknown is not asked again for a moment, and then it is."""
    service.unknown = {A}
    assert {A: UnknownVariant(A)} == await read(cached, A)
    await after(3.9)
    assert {A: UnknownVariant(A)} == await read(cached, A)
    assert 1 == len(service.asked)

    await after(0.2)
    await read(cached, A)
    assert 2 == len(service.asked)


async def test_an_unknown_variant_forgets_its_reading(cached: Cached, service: Service) -> None:
    """A variant that the service no longer knows is not shown from memory afterwards."""
    await read(cached, A)
    await after(100)
    service.unknown = {A}
    assert {A: UnknownVariant(A)} == await read(cached, A)
    await after(5)
    service.error = DOWN

    with pytest.raises(TimedOut):
        await read(cached, A)


# Changes: fences, and what began before them.


async def test_a_new_record_is_seen_at_once(cached: Cached, service: Service) -> None:
    """After an initialisation the variant is asked for, though it was unknown a moment ago."""
    service.unknown = {A}
    await read(cached, A)
    service.unknown = set()
    request = an_initial_stock(A)
    await cached.initialize(request, DEFAULT_CALL)
    await after(0.001)

    assert [LIVE] == freshness(await read(cached, A))
    assert [(request, DEFAULT_CALL)] == service.initializations


async def test_a_failed_initialization_is_a_change_too(cached: Cached, service: Service) -> None:
    """An initialisation that failed may have happened: "unknown" is not believed after it."""

    class Failing(Service):
        async def initialize(self, request: object, call: object) -> object:  # type: ignore[override]
            raise DOWN

    failing = Failing()
    cached.inner = failing  # type: ignore[assignment]  # it only fails
    failing.unknown = {A}
    await read(cached, A)
    with pytest.raises(TimedOut):
        await cached.initialize(an_initial_stock(A), DEFAULT_CALL)
    await after(0.001)
    await read(cached, A)

    assert 2 == len(failing.asked)


async def test_a_slow_read_from_before_a_change_is_not_stored(
    cached: Cached, service: Service
) -> None:
    """A read that began before a change is answered, but what it brought is not kept."""
    service.delay = 2.0
    slow = asyncio.create_task(read(cached, A))
    await after(1)
    service.quantity, service.delay = 7, 0.0
    cached.invalidate([A])

    assert [100] == quantities(await slow)
    assert ([LIVE], [7]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_a_slow_read_does_not_replace_a_newer_one(cached: Cached, service: Service) -> None:
    """Of two reads that overlap, the one that began later stays."""
    service.delay = 2.0
    slow = asyncio.create_task(read(cached, A))
    await after(1)
    service.quantity, service.delay = 7, 0.0
    await read(cached, A)
    await slow

    assert [7] == quantities(await read(cached, A))


async def test_after_a_change_the_service_is_asked_first(cached: Cached, service: Service) -> None:
    """A reading from before a change is shown only if the service does not answer."""
    await read(cached, A, B)
    await after(1)
    cached.invalidate([A])
    service.quantity = 7
    assert [LIVE, CACHED] == freshness(await read(cached, A, B))

    await after(1)
    cached.invalidate([A])
    service.error = DOWN
    assert [STALE] == freshness(await read(cached, A))


async def test_no_request_from_before_a_change_is_joined(cached: Cached, service: Service) -> None:
    """Below, a read after a change accepts only requests that begin after it."""
    await after(10)
    cached.invalidate([A])
    await after(3)
    await read(cached, A)
    await read(cached, B)
    await after(20)
    await read(cached, A, C, call=Call(max_staleness=1000))

    assert [3, None] == [call.max_staleness for _, call in service.reads[:2]]
    assert pytest.approx(23) == service.reads[-1][1].max_staleness


async def test_age_counts_from_the_sending(cached: Cached, service: Service) -> None:
    """An answer that was asked for before this call, in a shared request, is as old as that."""
    sent = LoopClock().now()
    await after(3)

    async def shared(ids: Ids, call: Call) -> Answers:
        return {variant: a_reading(variant, as_of=sent) for variant in ids}

    service.script = shared
    await read(cached, A)
    await after(1.9)
    assert [CACHED] == freshness(await read(cached, A))

    await after(0.2)
    assert [STALE] == freshness(await read(cached, A))
