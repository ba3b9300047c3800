import asyncio
from math import inf

import attrs
import pytest

from shelfport import Created, InventoryError, StockReading
from shelfport.adapters.layers import RetryLayer
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.errors import (
    AdapterFault,
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    FaultScope,
    InsecureConnection,
    Operation,
    OperationInProgress,
    OverloadedHere,
    PathFailed,
    ReachedService,
    RequestBlocked,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.options import RetryOptions
from shelfport.ports import (
    DEFAULT_CALL,
    Call,
    Initialized,
    InitialStock,
)
from shelfport.ports.signals import RetryBudgetExhausted, Retrying, Signal
from tests.support.clocks import LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import a_reading, an_id, an_initial_stock

A = an_id(1)
CALL = Call(correlation_id="page-17")
pytestmark = pytest.mark.looptime


class Failing(ScriptedPort):
    """Raises `errors`, one for each call, then answers; records the times of its calls."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__(self._answer)
        self.errors = list(errors)
        self.at: list[float] = []

    async def _answer(self, ids: Ids, call: Call) -> Answers:
        self._fail()
        return {variant: a_reading(variant) for variant in ids}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        created = await super().initialize(request, call)
        self._fail()
        return created

    def _fail(self) -> None:
        self.at.append(LoopClock().monotonic())
        if self.errors:
            raise self.errors.pop(0)

    @property
    def pauses(self) -> list[float]:
        return [round(b - a, 9) for a, b in zip(self.at, self.at[1:], strict=False)]


@attrs.define
class Drawing:
    """A `uniform` that records its bounds, and draws at `share` between them."""

    share: float = 1.0
    bounds: list[tuple[float, float]] = attrs.field(factory=list)

    def __call__(self, low: float, high: float) -> float:
        self.bounds.append((low, high))
        return low + self.share * (high - low)


@attrs.define
class Bench:
    """A `RetryLayer` with all its parts."""

    inner: ScriptedPort
    options: RetryOptions = attrs.field(factory=RetryOptions)
    budget: RetryBudget = attrs.field(factory=lambda: RetryBudget(reserve=10))
    uniform: Drawing = attrs.field(factory=Drawing)
    signals: list[Signal] = attrs.field(factory=list)

    @property
    def layer(self) -> RetryLayer:
        return RetryLayer(
            self.inner, LoopClock(), self.options, self.budget, self.uniform, self.signals.append
        )


def late(count: int) -> list[TimedOut]:
    return [TimedOut(f"late {number}") for number in range(1, count + 1)]


async def test_an_answer_is_not_repeated() -> None:
    """An answered call is made once, as it is, and counts as a first attempt."""
    bench = Bench(inner := ScriptedPort(), budget=RetryBudget())

    answers = await bench.layer.read([A], CALL)

    assert [A] == list(answers)
    assert [([A], CALL)] == inner.reads
    assert CALL is inner.reads[0][1]
    assert 3.1 == pytest.approx(bench.budget.tokens)
    assert ([], []) == (bench.uniform.bounds, bench.signals)


async def test_attempts_are_counted() -> None:
    """Each attempt carries its number; everything else of the call stays as it was."""
    bench = Bench(inner := Failing(*late(2)))

    answers = await bench.layer.read([A], CALL)

    assert isinstance(answers[A], StockReading)
    assert [attrs.evolve(CALL, attempt=n) for n in (1, 2, 3)] == [call for _, call in inner.reads]
    assert [[A]] * 3 == [ids for ids, _ in inner.reads]


async def test_attempts_end() -> None:
    """After the last attempt its error reaches the caller; no token is taken."""
    bench = Bench(inner := Failing(*late(9)), budget=RetryBudget(ratio=0))

    with pytest.raises(TimedOut, match="late 3"):
        await bench.layer.read([A], CALL)

    assert 3 == len(inner.reads)
    assert 2 == len(bench.uniform.bounds)
    assert 1.0 == bench.budget.tokens


async def test_one_attempt_repeats_nothing() -> None:
    """With `max_attempts` 1 no call is repeated, and no signal is sent."""
    bench = Bench(inner := Failing(*late(9)), RetryOptions(max_attempts=1))

    with pytest.raises(TimedOut, match="late 1"):
        await bench.layer.read([A], CALL)

    assert (1, []) == (len(inner.reads), bench.signals)


async def test_attempts_of_a_call_that_was_tried_before() -> None:
    """A call that is at attempt 3 goes on counting, and gets as many attempts as any."""
    bench = Bench(inner := Failing(*late(9)))

    with pytest.raises(TimedOut, match="late 3"):
        await bench.layer.read([A], attrs.evolve(CALL, attempt=3))

    assert [3, 4, 5] == [call.attempt for _, call in inner.reads]


async def test_the_bound_of_the_pause_doubles_up_to_its_cap() -> None:
    """The pause is drawn from 0 to a bound that doubles each time until `max_delay`."""
    options = RetryOptions(max_attempts=6, base_delay=0.1, max_delay=0.5)
    bench = Bench(inner := Failing(*late(5)), options)

    await bench.layer.read([A], CALL)

    assert [(0.0, 1.0)] * 5 == bench.uniform.bounds
    assert [0.1, 0.2, 0.4, 0.5, 0.5] == inner.pauses


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
async def test_full_jitter(share: float) -> None:
    """The pause is the drawn number, which may be 0."""
    bench = Bench(inner := Failing(*late(2)), uniform=Drawing(share))

    await bench.layer.read([A], CALL)

    assert [0.05 * share, 0.1 * share] == inner.pauses


async def test_retry_after_comes_on_top() -> None:
    """The pause is `Retry-After` plus the jitter of that attempt."""
    bench = Bench(inner := Failing(ServiceOverloaded("busy", retry_after=2.0), TimedOut("late")))

    await bench.layer.read([A], CALL)

    assert [2.05, 0.1] == inner.pauses
    assert [(0.0, 1.0)] * 2 == bench.uniform.bounds


async def test_retry_after_of_nothing() -> None:
    """With a `Retry-After` of 0 the pause is the jitter alone."""
    bench = Bench(inner := Failing(ServiceOverloaded("busy", retry_after=0.0)))

    await bench.layer.read([A], CALL)

    assert [0.05] == inner.pauses


@pytest.mark.parametrize(("retry_after", "asked"), [(5.0, 2), (5.001, 1), (inf, 1)])
async def test_retry_after_is_capped(retry_after: float, asked: int) -> None:
    """A call is not repeated if `Retry-After` is above its cap."""
    bench = Bench(inner := Failing(ServiceOverloaded("busy", retry_after=retry_after)))

    if asked == 1:
        with pytest.raises(ServiceOverloaded):
            await bench.layer.read([A], CALL)
    else:
        await bench.layer.read([A], CALL)

    assert asked == len(inner.reads)
    assert asked - 1 == len(bench.signals)
    assert 10.0 - (asked - 1) == bench.budget.tokens


@pytest.mark.parametrize(("left", "asked"), [(0.05, 1), (0.051, 2), (-1.0, 1), (0.0, 1)])
async def test_the_deadline_bounds_the_pause(left: float, asked: int) -> None:
    """A pause that would reach the deadline is not begun: the error is raised at once."""
    inner = Failing(*late(1))
    bench = Bench(inner)
    call = attrs.evolve(CALL, deadline=LoopClock().monotonic() + left)
    started = LoopClock().monotonic()

    if asked == 1:
        with pytest.raises(TimedOut, match="late 1"):
            await bench.layer.read([A], call)
        assert started == LoopClock().monotonic()
        assert ([], 10.0) == (bench.signals, bench.budget.tokens)
    else:
        await bench.layer.read([A], call)

    assert asked == len(inner.reads)


async def test_one_deadline_over_all_attempts() -> None:
    """All attempts share one deadline; no attempt starts after it."""
    started: list[float] = []

    async def slow(ids: Ids, call: Call) -> Answers:
        started.append(LoopClock().monotonic() - began)
        await asyncio.sleep(0.4)
        raise TimedOut("late")

    bench = Bench(ScriptedPort(slow), RetryOptions(max_attempts=10))
    began = LoopClock().monotonic()

    with pytest.raises(TimedOut):
        await bench.layer.read([A], attrs.evolve(CALL, deadline=began + 1.0))

    assert [0.0, 0.45, 0.95] == pytest.approx(started)
    assert 1.35 == pytest.approx(LoopClock().monotonic() - began)


@pytest.mark.parametrize(
    "error",
    [
        TimedOut("t"),
        ConnectionFailed("t"),
        ServiceOverloaded("t"),
        ServiceFailed("t"),
        OperationInProgress("t"),
    ],
)
async def test_transient_errors_are_retried(error: InventoryError) -> None:
    """A fault of the service that may pass is retried, and so is a request it still works on."""
    bench = Bench(inner := Failing(error, error))

    await bench.layer.read([A], CALL)
    assert 3 == len(inner.reads)

    inner.errors = [error]
    await bench.layer.initialize(an_initial_stock(A), CALL)
    assert 2 == len(inner.initializations)


@pytest.mark.parametrize(
    "error",
    [PathFailed("a page of HTML"), ConnectionFailed("cut short", scope=FaultScope.PATH)],
)
async def test_a_fault_on_the_way(error: InventoryError) -> None:
    """A fault on the way is retried for a read, and never for a write."""
    bench = Bench(inner := Failing(error))
    await bench.layer.read([A], CALL)
    inner.errors = [error]

    with pytest.raises(type(error)):
        await bench.layer.initialize(an_initial_stock(A), CALL)

    assert (2, 1) == (len(inner.reads), len(inner.initializations))


@pytest.mark.parametrize("reached", [ReachedService.UNKNOWN, ReachedService.YES])
async def test_a_request_that_this_process_spoiled(reached: ReachedService) -> None:
    """What was sent and lost by this process's own fault is repeated, a write with its key."""
    error = TimedOut("a dead connection", scope=FaultScope.PROCESS, reached_service=reached)
    bench = Bench(inner := Failing(error))
    await bench.layer.read([A], CALL)
    inner.errors = [error]
    await bench.layer.initialize(an_initial_stock(A), CALL)

    assert (2, 2) == (len(inner.reads), len(inner.initializations))


@pytest.mark.parametrize(
    "error",
    [
        CircuitOpen("x"),
        OverloadedHere("x"),
        DeadlineExceeded("x"),
        RequestRejected("x"),
        Conflict("x"),
        Unauthorized("x"),
        ContractViolation("x"),
        AdapterFault("x"),
        InsecureConnection("x"),
        CredentialsUnavailable("x"),
        RequestBlocked("x"),
        ServiceFailed("x", scope=FaultScope.REQUEST),
        ServiceFailed("x", scope=FaultScope.ELEMENT),
        ServiceOverloaded("x", scope=FaultScope.PROCESS, reached_service=ReachedService.NO),
        InventoryError("x"),
        KeyError("x"),
        TimeoutError("x"),
    ],
)
async def test_other_errors_are_not_retried(error: Exception) -> None:
    """All that no repetition mends at once reaches the caller as it is."""
    bench = Bench(inner := ScriptedPort(raising(error)))

    with pytest.raises(type(error)) as info:
        await bench.layer.read([A], CALL)

    assert error is info.value
    assert (1, [], []) == (len(inner.reads), bench.signals, bench.uniform.bounds)


async def test_signals() -> None:
    """Each retry is signalled with the failed attempt, its error and the pause."""
    first, second = late(2)
    bench = Bench(Failing(first, second))

    await bench.layer.read([A], CALL)

    assert [
        Retrying(Operation.READ, 1, 0.05, first, "page-17"),
        Retrying(Operation.READ, 2, 0.1, second, "page-17"),
    ] == bench.signals


async def test_the_budget_is_spent() -> None:
    """Without a token the call is not repeated: its error is raised, and the cause is signalled."""
    bench = Bench(inner := Failing(*late(3)), budget=RetryBudget(ratio=0, reserve=1))
    began = LoopClock().monotonic()

    with pytest.raises(TimedOut, match="late 2") as info:
        await bench.layer.read([A], CALL)

    assert 2 == len(inner.reads)
    assert RetryBudgetExhausted(Operation.READ, info.value, "page-17") == bench.signals[-1]
    assert [Retrying, RetryBudgetExhausted] == [type(signal) for signal in bench.signals]
    assert 0.05 == pytest.approx(LoopClock().monotonic() - began)


async def test_the_last_attempt_is_not_about_the_budget() -> None:
    """After the last attempt no exhausted budget is signalled."""
    bench = Bench(Failing(*late(3)), budget=RetryBudget(ratio=0, reserve=2))

    with pytest.raises(TimedOut, match="late 3"):
        await bench.layer.read([A], CALL)

    assert [Retrying, Retrying] == [type(signal) for signal in bench.signals]


async def test_first_attempts_fill_the_budget() -> None:
    """A call adds its share once, however often it is repeated."""
    bench = Bench(Failing(*late(2)), budget=RetryBudget(ratio=0.5, reserve=3))

    await bench.layer.read([A], CALL)

    assert 1.5 == bench.budget.tokens


@pytest.mark.parametrize(
    ("error", "tokens"),
    [
        (CircuitOpen("x"), 3.0),
        (OverloadedHere("x"), 3.0),
        (ServiceOverloaded("x", scope=FaultScope.PROCESS, reached_service=ReachedService.NO), 3.0),
        (CredentialsUnavailable("x"), 3.0),
        (DeadlineExceeded("x", reached_service=ReachedService.NO), 3.0),
        (DeadlineExceeded("x"), 3.5),
        (Unauthorized("x"), 3.5),
        (RequestRejected("x"), 3.5),
    ],
)
async def test_what_was_not_sent_fills_no_budget(error: InventoryError, tokens: float) -> None:
    """Only first attempts that were sent add to the budget."""
    bench = Bench(Failing(error), budget=RetryBudget(ratio=0.5, reserve=3))

    with pytest.raises(type(error)):
        await bench.layer.read([A], CALL)

    assert tokens == bench.budget.tokens


async def test_no_connection_is_an_attempt() -> None:
    """An attempt without a connection adds to the budget: the service is to be spared."""
    error = ConnectionFailed("refused", reached_service=ReachedService.NO)
    bench = Bench(Failing(error), budget=RetryBudget(ratio=0.5, reserve=3))

    await bench.layer.read([A], CALL)

    assert 2.5 == bench.budget.tokens


@pytest.mark.parametrize("attempts", [2, 3, 10])
async def test_a_crowd_at_a_dead_service(attempts: int) -> None:
    """200 callers that all fail send at most a tenth more requests, plus the reserve."""
    inner = ScriptedPort(raising(ConnectionFailed("dead")))
    bench = Bench(inner, RetryOptions(max_attempts=attempts), RetryBudget())
    layer = bench.layer

    results = await asyncio.gather(
        *(layer.read([an_id(n)], CALL) for n in range(1, 201)), return_exceptions=True
    )

    assert {ConnectionFailed} == {type(result) for result in results}
    assert 200 < len(inner.reads) <= 1.1 * 200 + 3


async def test_cancelled_during_a_pause() -> None:
    """A call that is cancelled during a pause ends at once, and sends no more."""
    bench = Bench(inner := Failing(*late(9)), RetryOptions(base_delay=10, max_delay=10))
    task = asyncio.create_task(bench.layer.read([A], CALL))
    await asyncio.sleep(5)
    began = LoopClock().monotonic()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(60)

    assert 1 == len(inner.reads)
    assert 60 == LoopClock().monotonic() - began


async def test_cancelled_during_an_attempt() -> None:
    """A cancelled attempt is not a failure."""

    async def hang(ids: Ids, call: Call) -> Answers:
        await asyncio.Event().wait()
        return {}

    bench = Bench(inner := ScriptedPort(hang))
    task = asyncio.create_task(bench.layer.read([A], CALL))
    await asyncio.sleep(1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (1, []) == (len(inner.reads), bench.signals)


async def test_an_initialization_is_repeated_as_it_is() -> None:
    """Every attempt sends the same request, with the same idempotency key."""
    request, error = an_initial_stock(A), TimedOut("late")
    bench = Bench(inner := Failing(error, ServiceFailed("500")))

    outcome = await bench.layer.initialize(request, CALL)

    assert isinstance(outcome, Created)
    assert [request] * 3 == [sent for sent, _ in inner.initializations]
    assert {id(request)} == {id(sent) for sent, _ in inner.initializations}
    assert [1, 2, 3] == [call.attempt for _, call in inner.initializations]
    assert Retrying(Operation.INITIALIZE, 1, 0.05, error, "page-17") == bench.signals[0]


async def test_a_conflict_is_not_repeated() -> None:
    """A permanent error of an initialization is not retried."""
    bench = Bench(inner := Failing(Conflict("another request's key")))

    with pytest.raises(Conflict):
        await bench.layer.initialize(an_initial_stock(A), CALL)

    assert 1 == len(inner.initializations)


async def test_reads_and_initializations_share_one_budget() -> None:
    """Reads and initializations share one budget."""
    bench = Bench(Failing(*late(9)), budget=RetryBudget(ratio=0, reserve=1))
    with pytest.raises(TimedOut):
        await bench.layer.read([A], CALL)
    bench.signals.clear()

    with pytest.raises(TimedOut) as info:
        await bench.layer.initialize(an_initial_stock(A), CALL)

    assert [RetryBudgetExhausted(Operation.INITIALIZE, info.value, "page-17")] == bench.signals


async def test_nothing_asked() -> None:
    """No ids, no call below, and nothing in the budget for it."""
    bench = Bench(inner := ScriptedPort(), budget=RetryBudget())

    assert {} == await bench.layer.read([], DEFAULT_CALL)
    assert ([], 3.0) == (inner.reads, bench.budget.tokens)


def test_the_budget_of_the_options() -> None:
    """The options' share and reserve make the budget."""
    budget = RetryOptions(budget_ratio=0.25, budget_reserve=7).budget()

    assert RetryBudget(ratio=0.25, reserve=7) == budget
    assert 7 == budget.tokens


@pytest.mark.parametrize("attempts", [0, 11, -1, True, "3"])
def test_absurd_numbers_of_attempts(attempts: object) -> None:
    """Less than one attempt, or more than ten, are refused."""
    with pytest.raises(ValueError, match=r"^max_attempts is"):
        RetryOptions(max_attempts=attempts)  # type: ignore[arg-type]  # the point of the test


def test_the_first_pause_is_not_longer_than_the_longest() -> None:
    """A `base_delay` above `max_delay` is refused by name; equal ones are allowed."""
    with pytest.raises(ValueError, match="base_delay") as info:
        RetryOptions(base_delay=1.5, max_delay=1)

    assert "base_delay is 1.5: it must be at most max_delay (1 seconds)" == str(info.value)
    assert 1.5 == RetryOptions(base_delay=1.5, max_delay=1.5).max_delay


def test_shown() -> None:
    """Its repr shows the layer below and the options."""
    options = RetryOptions(max_attempts=7)
    inner = ScriptedPort()

    assert f"RetryLayer(inner={inner!r}, options={options!r})" == repr(Bench(inner, options).layer)
