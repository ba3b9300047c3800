"""The layers together, as `compose` stacks them: whose fault a failure is, seen from a page."""

import asyncio
from collections.abc import AsyncIterator

import attrs
import pytest

from shelfport import Freshness, InventoryError, ProductVariantId, Settings, StockReading
from shelfport.adapters.composition.stack import Stack, compose
from shelfport.adapters.layers import CircuitBreaker, SharedCacheClient
from shelfport.adapters.runtime.background import Background
from shelfport.errors import (
    ContractViolation,
    DeadlineExceeded,
    FaultScope,
    RequestBlocked,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.ports import DEFAULT_CALL, Answer, Call, Unreadable
from shelfport.signals import BatchShrunk, BreakerState
from tests.support.clocks import LoopClock
from tests.support.listening import Heard, lowest
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.shared_store import ModelStore
from tests.support.values import a_reading, an_initial_stock, ids

PAGE = ids(50)
A, B = ids(2)
FRESH = Call(max_staleness=0)
pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0


class Adapter(ScriptedPort):
    """Takes `delay` seconds, within `attempt_timeout`; fails as its attributes say."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.delay = 0.01
        self.error: InventoryError | None = None
        self.poison: set[ProductVariantId] = set()
        self.nonsense: set[ProductVariantId] = set()
        self.slow: set[ProductVariantId] = set()
        self.most = 200

    async def _answer(self, ids: Ids, call: Call) -> Answers:
        now = LoopClock().now()
        delay = self.delay if self.slow.isdisjoint(ids) else 3.0
        await asyncio.sleep(min(delay, 1.0))
        if delay >= 1.0:
            raise TimedOut("late", ids=ids)
        if self.error is not None:
            raise self.error.again()
        if len(ids) > self.most:
            raise RequestBlocked("too long", status=414, ids=ids)
        if not self.poison.isdisjoint(ids):
            scope = FaultScope.SERVICE if len(ids) == 1 else FaultScope.REQUEST
            raise ServiceFailed("500", status=500, ids=ids, scope=scope)
        odd = [
            Unreadable(ContractViolation("nonsense", ids=(v,), scope=FaultScope.ELEMENT))
            for v in ids
            if v in self.nonsense
        ]
        answers: dict[ProductVariantId, Answer] = {v: a_reading(v, as_of=now) for v in ids}
        answers.update({answer.error.ids[0]: answer for answer in odd})
        return answers

    @property
    def sizes(self) -> list[int]:
        return [len(read) for read, _ in self.reads]


@attrs.define
class Shop:
    """A stack, and what is around it."""

    adapter: Adapter
    stack: Stack
    breaker: CircuitBreaker
    heard: Heard

    async def page(self, *variants: ProductVariantId, call: Call = DEFAULT_CALL) -> Answers:
        """What a page shows; an error for each variant, if nothing was answered."""
        wanted = variants or PAGE
        try:
            return await self.stack.pages.read(wanted, call)
        except InventoryError as error:
            return {variant: Unreadable(error) for variant in wanted}


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setattr("random.choice", lambda variants: variants[0])  # not by chance the poison
    adapter, heard, settings = Adapter(), Heard(), Settings()
    breaker = CircuitBreaker(settings.breaker, heard, lowest)
    async with Background() as background:
        stack = compose(
            adapter,
            settings,
            clock=LoopClock(),
            background=background,
            breaker=breaker,
            listener=heard,
        )
        yield Shop(adapter, stack, breaker, heard)


def unread(answers: Answers) -> list[ProductVariantId]:
    return [variant for variant, answer in answers.items() if isinstance(answer, Unreadable)]


def freshness(answer: Answer) -> Freshness:
    assert isinstance(answer, StockReading)
    return answer.freshness


async def after(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def test_a_poison_id_costs_itself(shop: Shop) -> None:
    """A variant for which the service answers every batch with 500 costs the page itself alone."""
    shop.adapter.poison = {PAGE[30]}

    for _ in range(10):
        answers = await shop.page()
        assert PAGE == list(answers)
        await after(7)

    assert [PAGE[30]] == unread(answers)
    assert BreakerState.CLOSED is shop.breaker.state


async def test_a_poison_id_alone(shop: Shop) -> None:
    """A page of the poison alone neither opens the circuit nor costs the others anything."""
    shop.adapter.poison = {A}
    await shop.page(B)
    for _ in range(20):
        assert [A] == unread(await shop.page(A, call=FRESH))
        await after(0.5)

    assert BreakerState.CLOSED is shop.breaker.state
    assert [] == unread(await shop.page(B))


async def test_a_dead_service(shop: Shop) -> None:
    """A service that answers everything with 500 opens the circuit."""
    await shop.page()
    shop.adapter.poison = set(PAGE)
    for number in range(10):
        await shop.page(*PAGE[number : number + 5], call=FRESH)
        await after(0.2)

    assert BreakerState.OPEN is shop.breaker.state


async def test_a_dead_service_with_impatient_callers(shop: Shop) -> None:
    """A service that hangs opens the circuit, although every caller leaves too early."""
    shop.adapter.delay = 60.0
    for _ in range(12):
        call = Call(deadline=LoopClock().monotonic() + 0.3)
        assert PAGE == unread(await shop.page(call=call))
        await after(1)

    assert BreakerState.OPEN is shop.breaker.state


async def test_impatient_callers_of_a_healthy_service(shop: Shop) -> None:
    """A service that takes its time leaves the circuit closed, however early callers leave."""
    shop.adapter.delay = 0.4
    for _ in range(12):
        call = Call(deadline=LoopClock().monotonic() + 0.3)
        assert DeadlineExceeded is type(error_of(await shop.page(call=call)))
        await after(1)

    assert BreakerState.CLOSED is shop.breaker.state


def error_of(answers: Answers) -> InventoryError:
    answer = answers[unread(answers)[0]]
    assert isinstance(answer, Unreadable)
    return answer.error


async def test_an_isolation_that_the_deadline_ends(shop: Shop) -> None:
    """What an isolation has read when the deadline comes is shown."""
    shop.adapter.poison, shop.adapter.delay = {PAGE[30]}, 0.3

    answers = await shop.page()

    assert PAGE[30] in unread(answers)
    assert 0 < len(unread(answers)) < len(PAGE)


async def test_nonsense_of_one_variant(shop: Shop) -> None:
    """A variant whose data is nonsense shows its last reading; the others are fresh as ever."""
    await shop.page(A, B)
    shop.adapter.nonsense = {A}
    for _ in range(5):
        await after(5)
        await shop.page(A, B)
        await after(0.1)
        answers = await shop.page(A, B)
        assert [Freshness.STALE, Freshness.CACHED] == [freshness(answers[v]) for v in (A, B)]


async def test_retry_after(shop: Shop) -> None:
    """While the service asked to wait, no read is sent; afterwards one goes first."""
    shop.adapter.error = ServiceOverloaded("busy", status=503, retry_after=20.0)
    await shop.page()
    shop.adapter.error = None
    shop.adapter.reads.clear()
    for _ in range(19):
        await shop.page()
        await after(1)
    assert [] == shop.adapter.reads
    await shop.stack.pages.initialize(an_initial_stock(A), DEFAULT_CALL)
    await after(1)

    assert [] == unread(await shop.page())
    assert [50] == shop.adapter.sizes


async def test_a_wrong_token(shop: Shop) -> None:
    """With a token that is refused the service gets one request a second, not one a page."""
    shop.adapter.error = Unauthorized("who are you", status=401)
    for _ in range(100):
        await shop.page()
        await after(0.1)
    assert 10 <= len(shop.adapter.reads) <= 12
    assert BreakerState.CLOSED is shop.breaker.state
    shop.adapter.error = None
    await after(1)

    assert [] == unread(await shop.page())


async def test_a_short_address(shop: Shop) -> None:
    """A proxy that refuses long addresses costs no page anything, and one signal a size."""
    shop.adapter.most = 30

    assert [] == unread(await shop.page())
    assert [] == unread(await shop.page(*ids(200)[100:]))
    assert [50, 25, 25, 25, 25, 25, 25] == shop.adapter.sizes
    assert [25] == [signal.size for signal in shop.heard.of(BatchShrunk)]


async def test_a_slow_id(shop: Shop) -> None:
    """An id that takes seconds costs its own caller the answer, not one of the same turn."""
    shop.adapter.slow = {A}

    slow, quick = await asyncio.gather(shop.page(A), shop.page(B))

    assert ([A], []) == (unread(slow), unread(quick))
    assert [[A, B], [A], [B]] == [read for read, _ in shop.adapter.reads[:3]]


async def test_a_page_beside_an_export(shop: Shop) -> None:
    """A page goes out before an export of the same turn, and is not read with it."""
    export, page = await asyncio.gather(shop.page(*ids(4000)[50:]), shop.page())

    assert [50, *[200] * 19, 150] == shop.adapter.sizes
    assert PAGE == shop.adapter.reads[0][0]
    assert [] == unread(export) == unread(page)


async def test_pages_of_one_turn_are_looked_up_together() -> None:
    """With a shared cache, the pages of a turn cost one look-up, and as few requests as before."""
    adapter, settings = Adapter(), Settings()
    async with Background() as background:
        store = ModelStore(LoopClock())
        client = SharedCacheClient(store, settings.shared_cache, LoopClock(), background, Heard())
        stack = compose(
            adapter,
            settings,
            clock=LoopClock(),
            background=background,
            breaker=CircuitBreaker(settings.breaker, Heard(), lowest),
            listener=Heard(),
            shared_cache=client,
        )
        pages = [ids(384)[start : start + 24] for start in range(0, 384, 24)]
        await asyncio.gather(*(stack.pages.read(page, DEFAULT_CALL) for page in pages))

    assert [200, 184] == adapter.sizes
    assert 1 == sum(call.startswith("lookup") for call in store.asked)
