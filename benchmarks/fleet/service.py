"""A simulated Inventory Service: workers, a queue before them, and bad hours."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from heapq import heapreplace
from math import exp, inf

import attrs

from benchmarks.fleet.stock import Stock
from benchmarks.fleet.virtual_time import VirtualClock
from shelfport.domain.model import (
    Answer,
    Call,
    ConnectionFailed,
    DeadlineExceeded,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    ReachedService,
    RequestRejected,
    ServiceOverloaded,
    StockReading,
    TimedOut,
)

_REFUSED = 0.001
"""Seconds until a machine without the service refuses a connection."""


@attrs.frozen(kw_only=True)
class Capacity:
    """How much the service can do."""

    workers: int
    """Requests that it works on at once."""
    mean: float = 0.025
    """Seconds of work on one request; drawn from a lognormal distribution around it."""
    sigma: float = 0.5
    """How wide that is: 0.5 puts p99 at 2.8 times the mean."""
    way: float = 0.001
    """Seconds on the network, each way."""
    queue: float = 2.0
    """A request that would wait longer than this for a worker is refused with 503."""


@attrs.frozen(kw_only=True)
class Trouble:
    """A bad hour: from one moment to another the service is dead, or slower by a factor."""

    begins: float
    ends: float
    dead: bool = False
    slower: float = 1.0


class BinnedCount:
    """Counts occurrences in bins of time."""

    BIN = 0.25

    def __init__(self, until: float) -> None:
        self.bins = [0] * (int(until / self.BIN) + 2)

    def count(self, at: float) -> None:
        """Count one at a moment."""
        self.bins[int(at / self.BIN)] += 1


class Service:
    """Answers when a worker has done the work, whether or not its client still waits for it.

    Requests are taken up in the order in which they came, so a request's moment is known when it
    comes: one timer for each.
    """

    def __init__(
        self,
        capacity: Capacity,
        troubles: Sequence[Trouble],
        stock: Stock,
        *,
        clock: VirtualClock,
        draw: random.Random,
        until: float,
    ) -> None:
        self._capacity = capacity
        self._troubles = troubles
        self._stock = stock
        self._clock = clock
        self._draw = draw
        self._free = [0.0] * capacity.workers
        self._mu = -(capacity.sigma**2) / 2
        self.asked, self.failed = BinnedCount(until), BinnedCount(until)

    async def ask(
        self, ids: Sequence[ProductVariantId], call: Call, timeout: float
    ) -> Mapping[ProductVariantId, Answer]:
        """One request; `timeout` is how many seconds its client waits for it."""
        sent = self._clock.monotonic()
        self.asked.count(sent)
        as_of = self._clock.now()
        left = inf if call.deadline is None else call.deadline - sent
        finish, ending = self._finish(sent)
        wait = min(timeout, left)
        try:
            if finish - sent > wait:
                await asyncio.sleep(max(wait, 0.0))
                raise _error(TimedOut if timeout <= left else DeadlineExceeded, ids, call)
            await asyncio.sleep(finish - sent)
            if ending is not None:
                raise _error(ending, ids, call)
        except InventoryError:
            self.failed.count(sent)
            raise
        served = finish - self._capacity.way
        return {v: StockReading(self._stock.level(v, served), as_of, "simulated") for v in ids}

    def _finish(self, sent: float) -> tuple[float, type[InventoryError] | None]:
        """The time of the answer, and the error, if the request fails."""
        capacity = self._capacity
        if self._trouble(sent).dead:
            return sent + _REFUSED, ConnectionFailed
        arrived = sent + capacity.way
        start = max(arrived, self._free[0])
        if start - arrived > capacity.queue:
            return arrived + capacity.way, ServiceOverloaded
        work = capacity.mean * exp(self._draw.gauss(self._mu, capacity.sigma))
        end = start + work * self._trouble(start).slower
        heapreplace(self._free, end)
        for trouble in self._troubles:
            if trouble.dead and sent < trouble.begins < end:
                self._free = [trouble.ends] * capacity.workers
                return trouble.begins, ConnectionFailed
        return end + capacity.way, None

    def _trouble(self, at: float) -> Trouble:
        for trouble in self._troubles:
            if trouble.begins <= at < trouble.ends:
                return trouble
        return _NONE


_NONE = Trouble(begins=-inf, ends=inf)


@attrs.frozen(eq=False)
class ServicePort:
    """The `InventoryPort` to the simulated service, in the place of the HTTP adapter."""

    service: Service = attrs.field(repr=False)
    attempt_timeout: float

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        return await self.service.ask(tuple(dict.fromkeys(ids)), call, self.attempt_timeout)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Refused: the simulated service opens no records."""
        raise RequestRejected(
            "the simulated service opens no records",
            operation=Operation.INITIALIZE,
            ids=(request.variant_id,),
            correlation_id=call.correlation_id,
        )


def _error(
    kind: type[InventoryError], ids: Sequence[ProductVariantId], call: Call
) -> InventoryError:
    refused = kind in {ConnectionFailed, ServiceOverloaded}
    return kind(
        f"the simulated service: {kind.__name__}",
        operation=Operation.READ,
        ids=ids,
        correlation_id=call.correlation_id,
        attempts=call.attempt,
        reached_service=ReachedService.NO if refused else ReachedService.UNKNOWN,
    )
