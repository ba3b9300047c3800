"""The simulation beside the real thing: 20 processes, a sandbox, a Redis and a RabbitMQ."""

import asyncio
import os
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import attrs
import msgspec

from benchmarks.fleet.real_host import Seen, Terms, event_options
from benchmarks.fleet.run import Recording, record
from benchmarks.fleet.scenario import Day, Fleet, draw_stock, the_real_fleet
from benchmarks.fleet.way import WAYS
from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.contracts.sandbox.store import SeedRecord
from tests.services.events.buses import clean
from tests.support.services import Service, unique

BAND = 0.15
"""By how much the simulation may be off."""
_ROOT = Path(__file__).parents[2]
_TO_START = 120.0
"""Seconds that the processes may take until all are ready."""
_TO_END = 10.0
"""Seconds that a process may take to end after its report."""
_SMALL = 0.05
"""Seconds: ages that both are below are alike, whatever their ratio."""


@attrs.frozen(kw_only=True)
class Measured:
    """What a fleet did after its warm-up."""

    per_view: float
    """Requests at the service for a view."""
    ages: list[float]
    """Of what viewers saw, in seconds, sorted."""
    unavailable: float

    @property
    def rows(self) -> dict[str, float]:
        """What is compared."""
        ages = self.ages
        return {
            "requests a view": self.per_view,
            "mean age": sum(ages) / len(ages),
            "age p50": ages[len(ages) // 2],
            "age p90": ages[len(ages) * 9 // 10],
            "age p99": ages[len(ages) * 99 // 100],
        }


def compare(seconds: float) -> int:
    """Run both, print them side by side; 1 if they disagree."""
    fleet, day = the_real_fleet(seconds)
    way = attrs.evolve(WAYS[3], settings=type(WAYS[3].settings)())
    simulated = _of(record(fleet, day, way), day)
    print(f"{fleet.hosts} hosts, {fleet.variants:,} variants, {seconds:g} seconds", flush=True)
    real, notes = asyncio.run(_really(fleet, day))
    print(notes)
    missed = 0
    print(f"{'':20}{'simulated':>12}{'real':>12}{'difference':>12}")
    for name, value in simulated.rows.items():
        was = real.rows[name]
        off = value / was - 1 if was else 0.0
        alike = abs(off) <= BAND or max(value, was) <= _SMALL
        missed += not alike
        print(f"{name:20}{value:12.4f}{was:12.4f}{off:12.1%}{'' if alike else '  MISS'}")
    # A single view each, so not judged.
    print(f"{'age max':20}{simulated.ages[-1]:12.4f}{real.ages[-1]:12.4f}")
    print(f"{'unavailable':20}{simulated.unavailable:12.4%}{real.unavailable:12.4%}")
    print(f"the band is {BAND:.0%}: {'kept' if not missed else f'missed by {missed}'}")
    return 1 if missed else 0


def _of(recording: Recording, day: Day) -> Measured:
    start = int(day.warm_until * 4)
    views = sum(recording.views[start:])
    return Measured(
        per_view=sum(recording.asked[start:]) / views,
        ages=sorted(recording.ages["calm"]),
        unavailable=sum(recording.unavailable[start:]) / views,
    )


async def _really(fleet: Fleet, day: Day) -> tuple[Measured, str]:
    redis_url, bus_url = (
        os.environ.get(service.variable, service.value)
        for service in (Service.REDIS, Service.RABBITMQ)
    )
    name = unique("fleet")
    stock = draw_stock(fleet, day)
    terms = Terms(0, day.until, "", redis_url, bus_url, name)
    try:
        async with (
            EventPublisher(open_bus(event_options(terms))) as publisher,
            Sandbox(
                seed=[SeedRecord(variant, 100) for variant in stock.ids],
                publish=publisher.publish,
            ) as sandbox,
            AsyncExitStack() as stack,
        ):
            sandbox.faults = Faults(latency=fleet.latency)
            terms = msgspec.structs.replace(terms, base_url=sandbox.url)
            hosts = [await _started(terms, number, stack) for number in range(fleet.hosts)]
            async with asyncio.timeout(_TO_START):
                await asyncio.gather(*(_line(host) for host in hosts))
            begins = time.time() + 1.0
            for host in hosts:
                assert host.stdin is not None
                host.stdin.write(f"{begins!r}\n".encode())
            asked, seen = await asyncio.gather(
                _service(sandbox, fleet, day, begins),
                asyncio.gather(*(_seen(host) for host in hosts)),
            )
    finally:
        await clean("rabbitmq", bus_url, name)
    views = sum(one.views for one in seen)
    freshness = sum((Counter(one.freshness) for one in seen), Counter[str]())
    notes = (
        f"{views:,} views, {asked:,} requests, {dict(freshness)}; a view began "
        f"{max(one.late for one in seen):.2f} s late at worst; "
        f"{sum(one.redis_out for one in seen)} processes could not write to Redis at times"
    )
    measured = Measured(
        per_view=asked / views,
        ages=sorted(age for one in seen for age in one.ages),
        unavailable=sum(one.unavailable for one in seen) / views,
    )
    return measured, notes


async def _started(terms: Terms, number: int, stack: AsyncExitStack) -> asyncio.subprocess.Process:
    arguments = msgspec.json.encode(msgspec.structs.replace(terms, number=number)).decode()
    host = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.fleet.real_host", arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=_ROOT,
        limit=2**24,
    )

    async def end() -> None:
        if host.stdin is not None:
            host.stdin.close()  # one that still waits for the word ends by this
        try:
            await asyncio.wait_for(host.wait(), _TO_END)
        except TimeoutError:
            host.kill()
            await host.wait()

    stack.push_async_callback(end)
    return host


async def _line(host: asyncio.subprocess.Process) -> bytes:
    assert host.stdout is not None
    line = await host.stdout.readline()
    if not line:
        raise RuntimeError(f"a host ended with {await host.wait()}")
    return line


async def _seen(host: asyncio.subprocess.Process) -> Seen:
    return msgspec.json.decode(await _line(host), type=Seen)


async def _service(sandbox: Sandbox, fleet: Fleet, day: Day, begins: float) -> int:
    """Change the stock as in the simulation; how many requests came after the warm-up."""
    stock = draw_stock(fleet, day)
    changes = [(s.begins, s.rank, 0) for s in stock.sell_outs if s.begins < day.until]
    changes += [(s.ends, s.rank, 100) for s in stock.sell_outs if s.ends < day.until]
    moments = [(day.warm_until, None, 0), (day.until + 0.5, None, 0)]
    asked = 0
    # Read the journal each second: it keeps a limited number of requests.
    moments += [(float(second), None, 1) for second in range(1, int(day.until))]
    for at, rank, quantity in sorted([*changes, *moments], key=lambda change: change[0]):
        await asyncio.sleep(max(begins + at - time.time(), 0.0))
        if rank is not None:
            sandbox.set_stock(stock.ids[rank], quantity)
            continue
        if at > day.warm_until:
            asked += sandbox.requests("GET")
        sandbox.clear_journal()
    return asked
