"""Variants of which the service has no record: when that is believed, and what stays."""

import attrs
import pytest

from shelfport.adapters.layers import CacheLayer
from shelfport.errors import ContractViolation, DeadlineExceeded, InventoryError, TimedOut
from shelfport.ports import Call, UnknownVariant, Unreadable
from shelfport.signals import AbsenceDoubted, ServedStale
from tests.adapters.layers.cache.world import (
    CACHED,
    DOWN,
    LIVE,
    STALE,
    A,
    B,
    C,
    D,
    Service,
    after,
    all_turns,
    freshness,
    quantities,
    read,
)
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids
from tests.support.values import OUT, an_event

pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0
NOW = Call(max_staleness=0)


def unknown(answers: Answers) -> list[object]:
    return [v for v, answer in answers.items() if isinstance(answer, UnknownVariant)]


async def test_a_contradiction_is_confirmed(cached: CacheLayer, service: Service) -> None:
    """If an answer lacks a variant whose stock is known, the service is asked for it alone."""
    await read(cached, A, B)
    service.unknown = {A}
    answers = await read(cached, A, B, call=Call(max_staleness=0, correlation_id="page-17"))

    assert ([A], [None, LIVE]) == (unknown(answers), freshness(answers))
    assert [[A, B], [A, B], [A]] == service.asked
    assert Call(max_staleness=0, correlation_id="page-17") == attrs.evolve(
        service.reads[-1][1], deadline=None
    )


async def test_a_confirmed_absence_is_kept(cached: CacheLayer, service: Service) -> None:
    """A confirmed absence is served for `negative_ttl`, and is not confirmed again after it."""
    await read(cached, A, B)
    service.unknown = {A}
    await read(cached, A, B, call=NOW)
    await after(3.9)
    assert [A] == unknown(await read(cached, A, B))
    assert 3 == len(service.asked)

    await after(0.2)
    assert [A] == unknown(await read(cached, A, B, call=NOW))
    assert [[A, B]] == service.asked[3:]


async def test_one_of_several_is_asked_for(cached: CacheLayer, service: Service) -> None:
    """One of the variants that an answer lacks is asked for alone; the others follow it."""
    await read(cached, A, B, C)
    service.unknown = {A, B}

    assert [A, B] == unknown(await read(cached, A, B, C, call=NOW))
    assert [[A, B, C], [A]] == service.asked[1:]


async def test_a_contradiction_is_doubted(
    cached: CacheLayer, service: Service, heard: Heard
) -> None:
    """If the service has a record of that one, it is served, and of the others the last reading."""
    await read(cached, A, B, C)
    await after(100)
    service.left_out, service.quantity = {A, B}, 7
    answers = await read(cached, A, B, C, D, call=Call(correlation_id="page-17"))

    assert ([LIVE, STALE, LIVE, LIVE], [7, 100, 7, 7]) == (freshness(answers), quantities(answers))
    assert [AbsenceDoubted(2, "page-17")] == heard.of(AbsenceDoubted)


async def test_a_doubted_absence_is_no_answer_to_a_strict_caller(
    cached: CacheLayer, service: Service
) -> None:
    """A caller that does not accept the last reading learns that the answer lacked the variant."""
    await read(cached, A, B, C)
    service.left_out = {A, B}
    answers = await read(cached, A, B, C, call=NOW)

    assert [LIVE, None, LIVE] == freshness(answers)
    doubted = answers[B]
    assert isinstance(doubted, Unreadable)
    assert isinstance(doubted.error, ContractViolation)


@pytest.mark.parametrize("error", [DOWN, DeadlineExceeded("the soft timeout")])
async def test_a_contradiction_that_cannot_be_confirmed(
    cached: CacheLayer, service: Service, heard: Heard, error: InventoryError
) -> None:
    """If the variant alone cannot be read, or not in time, the last readings stay."""
    await read(cached, A, B, C)
    await after(100)

    async def failing_alone(ids: Ids, call: Call) -> Answers:
        if len(ids) == 1:
            raise error
        return await service.answer(ids, call)

    service.left_out, service.script = {A, B}, failing_alone
    answers = await read(cached, A, B, C, D)

    assert [STALE, STALE, LIVE, LIVE] == freshness(answers)
    assert [AbsenceDoubted(2, None)] == heard.of(AbsenceDoubted)


async def test_a_caller_waits_for_the_confirmation_for_the_soft_timeout(
    cached: CacheLayer, service: Service
) -> None:
    """The confirmation of a caller's read has the soft timeout as its deadline."""
    await read(cached, A, B)
    await after(100)
    service.unknown = {A}
    await read(cached, A, B, C)

    [batch, alone] = [call.deadline for _, call in service.reads[1:]]
    assert batch is None
    assert pytest.approx(1100.25) == alone


async def test_the_callers_deadline_is_earlier(cached: CacheLayer, service: Service) -> None:
    """A caller's deadline before the end of the soft timeout is that of the confirmation."""
    await read(cached, A, B)
    await after(100)
    service.unknown = {A}
    await read(cached, A, B, C, call=Call(deadline=1100.1))
    assert 1100.1 == service.reads[-1][1].deadline
    service.unknown = {A, B}
    await read(cached, A, B, call=Call(deadline=1200, max_staleness=0))

    assert pytest.approx(1100.25) == service.reads[-1][1].deadline


async def test_in_the_background(cached: CacheLayer, service: Service) -> None:
    """A background refresh confirms an absence, too, without a deadline."""
    await read(cached, A, B)
    await after(10)
    service.unknown = {A}
    assert [STALE, STALE] == freshness(await read(cached, A, B))
    await all_turns()

    assert [A] == unknown(await read(cached, A, B))
    assert ([A], None) == (service.asked[-1], service.reads[-1][1].deadline)


async def test_asked_for_alone(cached: CacheLayer, service: Service) -> None:
    """The absence of a variant that was asked for alone is believed at once."""
    await read(cached, A)
    service.unknown = {A}

    assert [A] == unknown(await read(cached, A, call=NOW))
    assert 2 == len(service.asked)


async def test_without_a_contradiction(cached: CacheLayer, service: Service) -> None:
    """The absence of a variant that is not known is believed at once."""
    service.unknown = {A}

    assert [A] == unknown(await read(cached, A, B))
    assert 1 == len(service.asked)


async def test_a_reading_past_all_windows_is_no_contradiction(
    cached: CacheLayer, service: Service
) -> None:
    """A reading that could not be shown any more does not speak against an absence."""
    await read(cached, A, B)
    await after(300)
    service.unknown = {A}

    assert [A] == unknown(await read(cached, A, B))
    assert 2 == len(service.asked)


async def test_an_event_is_a_contradiction(cached: CacheLayer, service: Service) -> None:
    """The reading of an event speaks against an absence, as one of the service does."""
    await cached.apply_event(an_event(OUT, A, at=1000))
    await after(1)
    service.left_out = {A}
    answers = await read(cached, A, B, call=NOW)

    assert [LIVE, LIVE] == freshness(answers)
    assert [A] == service.asked[-1]


async def test_an_unknown_then_an_outage(
    cached: CacheLayer, service: Service, heard: Heard
) -> None:
    """Past `negative_ttl` an outage shows what was known before the variant became unknown."""
    await read(cached, A)
    await after(100)
    service.unknown = {A}
    assert [A] == unknown(await read(cached, A))
    service.error = DOWN
    await after(3.9)
    assert [A] == unknown(await read(cached, A))
    await after(0.1)

    assert ([STALE], [100]) == (freshness(now := await read(cached, A)), quantities(now))
    assert [ServedStale(1, 104.0, None)] == heard.of(ServedStale)


async def test_the_fallback_of_an_unknown_ends(cached: CacheLayer, service: Service) -> None:
    """What was known before bridges an outage until its own windows end."""
    await read(cached, A)
    await after(100)
    service.unknown = {A}
    await read(cached, A)
    service.error = DOWN
    await after(199.9)
    assert [STALE] == freshness(await read(cached, A))
    await after(1.1)

    with pytest.raises(TimedOut):
        await read(cached, A)


async def test_the_fallback_of_an_unknown_and_a_limit(cached: CacheLayer, service: Service) -> None:
    """What was known before is not shown to a caller for whom it is too old."""
    await read(cached, A)
    await after(100)
    service.unknown = {A}
    await read(cached, A)
    service.error = DOWN
    await after(10)

    with pytest.raises(TimedOut):
        await read(cached, A, call=Call(max_staleness=110))
    assert [STALE] == freshness(await read(cached, A, call=Call(max_staleness=110.1)))


async def test_past_negative_ttl_the_service_is_waited_for(
    cached: CacheLayer, service: Service
) -> None:
    """After an "unknown" the caller waits for the service beyond the soft timeout."""
    await read(cached, A)
    await after(100)
    service.unknown = {A}
    await read(cached, A)
    await after(10)
    service.delay = 2.0

    assert [A] == unknown(await read(cached, A))
    service.unknown = set()
    await after(10)
    assert [LIVE] == freshness(await read(cached, A))


async def test_during_a_pause_the_fallback_comes_at_once(
    cached: CacheLayer, service: Service
) -> None:
    """Right after a failure, what was known before is served without a request."""
    await read(cached, A)
    await after(100)
    service.unknown = {A}
    await read(cached, A)
    await after(10)
    service.error = DOWN
    await read(cached, A)
    asked = len(service.asked)
    service.delay = 2.0
    started = LoopClock().monotonic()

    assert [STALE] == freshness(await read(cached, A))
    assert (0, asked) == (LoopClock().monotonic() - started, len(service.asked))


async def test_a_record_again(cached: CacheLayer, service: Service) -> None:
    """A reading after an "unknown" is served as any other."""
    await read(cached, A)
    service.unknown = {A}
    await read(cached, A, call=NOW)
    service.unknown, service.quantity = set(), 7
    await after(4)
    assert ([LIVE], [7]) == (freshness(now := await read(cached, A)), quantities(now))

    assert ([CACHED], [7]) == (freshness(now := await read(cached, A)), quantities(now))


async def test_unknown_and_counted(cached: CacheLayer, service: Service) -> None:
    """A page that shows an "unknown" counts it as fresh, and reports no age of what was before."""
    ages: list[float] = []
    await read(cached, A)
    await after(100)
    service.unknown = {A}
    await read(cached, A)
    cached.stats.page_age = ages.append
    await read(cached, A)
    assert ([], 1) == (ages, cached.snapshot().fresh)

    await read(cached, B)
    await after(1)
    await read(cached, A, B)
    assert [0, 1] == ages
