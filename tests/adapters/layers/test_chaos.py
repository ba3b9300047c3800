import asyncio

import pytest

from shelfport import (
    Created,
    InventoryError,
    ProductVariantId,
    StockReading,
)
from shelfport.errors import (
    ConnectionFailed,
    Operation,
    ReachedService,
    ServiceOverloaded,
    TimedOut,
)
from shelfport.layers import ChaosLayer
from shelfport.ports import DEFAULT_CALL, Call
from tests.support.ports import ScriptedPort
from tests.support.values import an_id, an_initial_stock

A, B = an_id(1), an_id(2)
CALL = Call(correlation_id="page-17", max_staleness=3, attempt=2)
pytestmark = pytest.mark.looptime


@pytest.fixture
def inner() -> ScriptedPort:
    return ScriptedPort()


@pytest.fixture
def chaos(inner: ScriptedPort) -> ChaosLayer:
    return ChaosLayer(inner, lambda low, high: low + 0.3 * (high - low))


def told(
    error: InventoryError,
) -> tuple[
    str, Operation | None, tuple[ProductVariantId, ...], str | None, int, ReachedService, int | None
]:
    """All that the error says."""
    return (
        str(error),
        error.operation,
        error.ids,
        error.correlation_id,
        error.attempts,
        error.reached_service,
        error.status,
    )


async def test_no_faults_at_first(chaos: ChaosLayer, inner: ScriptedPort) -> None:
    """With every switch off, calls are forwarded as they are."""
    request = an_initial_stock(A)

    assert isinstance((await chaos.read([A], CALL))[A], StockReading)
    assert isinstance(await chaos.initialize(request, CALL), Created)
    assert [([A], CALL)] == inner.reads
    assert [(request, CALL)] == inner.initializations


async def test_latency(chaos: ChaosLayer) -> None:
    """A call takes `latency` longer."""
    chaos.latency = 3
    started = asyncio.get_running_loop().time()
    await chaos.read([A], DEFAULT_CALL)

    assert 3 == asyncio.get_running_loop().time() - started


@pytest.mark.parametrize(("rate", "fails"), [(0.3, False), (0.31, True), (1, True)])
async def test_errors(chaos: ChaosLayer, inner: ScriptedPort, rate: float, fails: bool) -> None:
    """`error_rate` of the calls fail, before they are forwarded."""
    chaos.error_rate = rate
    try:
        await chaos.read([A], DEFAULT_CALL)
    except ConnectionFailed:
        assert fails
        assert [] == inner.reads
    else:
        assert not fails


async def test_the_error_can_be_set(chaos: ChaosLayer) -> None:
    """`error` sets the error."""
    chaos.error_rate, chaos.error = 1, ServiceOverloaded("busy", retry_after=2)

    with pytest.raises(ServiceOverloaded, match="busy"):
        await chaos.initialize(an_initial_stock(A), DEFAULT_CALL)


async def test_an_error_is_about_its_call(chaos: ChaosLayer) -> None:
    """Each call raises a new error, about its own request."""
    chaos.error_rate = 1

    with pytest.raises(ConnectionFailed) as read:
        await chaos.read([A, B], CALL)
    with pytest.raises(ConnectionFailed) as initialized:
        await chaos.initialize(an_initial_stock(A), CALL)

    sentence, unknown = "chaos: the connection failed", ReachedService.UNKNOWN
    assert (sentence, Operation.READ, (A, B), "page-17", 2, unknown, None) == told(read.value)
    assert (sentence, Operation.INITIALIZE, (A,), "page-17", 2, unknown, None) == told(
        initialized.value
    )
    assert read.value is not chaos.error


async def test_a_set_error_keeps_its_answer(chaos: ChaosLayer) -> None:
    """Each raised error has the class, the sentence and the answer of the set error."""
    chaos.error_rate = 1
    chaos.error = ServiceOverloaded("busy", status=503, retry_after=2)

    with pytest.raises(ServiceOverloaded) as info:
        await chaos.read([A], CALL)

    assert ("busy", Operation.READ, (A,), "page-17", 2, ReachedService.YES, 503) == told(info.value)
    assert 2 == info.value.retry_after


async def test_hang(chaos: ChaosLayer) -> None:
    """A call that hangs ends when its caller cancels it."""
    chaos.hang = True

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1000):
            await chaos.read([A], DEFAULT_CALL)


async def test_lost_answers(chaos: ChaosLayer, inner: ScriptedPort) -> None:
    """A call takes effect, and then times out."""
    chaos.lose_answers = True

    with pytest.raises(TimedOut) as initialized:
        await chaos.initialize(an_initial_stock(A), CALL)
    with pytest.raises(TimedOut) as read:
        await chaos.read([A, B], CALL)

    assert (1, 1) == (len(inner.initializations), len(inner.reads))
    sentence, unknown = "chaos: the answer was lost", ReachedService.UNKNOWN
    assert (sentence, Operation.INITIALIZE, (A,), "page-17", 2, unknown, None) == told(
        initialized.value
    )
    assert (sentence, Operation.READ, (A, B), "page-17", 2, unknown, None) == told(read.value)


async def test_nothing_asked(chaos: ChaosLayer) -> None:
    """With any switch on, an empty read returns an empty mapping."""
    chaos.hang = True

    assert {} == await chaos.read([], DEFAULT_CALL)
