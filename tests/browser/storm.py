"""The cost of the ops page for an integration that makes 2,000 signals a second.

    python -m tests.browser.storm

One process, as in a host: an integration that is read as fast as possible, and signals at the rate
of the storm, as many callers of a failing service make them. Turns with the page, and a watcher in
a process of its own, alternate with turns without it. The figure is reads per second of processor
time, so that other processes do not count. The cost is measured twice: between the upper quartiles
of all turns, since other processes make turns slower and never faster, and as the median of the
pairs, since a machine is slower in one minute than in the next. What other processes do moves one
of the two; a page that costs more moves both, so the lower one is judged.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from statistics import median, quantiles
from typing import Any, Final

import attrs
from aiohttp import web

from shelfport import (
    InMemoryInventory,
    InventoryIntegration,
    Settings,
    SystemClock,
    build,
)
from shelfport.errors import Operation, ServiceOverloaded
from shelfport.ops import Recorder, ops_app
from shelfport.ports import Call
from shelfport.ports.signals import (
    Attempted,
    AttemptOutcome,
    CallRejected,
    RetryBudgetExhausted,
    Retrying,
    ServedStale,
    Signal,
)
from tests.support.values import ids

RATE: Final = 2_000
"""Signals a second."""
TURN: Final = 1.0
"""Seconds of one turn."""
PAIRS: Final = 30
BOUND: Final = 0.05
"""The share of the throughput that the page may cost."""
_TICK: Final = 0.01


def signals() -> Iterator[Signal]:
    """The signals of many callers of a failing service, for ever, each with its own id."""
    for number in cycle(range(1_000_000)):
        cid = f"storm-{number}"
        error = ServiceOverloaded(
            "http://127.0.0.1:8080 answered 503 Service Unavailable",
            operation=Operation.READ,
            correlation_id=cid,
        )
        call = Call(correlation_id=cid)
        yield Attempted(Operation.READ, 24, call, AttemptOutcome.FAILED, 0.012, error)
        yield Retrying(Operation.READ, 1, 0.05, error, cid)
        yield Attempted(Operation.READ, 24, call, AttemptOutcome.ANSWERED, 0.034)
        yield RetryBudgetExhausted(Operation.READ, error, cid)
        yield CallRejected(Operation.READ, error, cid)
        yield ServedStale(24, 31.0, cid)


@attrs.define
class Turn:
    """The figures of one turn."""

    reads: int = 0
    sent: int = 0
    seconds: float = 0.0
    """Of the processor."""

    @property
    def throughput(self) -> float:
        """Reads per second of the processor."""
        return self.reads / self.seconds


async def storm(turn: Turn, recorder: Recorder | None, until: float) -> None:
    """Send signals at the rate; late ones are sent as soon as possible."""
    made, began = signals(), time.monotonic()
    while (now := time.monotonic()) < until:
        due = int((now - began) * RATE) - turn.sent
        for signal in (next(made) for _ in range(due)):
            # Without a page the signals are made too: the difference is the recorder.
            if recorder is not None:
                recorder.signal(signal)
        turn.sent += due
        await asyncio.sleep(_TICK)


async def one_turn(inventory: InventoryIntegration, recorder: Recorder | None) -> Turn:
    """Read as fast as possible during a storm."""
    turn, page = Turn(), ids(24)
    until = time.monotonic() + TURN
    began = time.process_time()
    sending = asyncio.create_task(storm(turn, recorder, until))
    while time.monotonic() < until:
        for _ in range(20):
            await inventory.get_stock_levels(page)
            turn.reads += 1
        await asyncio.sleep(0)
    await sending
    turn.seconds = time.process_time() - began
    return turn


WATCHER: Final = """
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1]) as stream:
    for line in stream:
        if line.startswith(b"data: "):
            print(line.decode()[6:].strip(), flush=True)
"""


@contextmanager
def watcher(url: str) -> Iterator[subprocess.Popen[str]]:
    """A client of the page's stream, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHER, url], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@attrs.frozen
class Measured:
    """The result of all turns."""

    between_quartiles: float
    """The share of the throughput that the page takes, between the upper quartiles of all turns."""
    median_of_pairs: float
    """The same, as the median of the pairs."""
    spread: tuple[float, float]
    """The smallest and the greatest of the pairs."""
    without: float
    rate: float
    """Signals a second that were sent."""
    updates: float
    """Messages a second that the watcher got."""
    shown: bool
    """Whether the watcher got entries of the storm."""

    @property
    def cost(self) -> float:
        """The share of the throughput that the page takes for certain."""
        return min(self.between_quartiles, self.median_of_pairs)


async def measure(pairs: int = PAIRS) -> Measured:
    """Take turns, without and with the page."""
    inner = InMemoryInventory(clock=SystemClock())
    for variant in ids(24):
        inner.set_stock(variant, 5)
    settings = Settings()
    plain = build(settings, adapter=inner)
    recorder = Recorder()
    seen = build(settings, adapter=inner, telemetry=[recorder])
    app = web.Application()
    app.add_subapp("/ops", ops_app(seen, recorder, settings))
    runner = web.AppRunner(app, access_log=None)
    costs: list[float] = []
    turns: list[Turn] = []
    got: list[str] = []
    async with plain, seen:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/ops/live"
        await one_turn(plain, None)  # warm
        for number in range(pairs):
            # In changing order, so that neither is always the one that comes later.
            for with_page in (True, False) if number % 2 else (False, True):
                if with_page:
                    with watcher(url) as process:
                        await asyncio.sleep(0.5)  # it has started to watch
                        with_it = await one_turn(seen, recorder)
                        process.kill()
                        output, _ = await asyncio.to_thread(process.communicate)
                        got += output.splitlines()
                else:
                    without = await one_turn(plain, None)
            costs.append(1 - with_it.throughput / without.throughput)
            turns += [without, with_it]
        await runner.cleanup()
    latest: dict[str, Any] = {}
    for line in got:
        if line.endswith("}"):
            latest |= json.loads(line)
    return Measured(
        between_quartiles=1 - _undisturbed(turns[1::2]) / _undisturbed(turns[::2]),
        median_of_pairs=median(costs),
        spread=(min(costs), max(costs)),
        without=_undisturbed(turns[::2]),
        rate=sum(turn.sent for turn in turns) / (TURN * len(turns)),
        updates=len(got) / ((TURN + 0.5) * pairs),
        shown="served stale" in latest.get("log", ""),
    )


def _undisturbed(turns: Sequence[Turn]) -> float:
    return quantiles((turn.throughput for turn in turns), n=4)[2]


def main() -> int:
    """Measure, print, and judge."""
    found = asyncio.run(measure())
    print(f"storm: {found.rate:.0f} signals a second, {PAIRS} pairs of turns of {TURN:g} s")
    print(f"throughput without the page: {found.without:.0f} pages of 24 per CPU second")
    low, high = found.spread
    print(
        f"the page costs {found.cost:.1%} (between quartiles {found.between_quartiles:.1%}, median "
        f"of pairs {found.median_of_pairs:.1%}, pairs from {low:.1%} to {high:.1%}), "
        f"bound {BOUND:.0%}"
    )
    print(f"updates a second: {found.updates:.2f}; with entries of the storm: {found.shown}")
    good = (
        found.cost <= BOUND and found.rate >= RATE * 0.95 and found.updates >= 0.6 and found.shown
    )
    print("kept" if good else "NOT KEPT")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
