"""Hours of outage with a full queue, in virtual time: no entry dies of it, and no flood follows.

At length (SHELFPORT_LONG=1) 10,000 entries and a outage.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import attrs
import pytest
from dependency_injector import providers

from shelfport import (
    Container,
    Created,
    InMemoryInventory,
    InventoryError,
    ProductVariantId,
    Settings,
)
from shelfport.domain.model import (
    DeadLetterReason,
    FaultScope,
    Operation,
    PathFailed,
    RequestBlocked,
    RequestContext,
)
from shelfport.domain.services.queue_policy import MOST_CRASHES
from shelfport.errors import (
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    InsecureConnection,
    ReachedService,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.options import QueueOptions
from shelfport.outbox import InMemoryQueue, QueuedInitialization
from shelfport.ports import Call, Initialized, InitialStock
from shelfport.signals import BreakerChanged, BreakerState, Signal
from tests.support.clocks import LoopClock
from tests.support.figures import Report
from tests.support.ports import Answers, Ids
from tests.support.values import an_initial_stock, ids

HOUR, MINUTE = 3600.0, 60.0
ENTRIES, OUTAGE = (10_000, 24 * HOUR) if os.environ.get("SHELFPORT_LONG") else (500, 6 * HOUR)
WITHIN = 15 * MINUTE
"""After the end of the outage all records are there within this time."""
LATENCY = 0.05
OPTIONS = QueueOptions(url="memory:", max_attempts=1)
"""A fault that counted as an attempt would make a dead letter at once."""

Fault = Callable[[RequestContext], InventoryError]


def fault(kind: type[InventoryError], sentence: str, **details: Any) -> Fault:
    """The fault that answers each request with an error of this kind."""
    return lambda context: context.error(kind, sentence, **details)


OF_SERVICE = {
    "refused": fault(ConnectionFailed, "refused", reached_service=ReachedService.NO),
    "reset": fault(ConnectionFailed, "reset by peer"),
    "timeout": fault(TimedOut, "no answer in 1 s"),
    "502": fault(ServiceFailed, "502 of a gateway", status=502),
    "500": fault(ServiceFailed, "500", status=500),
    "503": fault(ServiceOverloaded, "503", status=503, retry_after=30.0),
    "contract": fault(ContractViolation, "quantity is missing", status=200),
}
OF_PATH = {
    **{
        f"path {status}": fault(PathFailed, f"{status} of a router", status=status)
        for status in (302, 404, 405, 407, 421, 425)
    },
    "HTML": fault(PathFailed, "a page of HTML", reached_service=ReachedService.YES, status=200),
    "garbled": fault(PathFailed, "no JSON", reached_service=ReachedService.YES, status=201),
    "cut short": fault(
        ConnectionFailed,
        "broke off in its body",
        reached_service=ReachedService.YES,
        scope=FaultScope.PATH,
    ),
    "certificate": fault(InsecureConnection, "the certificate has expired"),
}
OF_WRITES = {
    "blocked 403": fault(RequestBlocked, "403 of a firewall", status=403),
    "blocked 413": fault(RequestBlocked, "413 of a proxy", status=413),
    "401": fault(Unauthorized, "401", status=401),
    "no token": fault(CredentialsUnavailable, "the authorization server is down"),
}
"""Reads pass, so the circuit is closed, and every entry is tried."""
FAULTS = {**OF_SERVICE, **OF_PATH, **OF_WRITES}


class ProcessEnds(BaseException):
    """The process ends: none of the worker's code runs any more, and its lease runs out."""


@attrs.define
class Service:
    """An Inventory Service behind a path, with the fault of the hour."""

    inner: InMemoryInventory
    fault: str | None = None
    refused: UUID | None = None
    """The key of the request that the service refuses for good."""
    deadly: ProductVariantId | None = None
    """Each request about this variant ends the process that makes it."""
    in_flight: int = 0
    most: int = 0
    requests: Counter[str] = attrs.field(factory=Counter)
    """How many requests met each fault, and how many none."""
    opened: Counter[UUID] = attrs.field(factory=Counter)
    """How often a record was opened under each key."""

    async def read(self, ids: Ids, call: Call) -> Answers:
        await self._travel(RequestContext(Operation.READ, ids, call))
        return await self.inner.read(ids, call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        key = request.idempotency_key
        context = RequestContext(Operation.INITIALIZE, (request.variant_id,), call)
        await self._travel(context)
        if key == self.refused:
            raise context.error(RequestRejected, "no such variant", status=400)
        done = await self.inner.initialize(request, call)
        if isinstance(done, Created):
            self.opened[key] += 1
        return done

    async def _travel(self, context: RequestContext) -> None:
        if self.deadly in context.ids:
            raise ProcessEnds
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            name = self.fault
            if name in OF_WRITES and context.operation is Operation.READ:
                name = None
            self.requests[name or "none"] += 1
            await asyncio.sleep(1.0 if name == "timeout" else LATENCY)
            if name is not None:
                raise FAULTS[name](context)
        finally:
            self.in_flight -= 1


def weather(chance: random.Random) -> Iterator[tuple[str, float]]:
    """The faults of an outage, each several times, with the seconds that it lasts."""
    while True:
        for name in chance.sample(sorted(FAULTS), len(FAULTS)):
            longest = OUTAGE / (720 if name in OF_WRITES else 36)
            yield name, chance.uniform(0.5, 1) * longest


@attrs.define
class Outage:
    """An integration with a full queue, in the loop's time."""

    clock: LoopClock = attrs.field(factory=LoopClock)
    signals: list[Signal] = attrs.field(factory=list)
    service: Service = attrs.field(init=False)
    queue: InMemoryQueue = attrs.field(factory=InMemoryQueue)
    keys: list[UUID] = attrs.field(init=False)
    refused: UUID = attrs.field(init=False)
    deadly: UUID = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.service = Service(InMemoryInventory(clock=self.clock))

    def container(self) -> Container:
        return Container(
            settings=providers.Object(Settings(queue=OPTIONS)),
            adapter=providers.Object(self.service),
            clock=providers.Object(self.clock),
            queue=providers.Object(self.queue),
            listener=providers.Object(self._heard),
        )

    def _heard(self, signal: Signal) -> None:
        if isinstance(signal, BreakerChanged):
            self.signals.append(signal)

    async def fill(self) -> None:
        """The host's products, each with an entry; two of them have something wrong."""
        requests = [an_initial_stock(variant, quantity=3) for variant in ids(ENTRIES)]
        for request in requests:
            await self.queue.add(QueuedInitialization(request=request, queued_at=self.clock.now()))
        refused, deadly = requests[7], requests[-7]
        self.keys = [request.idempotency_key for request in requests]
        self.refused = self.service.refused = refused.idempotency_key
        self.deadly, self.service.deadly = deadly.idempotency_key, deadly.variant_id

    async def pass_by(self) -> None:
        """The hours of the outage pass."""
        end = self.clock.monotonic() + OUTAGE
        for name, seconds in weather(random.Random(7)):
            left = end - self.clock.monotonic()
            if left <= 0:
                break
            self.service.fault = name
            await asyncio.sleep(min(seconds, left))
        # The worst moment for an end: no answer for long, so that the circuit is open.
        self.service.fault = "refused"
        await asyncio.sleep(HOUR)

    async def dead(self) -> dict[UUID, DeadLetterReason]:
        return {
            entry.request.idempotency_key: entry.dead_letter.reason
            for entry in await self.queue.entries(dead=True, limit=ENTRIES)
            if entry.dead_letter is not None
        }

    async def opened_after(self) -> float:
        """The seconds until all records are there but the two that cannot be opened."""
        began = self.clock.monotonic()
        while len(self.service.opened) < ENTRIES - 2:
            assert self.clock.monotonic() - began < HOUR, "entries still wait after an hour"
            await asyncio.sleep(1)
        return self.clock.monotonic() - began


@pytest.mark.looptime
@pytest.mark.usefixtures("unlogged")
async def test_hours_of_outage(report: Report) -> None:
    """An outage with every fault on the way kills no entry; minutes later all records are there.

    Only what the service itself refuses is a dead letter, and what ends each worker that claims it.
    The worker never has more than `queue.max_concurrency` requests in flight.
    """
    random.seed(7)  # the container draws jitter from the module's generator
    outage = Outage()
    service = outage.service
    await outage.fill()
    async with outage.container().integration():
        await outage.pass_by()
        stored = await outage.queue.entries(limit=ENTRIES)
        assert ENTRIES == len(stored)
        assert set(await outage.dead()) <= {outage.deadly}
        assert {0} == {entry.attempts for entry in stored}

        failed = service.requests.total() - service.requests["none"]
        service.fault = None
        seconds = await outage.opened_after()
        await asyncio.sleep(2 * MOST_CRASHES * OPTIONS.lease)

    opened = sum(
        isinstance(signal, BreakerChanged) and signal.before is BreakerState.CLOSED
        for signal in outage.signals
    )
    report(
        f"{ENTRIES} entries, {OUTAGE / HOUR:.0f} h of {len(FAULTS)} kinds of faults: {failed} "
        f"requests failed, up to {max(entry.tries for entry in stored)} of one entry, and the "
        f"circuit opened {opened} times; all opened {seconds / MINUTE:.1f} min after the end, "
        f"never more than {service.most} requests at once"
    )
    assert set(FAULTS) | {"none"} == set(service.requests)
    assert opened > 1
    assert {
        outage.deadly: DeadLetterReason.CRASHED,
        outage.refused: DeadLetterReason.REJECTED,
    } == await outage.dead()
    assert Counter(set(outage.keys) - {outage.deadly, outage.refused}) == service.opened
    assert seconds <= WITHIN
    assert service.most <= OPTIONS.max_concurrency
