"""The number of requests to a dead service, and to one that comes back."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import pytest

from shelfport import (
    Settings,
    StockReading,
    SystemClock,
    TransientError,
    Unavailable,
    UnavailableReason,
    build,
)
from shelfport.adapters.layers import RetryLayer
from shelfport.http import HttpInventory
from shelfport.options import BreakerOptions, HttpOptions, RetryOptions
from shelfport.ports import DEFAULT_CALL
from shelfport.ports.signals import Signal
from tests.faults.servers import Trouble, answer, reset, unavailable, wired
from tests.support.figures import Report
from tests.support.values import an_id, ids

Calls = Sequence[Callable[[], Awaitable[object]]]
Arrival = Callable[[Calls], Awaitable["asyncio.Future[list[object]]"]]
"""Returns when all calls have begun; what it returns is done when all have ended."""
CALLERS = 200
dead = pytest.mark.parametrize("trouble", [reset, unavailable])


def ignore(signal: Signal) -> None:
    """Discard the signal."""


def retried(http: HttpInventory) -> RetryLayer:
    options = RetryOptions()
    uniform = random.Random(7).uniform
    return RetryLayer(http, SystemClock(), options, options.budget(), uniform, ignore)


async def together(calls: Calls) -> "asyncio.Future[list[object]]":
    """All calls start in one turn of the loop."""
    tasks = [asyncio.ensure_future(call()) for call in calls]
    await asyncio.sleep(0)
    return asyncio.gather(*tasks, return_exceptions=True)


async def in_turns(calls: Calls) -> "asyncio.Future[list[object]]":
    """All calls run at once, but start in turns of their own, so that they share no request."""
    tasks = []
    for call in calls:
        tasks.append(asyncio.ensure_future(call()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return asyncio.gather(*tasks, return_exceptions=True)


@dead
async def test_retried_alone(report: Report, trouble: Trouble) -> None:
    """200 callers send a dead service at most 1.2 times as much as without repetitions."""
    # Patient: on a busy machine 200 connections at once may take longer than a page would wait.
    patient = HttpOptions(connect_timeout=30, attempt_timeout=30)
    async with (
        wired(trouble) as wire,
        HttpInventory(wire.url, clock=SystemClock(), options=patient) as http,
    ):
        layer = retried(http)
        calls = [partial(layer.read, [variant], DEFAULT_CALL) for variant in ids(CALLERS)]
        results = await (await together(calls))

    assert all(isinstance(result, TransientError) for result in results)
    report(f"{wire.requests} requests of {CALLERS} callers, {wire.requests / CALLERS:.3f}x")
    assert CALLERS <= wire.requests <= 1.2 * CALLERS


@dead
@pytest.mark.parametrize("arrival", [together, in_turns])
async def test_the_default_stack(
    report: Report,
    trouble: Trouble,
    arrival: Arrival,
) -> None:
    """200 callers of the whole stack send a dead service at most 1.2 times as many requests."""
    async with wired(trouble) as wire, build(Settings(base_url=wire.url)) as inventory:
        calls = [partial(inventory.get_stock_level, variant) for variant in ids(CALLERS)]
        results = await (await arrival(calls))

    assert {Unavailable} == {type(result) for result in results}
    report(f"{wire.requests} requests of {CALLERS} callers, {wire.requests / CALLERS:.3f}x")
    assert 1 <= wire.requests <= 1.2 * CALLERS


class DyingConnection:
    """Answers the first request of the first connection, and drops that at the second."""

    def __init__(self) -> None:
        self.answered = 0
        self.dropped = 0

    async def trouble(self, writer: asyncio.StreamWriter, target: bytes) -> None:
        if self.answered == 1 and not self.dropped:
            self.dropped += 1
            writer.transport.abort()
            return
        self.answered += 1
        await answer(writer, target)


async def test_a_kept_connection_that_died(report: Report) -> None:
    """A read over a kept connection that was closed goes over a new one, and is one attempt."""
    service = DyingConnection()
    async with (
        wired(service.trouble) as wire,
        HttpInventory(wire.url, clock=SystemClock()) as http,
    ):
        await http.read([an_id(1)], DEFAULT_CALL)
        before = wire.requests
        answers = await http.read([an_id(1)], DEFAULT_CALL)

    assert isinstance(answers[an_id(1)], StockReading)
    assert 1 == service.dropped
    report(f"{wire.requests - before} requests on the wire, 1 of them over a closed connection")
    assert 2 == wire.requests - before


@pytest.mark.parametrize("arrival", [together, in_turns])
async def test_probes_of_a_service_that_comes_back(
    report: Report,
    arrival: Arrival,
) -> None:
    """When the service is back, 50 callers send it one request until that is answered."""
    asked, back = asyncio.Event(), asyncio.Event()

    async def slowly(writer: asyncio.StreamWriter, target: bytes) -> None:
        asked.set()
        await back.wait()
        await answer(writer, target)

    async with wired(unavailable) as wire:
        settings = Settings(base_url=wire.url, breaker=BreakerOptions(open_duration=0.3, jitter=0))
        async with build(settings) as inventory:
            await (await in_turns([partial(inventory.get_stock_level, v) for v in ids(20)]))
            shown = await inventory.get_stock_level(an_id(21))
            assert Unavailable(UnavailableReason.CIRCUIT_OPEN) == shown
            wire.trouble, wire.requests = slowly, 0
            await asyncio.sleep(0.4)

            asking = await arrival([partial(inventory.get_stock_level, v) for v in ids(50)])
            await asyncio.wait_for(asked.wait(), 5)
            await asyncio.sleep(0.1)
            report(f"{wire.requests} probe(s) while 50 callers wait")
            assert 1 == wire.requests
            back.set()
            await asking
            assert 1 == wire.requests

            assert isinstance(await inventory.get_stock_level(an_id(99)), StockReading)
