import asyncio
from collections.abc import Awaitable, Callable

import attrs
import pytest

from shelfport import (
    Created,
    InventoryError,
    ProductVariantId,
    UnavailableReason,
)
from shelfport.adapters.layers import CircuitBreaker, CircuitBreakerLayer, ConcurrencyLimitLayer
from shelfport.errors import (
    Operation,
    OverloadedHere,
    ReachedService,
    RequestRejected,
    TimedOut,
)
from shelfport.options import BreakerOptions, LimitOptions
from shelfport.ports import (
    DEFAULT_CALL,
    Call,
    Initialized,
    InitialStock,
)
from shelfport.ports.signals import CallRejected, Signal
from tests.support.clocks import LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, an_id, an_initial_stock

A, B = an_id(1), an_id(2)
CALL = Call(correlation_id="page-17", attempt=2)
pytestmark = pytest.mark.looptime


class Service(ScriptedPort):
    """Takes `takes` seconds for an answer; records the calls inside, and their order."""

    def __init__(self, takes: float = 1.0) -> None:
        super().__init__(self._answer)
        self.takes = takes
        self.error: Exception | None = None
        self.inside = 0
        self.most = 0
        self.order: list[ProductVariantId] = []

    async def _answer(self, ids: Ids, call: Call) -> Answers:
        await self._work(ids[0])
        return {variant: a_reading(variant) for variant in ids}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        await self._work(request.variant_id)
        return await super().initialize(request, call)

    async def _work(self, variant: ProductVariantId) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.order.append(variant)
        try:
            await asyncio.sleep(self.takes)
            if self.error is not None:
                raise self.error
        finally:
            self.inside -= 1


@attrs.define
class Bench:
    """A limited service of two slots."""

    options: LimitOptions = attrs.field(
        factory=lambda: LimitOptions(max_concurrency=2, max_queue=3)
    )
    service: Service = attrs.field(factory=Service)
    signals: list[Signal] = attrs.field(factory=list)
    layer: ConcurrencyLimitLayer = attrs.field(init=False)
    _tasks: list[asyncio.Task[object]] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.layer = ConcurrencyLimitLayer(
            self.service, LoopClock(), self.options, self.signals.append
        )

    async def read(self, call: Call = CALL) -> object:
        return await self.layer.read([A, B], call)

    async def initialize(self, call: Call = CALL) -> object:
        return await self.layer.initialize(an_initial_stock(A), call)

    async def begin(self, count: int) -> list[asyncio.Task[object]]:
        """Start `count` reads one after the other; all are in flight or wait now."""
        tasks: list[asyncio.Task[object]] = [
            asyncio.create_task(self._read(an_id(number))) for number in range(1, count + 1)
        ]
        self._tasks += tasks
        await asyncio.sleep(0)
        return tasks

    async def _read(self, variant: ProductVariantId) -> object:
        return await self.layer.read([variant], CALL)

    async def free(self) -> int:
        """The number of free slots, found by taking them."""
        before, self.service.most = self.service.inside, 0
        error, self.service.error = self.service.error, None
        await asyncio.gather(*(self._read(A) for _ in range(self.options.max_concurrency)))
        self.service.error = error
        return self.service.most - before


def in_seconds(seconds: float) -> Call:
    return attrs.evolve(CALL, deadline=LoopClock().monotonic() + seconds)


Doing = Callable[[Bench, Call], Awaitable[object]]
both = pytest.mark.parametrize("do", [Bench.read, Bench.initialize])


async def test_a_free_slot_is_taken_at_once() -> None:
    """Up to the limit calls pass at once, as they are."""
    bench = Bench(service=Service(takes=0.0))
    request = an_initial_stock(A)
    began = LoopClock().monotonic()

    answers = await bench.layer.read([A, B], CALL)
    outcome = await bench.layer.initialize(request, CALL)

    assert [A, B] == list(answers)
    assert isinstance(outcome, Created)
    assert [([A, B], CALL)] == bench.service.reads
    assert [(request, CALL)] == bench.service.initializations
    assert began == LoopClock().monotonic()
    assert ([], 0) == (bench.signals, bench.layer.waiting)


@pytest.mark.parametrize("at_once", [1, 2, 16])
async def test_never_more_at_once(at_once: int) -> None:
    """Of 100 calls never more than the limit are in flight, and all are answered."""
    bench = Bench(LimitOptions(max_concurrency=at_once))
    began = LoopClock().monotonic()

    await asyncio.gather(*await bench.begin(100))

    assert at_once == bench.service.most
    assert -(-100 // at_once) == LoopClock().monotonic() - began
    assert at_once == await bench.free()


async def test_first_come_first_served() -> None:
    """Calls get their slots in the order in which they came."""
    bench = Bench(LimitOptions(max_concurrency=1))
    tasks = await bench.begin(3)
    await tasks[0]  # its slot is passed on in this turn

    late = asyncio.create_task(bench.layer.read([an_id(4)], CALL))
    await asyncio.gather(*tasks, late)

    assert [an_id(number) for number in (1, 2, 3, 4)] == bench.service.order


async def test_reads_and_initializations_share_the_slots() -> None:
    """Reads and initializations share the slots."""
    bench = Bench()

    await asyncio.gather(bench.read(), bench.initialize(), bench.read(), bench.initialize())

    assert 2 == bench.service.most


async def test_how_many_wait() -> None:
    """`waiting` counts the calls without a slot."""
    bench = Bench()

    tasks = await bench.begin(5)
    assert 3 == bench.layer.waiting
    await asyncio.sleep(1.5)
    assert 1 == bench.layer.waiting
    await asyncio.gather(*tasks)
    assert 0 == bench.layer.waiting


@both
async def test_a_full_queue_refuses(do: Doing) -> None:
    """Beyond `max_queue` a call is refused at once, with an error about that call."""
    operation = Operation.READ if do is Bench.read else Operation.INITIALIZE
    bench = Bench()
    tasks = await bench.begin(5)
    began = LoopClock().monotonic()

    with pytest.raises(OverloadedHere) as info:
        await do(bench, in_seconds(60))

    error = info.value
    assert began == LoopClock().monotonic()
    assert (
        "this process has 2 requests to the Inventory Service in flight, "
        "and 3 calls wait, the maximum"
    ) == str(error)
    assert operation is error.operation
    assert ((A, B) if operation is Operation.READ else (A,)) == error.ids
    assert ("page-17", 2) == (error.correlation_id, error.attempts)
    assert ReachedService.NO is error.reached_service
    assert UnavailableReason.OVERLOADED is error.reason
    assert [CallRejected(operation, error, "page-17")] == bench.signals
    assert 3 == bench.layer.waiting
    await asyncio.gather(*tasks)


async def test_no_queue() -> None:
    """With `max_queue` 0 a call gets a slot at once or is refused."""
    bench = Bench(LimitOptions(max_concurrency=1, max_queue=0))
    [task] = await bench.begin(1)

    with pytest.raises(OverloadedHere, match="0 calls wait, the maximum"):
        await bench.read()
    await task

    await bench.read()


@both
async def test_the_deadline_ends_the_wait(do: Doing) -> None:
    """A call whose deadline passes in the queue is refused exactly then; nothing was sent."""
    operation = Operation.READ if do is Bench.read else Operation.INITIALIZE
    await asyncio.sleep(7)
    bench = Bench()
    tasks = await bench.begin(2)
    began = LoopClock().monotonic()

    with pytest.raises(OverloadedHere) as info:
        await do(bench, in_seconds(0.25))

    error = info.value
    assert 0.25 == LoopClock().monotonic() - began
    assert (
        "this process has 2 requests to the Inventory Service in flight, "
        "and none ended before the deadline"
    ) == str(error)
    assert operation is error.operation
    assert ((A, B) if operation is Operation.READ else (A,)) == error.ids
    assert ("page-17", 2) == (error.correlation_id, error.attempts)
    assert ReachedService.NO is error.reached_service
    assert [CallRejected(operation, error, "page-17")] == bench.signals
    assert isinstance(error.__cause__, TimeoutError)
    assert 0 == bench.layer.waiting
    await asyncio.gather(*tasks)
    assert 2 == await bench.free()


async def test_a_deadline_that_has_passed() -> None:
    """A call after its deadline does not wait."""
    bench = Bench()
    tasks = await bench.begin(2)
    began = LoopClock().monotonic()

    with pytest.raises(OverloadedHere, match="none ended before the deadline"):
        await bench.read(in_seconds(-1))

    assert began == LoopClock().monotonic()
    await asyncio.gather(*tasks)


async def test_without_a_deadline_a_call_waits() -> None:
    """Without a deadline it waits as long as it takes."""
    bench = Bench(LimitOptions(max_concurrency=1), Service(takes=3600))
    [task] = await bench.begin(1)

    await bench.read()

    assert task.done()


async def test_a_slot_that_frees_in_time() -> None:
    """A call that waits gets the slot that frees before its deadline; then the wait is over."""
    bench = Bench(LimitOptions(max_concurrency=1))
    [task] = await bench.begin(1)

    await bench.read(in_seconds(1.5))  # waits 1 s, and then takes 1 s: other layers bound that

    assert task.done()
    assert 0 == bench.layer.waiting


@both
@pytest.mark.parametrize("error", [TimedOut("late"), RequestRejected("400"), KeyError("bug")])
async def test_an_error_frees_the_slot(do: Doing, error: Exception) -> None:
    """A failed call frees its slot, and its error reaches the caller."""
    bench = Bench()
    bench.service.error = error

    for _ in range(4):
        with pytest.raises(type(error)) as info:
            await do(bench, CALL)
        assert error is info.value

    assert 2 == await bench.free()


@both
async def test_a_cancelled_call_frees_the_slot(do: Doing) -> None:
    """A cancelled call frees its slot at once."""
    bench = Bench(LimitOptions(max_concurrency=1), Service(takes=60))
    task = asyncio.ensure_future(do(bench, CALL))
    [next_one] = await bench.begin(1)
    await asyncio.sleep(1)
    began = LoopClock().monotonic()

    task.cancel()
    await next_one

    assert 60 == LoopClock().monotonic() - began
    assert task.cancelled()
    assert 1 == await bench.free()


async def test_a_cancelled_waiter_loses_no_slot() -> None:
    """Cancelling a waiting call shortens the queue, and keeps its order."""
    bench = Bench(LimitOptions(max_concurrency=1))
    tasks = await bench.begin(4)

    tasks[1].cancel()
    await asyncio.sleep(0)
    assert 2 == bench.layer.waiting
    await asyncio.gather(*tasks, return_exceptions=True)

    assert [an_id(number) for number in (1, 3, 4)] == bench.service.order
    assert tasks[1].cancelled()
    assert [] == bench.signals
    assert (1, 0) == (await bench.free(), bench.layer.waiting)


@pytest.mark.parametrize("leaves", ["by cancellation", "at its deadline"])
async def test_leaving_at_the_moment_of_the_slot(leaves: str) -> None:
    """A waiting call that is cancelled in the turn in which it gets a slot passes the slot on."""
    bench = Bench(LimitOptions(max_concurrency=1), Service(takes=1.0))
    first = (await bench.begin(1))[0]
    second = asyncio.create_task(
        bench.read(in_seconds(1.0) if leaves == "at its deadline" else CALL)
    )
    third = asyncio.create_task(bench.read())
    await asyncio.sleep(0)
    if leaves == "by cancellation":
        first.add_done_callback(lambda _: second.cancel())

    await asyncio.gather(second, return_exceptions=True)
    await asyncio.wait_for(third, 10)

    assert (1, 0) == (await bench.free(), bench.layer.waiting)


async def test_nothing_asked() -> None:
    """No ids, no call below and no slot, even if there is none."""
    bench = Bench(LimitOptions(max_concurrency=1, max_queue=0))
    [task] = await bench.begin(1)

    assert {} == await bench.layer.read([], DEFAULT_CALL)
    assert 1 == len(bench.service.reads)
    await task


@pytest.mark.parametrize(("limit_outside", "slow"), [(True, range(1)), (False, range(150, 300))])
async def test_a_burst_at_a_healthy_service(limit_outside: bool, slow: range) -> None:
    """300 callers, 16 slots, 100 ms: an inner breaker sees no slow call."""
    service, clock = Service(takes=0.1), LoopClock()
    breaker = CircuitBreaker(
        BreakerOptions(slow_call_rate_threshold=1, minimum_calls=100_000), lambda _: None
    )
    options = LimitOptions(max_concurrency=16)

    def ignore(signal: Signal) -> None: ...

    layer: ConcurrencyLimitLayer | CircuitBreakerLayer
    if limit_outside:
        layer = ConcurrencyLimitLayer(
            CircuitBreakerLayer(service, clock, breaker, ignore), clock, options, ignore
        )
    else:
        layer = CircuitBreakerLayer(
            ConcurrencyLimitLayer(service, clock, options, ignore), clock, breaker, ignore
        )

    await asyncio.gather(*(layer.read([an_id(n)], CALL) for n in range(1, 301)))

    snapshot = breaker.snapshot(clock.monotonic())
    assert 300 == snapshot.calls
    assert snapshot.slow in slow


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_concurrency": 0},
        {"max_concurrency": 10_001},
        {"max_queue": -1},
        {"max_queue": 1_000_001},
    ],
)
def test_absurd_options(arguments: dict[str, int]) -> None:
    """A limit out of its bounds is refused by name."""
    [name] = arguments
    with pytest.raises(ValueError, match=f"^{name} is "):
        LimitOptions(**arguments)


def test_shown() -> None:
    """Its repr shows the layer below and the limits."""
    bench = Bench()

    assert f"ConcurrencyLimitLayer(inner={bench.service!r}, options={bench.options!r})" == repr(
        bench.layer
    )


async def test_errors_of_the_port_stay_as_they_are() -> None:
    """A timeout from below is the service's, not the queue's."""
    bench = Bench()
    bench.service.error = TimeoutError("another timeout")

    with pytest.raises(TimeoutError, match="another timeout") as info:
        await bench.read(in_seconds(60))

    assert not isinstance(info.value, InventoryError)
    assert [] == bench.signals
