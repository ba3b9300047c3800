"""A deadline of 300 ms under every fault, in virtual time and over sockets."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from shelfport import (
    InMemoryInventory,
    InventoryError,
    InventoryPort,
    Settings,
    Unavailable,
    build,
)
from shelfport.adapters.composition.stack import Stack, compose
from shelfport.adapters.facade.host_ids import CanonicalIds
from shelfport.adapters.layers import CircuitBreaker
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import IdFormat
from shelfport.domain.services import StockLookup
from shelfport.errors import ConnectionFailed, DeadlineExceeded
from shelfport.layers import ChaosLayer
from shelfport.options import BreakerOptions, HttpOptions
from shelfport.ports import Call
from shelfport.ports.signals import Signal
from tests.faults.servers import (
    Trouble,
    answer,
    closed_port,
    drip,
    garbage,
    hang,
    reset,
    reset_in_body,
    truncated,
    wired,
)
from tests.support.clocks import LoopClock
from tests.support.figures import Report
from tests.support.values import an_id, an_initial_stock, ids

DEADLINE = 0.3
FAR = 20.0
"""Seconds after which anything but the caller's deadline would end a call over sockets."""
IN_TIME = 5.0
"""What a call with that deadline may take on a machine that is busy with other things."""


def ignore(signal: Signal) -> None:
    """Discard the signal."""


@asynccontextmanager
async def composed(adapter: InventoryPort) -> AsyncIterator[Stack]:
    """The default stack around `adapter`, in the loop's time."""
    settings = Settings()
    async with Background() as background:
        yield compose(
            adapter,
            settings,
            clock=LoopClock(),
            background=background,
            breaker=CircuitBreaker(settings.breaker, ignore),
            listener=ignore,
        )


def chaos() -> ChaosLayer:
    return ChaosLayer(InMemoryInventory(clock=LoopClock()), random.Random(7).uniform)


def hangs(port: ChaosLayer) -> None:
    port.hang = True


def takes_ten_seconds(port: ChaosLayer) -> None:
    port.latency = 10.0


def takes_a_tenth_and_fails(port: ChaosLayer) -> None:
    port.latency, port.error_rate = 0.1, 1.0
    port.error = ConnectionFailed("down", retry_after=0.05)


def loses_answers_late(port: ChaosLayer) -> None:
    port.latency, port.lose_answers = 0.29, True


@pytest.mark.looptime
@pytest.mark.parametrize("trouble", [hangs, takes_ten_seconds])
async def test_exactly_kept(trouble: Callable[[ChaosLayer], None]) -> None:
    """A caller of a service that does not answer gets its result exactly at the deadline."""
    trouble(port := chaos())
    clock = LoopClock()
    async with composed(port) as stack:
        lookup = StockLookup(stack.pages, stack.hits, CanonicalIds(IdFormat.UUID))

        async def view(number: int) -> tuple[float, object]:
            began = clock.monotonic()
            call = Call(deadline=began + DEADLINE)
            shown = await lookup.get_stock_level(an_id(number), call)
            return clock.monotonic() - began, shown

        for seconds in (0.0, 1.0, 1.0):
            await asyncio.sleep(seconds)
            results = await asyncio.gather(*(view(number) for number in range(1, 51)))
            assert [DEADLINE] * 50 == pytest.approx([took for took, _ in results], abs=1e-9)
            assert {Unavailable} == {type(shown) for _, shown in results}

        began = clock.monotonic()
        with pytest.raises(DeadlineExceeded):
            await stack.pages.initialize(an_initial_stock(), Call(deadline=began + DEADLINE))
        assert pytest.approx(clock.monotonic() - began, abs=1e-9) == DEADLINE


@pytest.mark.looptime
@pytest.mark.parametrize("trouble", [takes_a_tenth_and_fails, loses_answers_late])
async def test_never_later(trouble: Callable[[ChaosLayer], None]) -> None:
    """Attempts, back-off and waiting for a slot together never exceed the deadline."""
    trouble(port := chaos())
    clock = LoopClock()
    async with composed(port) as stack:

        async def ask(number: int, delay: float) -> float:
            await asyncio.sleep(delay)
            began = clock.monotonic()
            call = Call(deadline=began + DEADLINE)
            with pytest.raises(InventoryError):
                await stack.pages.read([an_id(number)], call)
            return clock.monotonic() - began

        took = await asyncio.gather(*(ask(n, n * 0.003) for n in range(1, 201)))

    assert max(took) <= DEADLINE + 1e-9
    assert max(took) > 0.09


def percentiles(durations: list[float]) -> str:
    """The percentiles of some durations."""
    ordered = sorted(durations)
    p50, p99 = (ordered[round(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    return (
        f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {ordered[-1] * 1000:.0f} ms "
        f"of {len(ordered)} calls with a deadline of {DEADLINE * 1000:.0f} ms"
    )


def patient(url: str) -> Settings:
    """Settings whose limits are all longer than the caller's deadline."""
    return Settings(
        base_url=url,
        deadline=3 * FAR,
        http=HttpOptions(attempt_timeout=FAR, connect_timeout=FAR),
        breaker=BreakerOptions(slow_call_duration=FAR, half_open_timeout=FAR),
    )


async def durations(url: str, *, rounds: int = 2, callers: int = 30) -> list[float]:
    """How long calls of the default stack take, in crowds whose callers share no request."""
    took: list[float] = []
    async with build(patient(url)) as inventory:

        async def view(number: int) -> None:
            began = time.monotonic()
            shown = await inventory.get_stock_level(an_id(number), deadline=DEADLINE)
            took.append(time.monotonic() - began)
            assert isinstance(shown, Unavailable)

        for start in range(rounds):
            tasks = []
            for number in range(callers):
                tasks.append(asyncio.create_task(view(1 + start * callers + number)))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            await asyncio.gather(*tasks)
    return took


@pytest.mark.parametrize("trouble", [reset, reset_in_body, truncated, garbage, hang, drip])
async def test_over_sockets(report: Report, trouble: Trouble) -> None:
    """A page is answered in time under every fault of the service."""
    async with wired(trouble) as wire:
        took = await durations(wire.url)

    report(percentiles(took))
    assert max(took) < IN_TIME


async def test_refused(report: Report) -> None:
    """A page is answered in time at a closed port."""
    took = await durations(f"http://127.0.0.1:{closed_port()}")

    report(percentiles(took))
    assert max(took) < IN_TIME


async def test_slow_dns(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is answered in time although its name takes 20 seconds to resolve."""

    async def slow(*args: object, **kwargs: object) -> list[object]:
        await asyncio.sleep(FAR)
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", slow)

    took = await durations("http://inventory.localhost:8080")

    report(percentiles(took))
    assert max(took) < IN_TIME


async def test_restarts_under_load(report: Report) -> None:
    """Every page is answered in time while the service restarts repeatedly."""
    port = closed_port()
    took: list[float] = []
    answered = 0
    stop = False
    async with build(patient(f"http://127.0.0.1:{port}")) as inventory:

        async def customer(first: int) -> None:
            nonlocal answered
            uniform = random.Random(first).uniform
            while not stop:
                began = time.monotonic()
                shown = await inventory.get_stock_level(
                    an_id(first), max_staleness=0, deadline=DEADLINE
                )
                took.append(time.monotonic() - began)
                answered += not isinstance(shown, Unavailable)
                await asyncio.sleep(uniform(0.0, 0.02))

        customers = [asyncio.create_task(customer(n)) for n in range(1, 17)]
        for _ in range(4):
            async with AsyncExitStack() as life:
                await life.enter_async_context(wired(answer, port))
                await asyncio.sleep(0.15)
            await asyncio.sleep(0.05)
        stop = True
        await asyncio.gather(*customers)

    report(f"{percentiles(took)}, {answered} of them with stock")
    assert answered
    assert max(took) < IN_TIME


async def test_a_page_of_many(report: Report) -> None:
    """A listing of 1,000 variants keeps the deadline, too."""
    async with wired(hang) as wire, build(patient(wire.url)) as inventory:
        began = time.monotonic()
        page = await inventory.get_stock_levels(ids(1000), deadline=DEADLINE)
        took = time.monotonic() - began

    assert {Unavailable} == {type(shown) for shown in page.values()}
    report(f"{took * 1000:.0f} ms for 1,000 variants in {wire.requests} requests")
    assert took < IN_TIME
