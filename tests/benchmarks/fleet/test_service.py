import asyncio
import random
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from benchmarks.fleet.service import Capacity, Service, Trouble
from benchmarks.fleet.stock import SellOut, Stock, draw_sell_outs, zipf
from benchmarks.fleet.virtual_time import VirtualClock, VirtualLoop, simulate
from shelfport import StockReading, StockStatus
from shelfport.domain.model import ConnectionFailed, InventoryError, ServiceOverloaded, TimedOut
from shelfport.ports import Call

T = TypeVar("T")


class Bench:
    """A service of one worker that takes a second for each request, in virtual time."""

    def __init__(self, *troubles: Trouble, queue: float = 10.0) -> None:
        self.loop = VirtualLoop()
        self.stock = Stock(2, [SellOut(rank=0, begins=100.0, ends=200.0)])
        self.service = Service(
            Capacity(workers=1, mean=1.0, sigma=0.0, way=0.0, queue=queue),
            troubles,
            self.stock,
            clock=VirtualClock(self.loop),
            draw=random.Random(1),
            until=1000.0,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return simulate(work, self.loop)

    async def ask(self, timeout: float = 60.0) -> float:
        """How long an answer took."""
        began = self.loop.time()
        await self.service.ask((self.stock.ids[0],), Call(), timeout)
        return self.loop.time() - began


async def failing(bench: Bench, timeout: float = 60.0) -> type[InventoryError]:
    with pytest.raises(InventoryError) as caught:
        await bench.ask(timeout)
    return type(caught.value)


def test_work_is_done_for_clients_that_have_left() -> None:
    """A client that gives up leaves its work behind: the next one waits for that as well."""
    bench = Bench()

    async def story() -> tuple[type[InventoryError], float]:
        return await failing(bench, timeout=0.4), await bench.ask()

    kind, took = bench.run(story())
    assert TimedOut is kind
    assert took == pytest.approx(0.6 + 1.0)


def test_a_full_queue_is_said_at_once() -> None:
    """A request that would wait longer than the limit gets a 503, and leaves no work behind."""
    bench = Bench(queue=0.5)

    async def story() -> tuple[type[InventoryError], float]:
        task = bench.loop.create_task(bench.ask())
        await asyncio.sleep(0)
        kind = await failing(bench, timeout=0.9)
        return kind, await task

    assert (ServiceOverloaded, 1.0) == bench.run(story())


def test_a_death_breaks_what_is_under_way() -> None:
    """Requests under way end when it dies; later ones are refused; after it, all is well."""
    bench = Bench(Trouble(begins=0.5, ends=2.0, dead=True))

    async def story() -> tuple[type[InventoryError], float, type[InventoryError], float]:
        broken = await failing(bench)
        at = bench.loop.time()
        refused = await failing(bench)
        while bench.loop.time() < 2.0:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.5)
        return broken, at, refused, await bench.ask()

    assert (ConnectionFailed, 0.5, ConnectionFailed, 1.0) == bench.run(story())


def test_a_slow_hour_makes_work_longer() -> None:
    """Work that begins in a slow hour takes longer by its factor."""
    bench = Bench(Trouble(begins=0.0, ends=1.0, slower=3.0))

    assert bench.run(bench.ask()) == pytest.approx(3.0)


def test_the_truth_changes_when_it_should() -> None:
    """A sold-out variant is out of stock from one moment to another, in the service's answers."""
    bench = Bench()
    first, second = bench.stock.ids

    def status(at: float) -> StockStatus:
        return bench.stock.level(first, at).status

    assert StockStatus.IN_STOCK is status(99.9) is status(200.0)
    assert StockStatus.OUT_OF_STOCK is status(100.0) is status(199.9)
    assert (None, 0, None) == tuple(bench.stock.episode(0, at) for at in (99.0, 150.0, 201.0))
    assert None is bench.stock.episode(1, 150.0)
    answers = bench.run(bench.service.ask((second,), Call(), 5.0))
    assert isinstance(answers[second], StockReading)


def test_a_thinned_catalogue_is_as_popular_as_the_whole() -> None:
    """One variant in so many stands for its neighbours: together they are viewed as often."""
    whole, thinned = zipf(10_000, 1.0), zipf(10_000, 1.0, thinned=50)

    assert (10_000, 200) == (len(whole), len(thinned))
    assert whole[-1] == pytest.approx(50 * thinned[-1])


def test_a_variant_sells_out_once_at_a_time() -> None:
    """Sell-outs of one variant never overlap, and come in the order of time."""
    found = draw_sell_outs(random.Random(1), zipf(5, 1.0), per_second=1.0, lasts=9.0, until=500.0)

    for rank in range(5):
        own = [sell_out for sell_out in found if sell_out.rank == rank]
        assert all(a.ends < b.begins for a, b in pairwise(own))
    assert 50 < len(found) < 500


def test_standing_still_is_an_error() -> None:
    """A simulation in which every task waits for another ends with a sentence."""
    bench = Bench()

    async def wait() -> None:
        await bench.loop.create_future()

    with pytest.raises(RuntimeError, match="stands still"):
        bench.run(wait())
