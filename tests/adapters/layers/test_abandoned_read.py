import asyncio
from collections.abc import AsyncIterator

import attrs
import pytest

from shelfport import Created, InventoryError
from shelfport.adapters.layers import AbandonedReadLayer
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.request_context import ambient, request_context
from shelfport.errors import (
    DeadlineExceeded,
    FaultScope,
    Operation,
    OverloadedHere,
    ReachedService,
    TimedOut,
)
from shelfport.ports import DEFAULT_CALL, Call
from tests.support.clocks import LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, an_initial_stock, ids

A, B = ids(2)
ATTEMPT_TIMEOUT = 1.0
pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0


class Service(ScriptedPort):
    """Takes `delay` seconds; keeps the attempt timeout, if it is `honest`; counts outcomes."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.delay = 0.0
        self.honest = True
        self.error: Exception | None = None
        self.outcomes: list[str] = []

    async def _answer(self, ids: Ids, call: Call) -> Answers:
        outcome = "cancelled"
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT if self.honest else None):
                await asyncio.sleep(self.delay)
            outcome = "answered"
        except TimeoutError as error:
            outcome = "timed out"
            raise TimedOut("late", ids=ids) from error
        finally:
            self.outcomes.append(outcome)
        if self.error is not None:
            raise self.error
        return {variant: a_reading(variant) for variant in ids}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    async with Background() as background:
        yield background


@pytest.fixture
def layer(service: Service, background: Background) -> AbandonedReadLayer:
    return AbandonedReadLayer(service, LoopClock(), background, ATTEMPT_TIMEOUT)


def within(seconds: float) -> Call:
    deadline = LoopClock().monotonic() + seconds
    return Call(deadline=deadline, correlation_id="page-17", max_staleness=3, attempt=2)


async def error_of(layer: AbandonedReadLayer, call: Call) -> InventoryError:
    with pytest.raises(InventoryError) as info:
        await layer.read([A, B], call)
    return info.value


@pytest.mark.parametrize("seconds", [1.0, 1.5, 0.0, -1.0])
async def test_enough_time(
    layer: AbandonedReadLayer, service: Service, background: Background, seconds: float
) -> None:
    """A read with the time for an attempt, or with none at all, is forwarded as it is."""
    call, asked = within(seconds), [A, B]
    read = asyncio.create_task(layer.read(asked, call))
    await asyncio.sleep(0)

    assert 0 == len(background)
    assert [A, B] == list(await read)
    assert [(asked, call)] == service.reads
    assert call is service.reads[0][1]


async def test_no_deadline(layer: AbandonedReadLayer, service: Service) -> None:
    """A read without a deadline is forwarded as it is."""
    await layer.read([A], DEFAULT_CALL)

    assert DEFAULT_CALL is service.reads[0][1]


async def test_nothing_asked(layer: AbandonedReadLayer, service: Service) -> None:
    """No ids, no call below."""
    assert {} == await layer.read([], within(0.5))
    assert [] == service.reads


async def test_an_answer_in_time(layer: AbandonedReadLayer, service: Service) -> None:
    """A short read that is answered in time is answered; below, it has no deadline."""
    service.delay, call = 0.4, within(0.5)

    answers = await layer.read([A, B], call)

    assert [A, B] == list(answers)
    assert [([A, B], attrs.evolve(call, deadline=None))] == service.reads


async def test_a_failure_in_time(layer: AbandonedReadLayer, service: Service) -> None:
    """A short read that fails in time fails with that error."""
    service.error = TimedOut("x")

    assert service.error is await error_of(layer, within(0.5))


async def test_an_initialization_is_forwarded(layer: AbandonedReadLayer, service: Service) -> None:
    """A write is forwarded as it is, however little time it has."""
    request, call = an_initial_stock(A), within(0.1)

    assert isinstance(await layer.initialize(request, call), Created)
    assert [(request, call)] == service.initializations


async def test_the_deadline(layer: AbandonedReadLayer, service: Service) -> None:
    """At the deadline the caller gets its own error, about its own request."""
    service.delay = 60.0

    error = await error_of(layer, within(0.5))

    assert 1000.5 == LoopClock().monotonic()
    assert "the deadline passed while waiting for the Inventory Service" == str(error)
    assert (DeadlineExceeded, FaultScope.CALLER) == (type(error), error.scope)
    assert ReachedService.UNKNOWN is error.reached_service
    assert (Operation.READ, (A, B)) == (error.operation, error.ids)
    assert ("page-17", 2) == (error.correlation_id, error.attempts)


@pytest.mark.parametrize(("delay", "outcome"), [(60.0, "timed out"), (0.9, "answered")])
async def test_it_runs_on(
    layer: AbandonedReadLayer, service: Service, delay: float, outcome: str
) -> None:
    """After the deadline the read runs on until the adapter ends it, by an answer or a failure."""
    service.delay = delay
    await error_of(layer, within(0.5))
    assert [] == service.outcomes
    await asyncio.sleep(0.51)

    assert [outcome] == service.outcomes


async def test_two_run_on(layer: AbandonedReadLayer, service: Service) -> None:
    """Two reads run on at a time; the others are cancelled at their deadline."""
    service.delay = 60.0
    await asyncio.gather(*(error_of(layer, within(0.5)) for _ in range(5)))
    await asyncio.sleep(0)
    assert ["cancelled"] * 3 == service.outcomes
    await asyncio.sleep(0.51)
    assert ["timed out"] * 2 == service.outcomes[3:]

    service.outcomes.clear()
    await asyncio.gather(*(error_of(layer, within(0.5)) for _ in range(2)))
    await asyncio.sleep(0.51)

    assert ["timed out"] * 2 == service.outcomes


async def test_a_caller_that_leaves(layer: AbandonedReadLayer, service: Service) -> None:
    """The read of a caller that is cancelled runs on, too."""
    service.delay = 60.0
    caller = asyncio.create_task(layer.read([A], within(0.5)))
    await asyncio.sleep(0.1)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.sleep(1)

    assert ["timed out"] == service.outcomes


async def test_a_read_without_an_end(
    service: Service, background: Background, caplog: pytest.LogCaptureFixture
) -> None:
    """A read that its adapter does not end is cancelled after twice the attempt timeout."""
    layer = AbandonedReadLayer(service, LoopClock(), background, attempt_timeout=0.8)
    service.delay, service.honest = 60.0, False
    await error_of(layer, within(0.5))
    await asyncio.sleep(1.09)
    assert [] == service.outcomes
    await asyncio.sleep(0.02)

    assert ["cancelled"] == service.outcomes
    assert "" == caplog.text


async def test_it_has_the_callers_context(layer: AbandonedReadLayer, service: Service) -> None:
    """The read runs in the context of its caller, to whom it belongs alone."""
    seen: list[tuple[str | None, str | None]] = []

    async def script(ids: Ids, call: Call) -> Answers:
        seen.append(ambient())
        return {variant: a_reading(variant) for variant in ids}

    service.script = script
    with request_context(correlation_id="page-17"):
        await layer.read([A], within(0.5))

    assert [("page-17", None)] == seen


@pytest.mark.parametrize("error", [KeyError("bug"), TimeoutError("bug")])
async def test_a_bug(layer: AbandonedReadLayer, service: Service, error: Exception) -> None:
    """A bug of the adapter reaches the caller as it is."""
    service.error = error

    with pytest.raises(type(error)) as info:
        await layer.read([A], within(0.5))
    assert error is info.value


async def test_a_bug_of_an_abandoned_read(
    layer: AbandonedReadLayer, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug that shows when the caller has left is logged."""
    service.delay, service.error = 0.9, TimeoutError("bug")
    await error_of(layer, within(0.5))
    await asyncio.sleep(0.5)

    assert "inventory attempt failed: this is a bug" in caplog.text


async def test_shutting_down(service: Service) -> None:
    """A caller whose attempt ends with the process gets an error, and is not cancelled itself."""
    service.delay = 60.0
    async with Background() as background:
        layer = AbandonedReadLayer(service, LoopClock(), background, ATTEMPT_TIMEOUT)
        caller = asyncio.create_task(error_of(layer, within(0.5)))
        await asyncio.sleep(0.1)

    error = await caller
    assert (OverloadedHere, "this process is shutting down") == (type(error), str(error))
    assert (Operation.READ, (A, B), "page-17") == (error.operation, error.ids, error.correlation_id)


async def test_an_abandoned_read_ends_with_the_process(service: Service) -> None:
    """A read that runs on is cancelled when its scope is left."""
    service.delay = 60.0
    async with Background() as background:
        layer = AbandonedReadLayer(service, LoopClock(), background, ATTEMPT_TIMEOUT)
        await error_of(layer, within(0.5))

    assert ["cancelled"] == service.outcomes
