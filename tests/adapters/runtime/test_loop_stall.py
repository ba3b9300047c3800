"""`StallMeter`: how long the event loop stood still. Real blocking, so only coarse limits."""

import asyncio
import time

import pytest

from shelfport.adapters.runtime.loop_stall import StallMeter

STALL = 0.3
"""Seconds for which these tests block the loop."""
NOTICED = STALL - 0.06
"""What of it is noticed at least: all but one interval of the timer."""


def block() -> None:
    time.sleep(STALL)


def ticks(meter: StallMeter) -> bool:
    return meter._timer is not None


async def test_a_stall_is_measured() -> None:
    """A blocking call during a measurement is measured."""
    meter, began = StallMeter(), time.monotonic()
    begun = meter.begin()
    block()

    stalled = meter.end(begun)

    assert NOTICED <= stalled <= time.monotonic() - began


async def test_it_is_measured_once() -> None:
    """A stall that the timer has noticed is measured as well, and only once."""
    meter, began = StallMeter(), time.monotonic()
    begun = meter.begin()
    block()
    await asyncio.sleep(0.11)  # two ticks at least

    stalled = meter.end(begun)

    assert NOTICED <= stalled <= time.monotonic() - began


async def test_two_stalls() -> None:
    """Several stalls are added up."""
    meter = StallMeter()
    begun = meter.begin()
    for _ in range(2):
        block()
        await asyncio.sleep(0.06)

    assert 2 * NOTICED <= meter.end(begun)


@pytest.mark.looptime
async def test_waiting_is_no_stall() -> None:
    """Time that passes while the loop waits is none."""
    meter = StallMeter()
    begun = meter.begin()
    await asyncio.sleep(60)

    assert 0.0 == meter.end(begun)


async def test_an_earlier_stall() -> None:
    """A measurement that begins after a stall does not have it, also beside one that has."""
    meter = StallMeter()
    first = meter.begin()
    block()
    second = meter.begin()
    await asyncio.sleep(0.06)

    assert meter.end(first) - meter.end(second) >= NOTICED


async def test_a_stall_between_measurements() -> None:
    """A stall while nothing is measured is not measured later."""
    meter = StallMeter()
    meter.end(meter.begin())
    block()

    assert meter.end(meter.begin()) < NOTICED


@pytest.mark.looptime
async def test_no_timer_without_a_measurement() -> None:
    """When the last measurement ends, nothing is left in the loop."""
    meter = StallMeter()
    first, second = meter.begin(), meter.begin()
    await asyncio.sleep(1)
    meter.end(first)
    assert ticks(meter)
    meter.end(second)

    assert not ticks(meter)
    third = meter.begin()
    await asyncio.sleep(1)
    assert ticks(meter)
    meter.end(third)


def test_a_measurement_that_ends_without_a_loop() -> None:
    """A measurement may end when its loop is closed: a dropped call ends its own."""
    meter = StallMeter()

    async def begin() -> float:
        return meter.begin()

    begun = asyncio.run(begin())

    assert 0.0 <= meter.end(begun)


def test_a_loop_that_ended_during_a_measurement() -> None:
    """A measurement that its loop dropped does not keep a later loop from measuring."""
    meter = StallMeter()

    async def begin_only() -> None:
        meter.begin()

    async def measure() -> float:
        begun = meter.begin()
        await asyncio.sleep(STALL)
        return meter.end(begun)

    asyncio.run(begin_only())

    assert NOTICED > asyncio.run(measure())
