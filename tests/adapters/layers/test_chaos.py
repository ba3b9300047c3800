import asyncio

import pytest

from shelfport import (
    DEFAULT_CALL,
    Chaos,
    ConnectionFailed,
    Operation,
    ServiceOverloaded,
    StockReading,
    TimedOut,
)
from tests.support.ports import ScriptedPort
from tests.support.values import an_id, an_initial_stock

A = an_id(1)
pytestmark = pytest.mark.looptime


@pytest.fixture
def inner() -> ScriptedPort:
    return ScriptedPort()


@pytest.fixture
def chaos(inner: ScriptedPort) -> Chaos:
    return Chaos(inner, lambda low, high: 0.3)


async def test_no_trouble_at_first(chaos: Chaos, inner: ScriptedPort) -> None:
    """Without a switch on, calls pass as they are."""
    request = an_initial_stock(A)

    assert isinstance((await chaos.read([A], DEFAULT_CALL))[A], StockReading)
    await chaos.initialize(request, DEFAULT_CALL)
    assert [(request, DEFAULT_CALL)] == inner.initializations


async def test_latency(chaos: Chaos) -> None:
    """A call takes as much longer as was set."""
    chaos.latency = 3
    started = asyncio.get_running_loop().time()
    await chaos.read([A], DEFAULT_CALL)

    assert 3 == asyncio.get_running_loop().time() - started


@pytest.mark.parametrize(("rate", "fails"), [(0.3, False), (0.31, True), (1, True)])
async def test_errors(chaos: Chaos, inner: ScriptedPort, rate: float, fails: bool) -> None:
    """The share of calls that was set fails, before anything happened."""
    chaos.error_rate = rate
    try:
        await chaos.read([A], DEFAULT_CALL)
    except ConnectionFailed:
        assert fails
        assert [] == inner.reads
    else:
        assert not fails


async def test_errors_of_ones_own(chaos: Chaos) -> None:
    """Which error it is can be set."""
    chaos.error_rate, chaos.error = 1, ServiceOverloaded("busy", retry_after=2)

    with pytest.raises(ServiceOverloaded, match="busy"):
        await chaos.initialize(an_initial_stock(A), DEFAULT_CALL)


async def test_hang(chaos: Chaos) -> None:
    """A call that hangs ends when its caller has had enough."""
    chaos.hang = True

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1000):
            await chaos.read([A], DEFAULT_CALL)


async def test_lost_answers(chaos: Chaos, inner: ScriptedPort) -> None:
    """A call takes effect, and its caller cannot know."""
    chaos.lose_answers = True

    with pytest.raises(TimedOut) as info:
        await chaos.initialize(an_initial_stock(A), DEFAULT_CALL)

    assert 1 == len(inner.initializations)
    assert (Operation.INITIALIZE, (A,)) == (info.value.operation, info.value.ids)


async def test_nothing_asked(chaos: Chaos) -> None:
    """Whatever is on, nothing asked is nothing answered."""
    chaos.hang = True

    assert {} == await chaos.read([], DEFAULT_CALL)
