import asyncio

import attrs
import pytest

from shelfport import InventoryError, ProductVariantId, StockReading
from shelfport.adapters.layers import IsolationLayer
from shelfport.adapters.layers.isolation import CHECK_INTERVAL
from shelfport.errors import CircuitOpen, DeadlineExceeded, TimedOut
from shelfport.ports import Call
from tests.adapters.layers.test_isolation import (
    CALL,
    A,
    B,
    C,
    D,
    Service,
    after,
    error_in,
    error_of,
    the_first,
    unread,
)
from tests.support.clocks import LoopClock

pytestmark = pytest.mark.looptime(start=1000)


@attrs.define
class Ports:
    """An isolation over a port with retries, and the one below them."""

    repeated: Service
    attempts: Service
    layer: IsolationLayer

    def clear(self) -> None:
        self.repeated.reads.clear()
        self.attempts.reads.clear()


@pytest.fixture
def ports() -> Ports:
    repeated, attempts = Service(C), Service(C)
    return Ports(repeated, attempts, IsolationLayer(repeated, LoopClock(), the_first, attempts))


async def test_its_parts_are_attempts(ports: Ports) -> None:
    """The parts of a batch that failed are read without retries."""
    answers = await ports.layer.read([A, B, C, D], CALL)

    assert [C] == unread(answers)
    assert [[A, B, C, D]] == ports.repeated.asked
    assert [A] == ports.attempts.asked[0]
    assert [C] in ports.attempts.asked


async def test_a_suspect_is_checked_by_an_attempt(ports: Ports) -> None:
    """A suspect is asked for without retries, and the others beside it as ever."""
    await ports.layer.read([A, B, C, D], CALL)
    await after(CHECK_INTERVAL)
    ports.clear()

    await ports.layer.read([A, B, C], CALL)

    assert ([[A, B]], [[C]]) == (ports.repeated.asked, ports.attempts.asked)


async def test_one_that_is_no_suspect_is_repeated(ports: Ports) -> None:
    """A variant that is no suspect yet, or no longer, is read with retries."""
    await error_of(ports.layer, C)
    assert ([[C]], []) == (ports.repeated.asked, ports.attempts.asked)

    ports.repeated.poison.clear()
    await ports.layer.read([C], CALL)
    ports.clear()
    await ports.layer.read([C], CALL)

    assert ([[C]], []) == (ports.repeated.asked, ports.attempts.asked)


async def suspicious(ports: Ports) -> Ports:
    """The same, when two suspects are due: B before C."""
    for variant in (B, C):
        ports.attempts.poison.add(variant)
        ports.repeated.poison.add(variant)
        await ports.layer.read([A], CALL)
        await error_of(ports.layer, variant)
        await after(0.1)
    await after(CHECK_INTERVAL)
    ports.clear()
    return ports


def soon() -> Call:
    return attrs.evolve(CALL, deadline=LoopClock().monotonic() + 0.05)


async def test_a_check_that_is_cut_short(ports: Ports) -> None:
    """A check that the caller's deadline ends does not keep the next caller from one."""
    await suspicious(ports)
    ports.attempts.delay = 0.1
    error = await error_of(ports.layer, B, call=soon())
    assert DeadlineExceeded is type(error)

    ports.attempts.poison.clear()
    answers = await ports.layer.read([C], CALL)

    assert isinstance(answers[C], StockReading)


async def test_a_check_whose_caller_leaves(ports: Ports) -> None:
    """Nor does a check whose caller is cancelled."""
    await suspicious(ports)
    ports.attempts.delay = 60
    leaving = asyncio.create_task(ports.layer.read([B], CALL))
    await after(0.05)
    leaving.cancel()
    await asyncio.wait({leaving})

    ports.attempts.delay = 0
    ports.attempts.poison.clear()

    assert isinstance((await ports.layer.read([C], CALL))[C], StockReading)


@pytest.mark.parametrize(
    ("error", "asked"), [(CircuitOpen("open"), [[B], [C]]), (TimedOut("late"), [[B]])]
)
async def test_a_check_that_fails(
    ports: Ports, error: InventoryError, asked: list[list[ProductVariantId]]
) -> None:
    """Nor does a check that was not sent; one that failed for another reason does."""
    await suspicious(ports)
    ports.attempts.errors[B] = error
    assert error is error_in((await ports.layer.read([A, B], CALL))[B])

    await ports.layer.read([A, C], CALL)

    assert asked == ports.attempts.asked


async def test_one_check_at_a_time(ports: Ports) -> None:
    """While one suspect is asked for, no other is."""
    await suspicious(ports)
    ports.attempts.delay = 0.5
    checking = asyncio.create_task(ports.layer.read([A, B], CALL))
    await after(0.1)
    await ports.layer.read([A, C], CALL)
    await checking

    assert [[B]] == ports.attempts.asked
