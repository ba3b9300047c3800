"""A service behind a circuit breaker, with a clock that stands still."""

import asyncio
import time

import attrs
import pytest

from shelfport.adapters.layers import CircuitBreaker, CircuitBreakerLayer
from shelfport.errors import ConnectionFailed
from shelfport.options import BreakerOptions
from shelfport.ports import Call, Initialized, InitialStock
from shelfport.ports.signals import CallRejected, Signal
from tests.support.clocks import ManualClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, an_id, an_initial_stock

A, B = an_id(1), an_id(2)

CALL = Call(correlation_id="page-17", attempt=2)


class Service(ScriptedPort):
    """Takes `takes` seconds for an answer; raises `error` if there is one."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(self._answer)
        self.clock = clock
        self.takes = 0.0
        self.error: BaseException | None = None
        self.hold: asyncio.Event | None = None
        self.blocks = 0.0
        """Seconds for which it blocks this process."""

    async def _answer(self, ids: Ids, call: Call) -> Answers:
        await self._work()
        return {variant: a_reading(variant) for variant in ids}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        created = await super().initialize(request, call)
        await self._work()
        return created

    def _block(self) -> None:
        self.clock.advance(self.takes)
        time.sleep(self.blocks)

    async def _work(self) -> None:
        self._block()
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error


@attrs.define
class Bench:
    """A service behind a breaker, which opens at the second failure."""

    options: BreakerOptions = attrs.field(factory=lambda: BreakerOptions(minimum_calls=2))
    clock: ManualClock = attrs.field(factory=ManualClock)
    signals: list[Signal] = attrs.field(factory=list)
    service: Service = attrs.field(init=False)
    breaker: CircuitBreaker = attrs.field(init=False)
    layer: CircuitBreakerLayer = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.service = Service(self.clock)
        self.breaker = CircuitBreaker(self.options, self.signals.append)
        self.layer = CircuitBreakerLayer(
            self.service, self.clock, self.breaker, self.signals.append
        )

    async def read(self) -> object:
        return await self.layer.read([A, B], CALL)

    async def initialize(self) -> object:
        return await self.layer.initialize(an_initial_stock(A), CALL)

    async def half_open(self) -> None:
        """Let the next call be the one probe."""
        self.breaker.force(None, self.clock.monotonic())
        self.service.error = ConnectionFailed("down")
        for _ in range(self.options.minimum_calls):
            with pytest.raises(ConnectionFailed):
                await self.read()
        self.service.error = None
        self.clock.advance(self.options.open_duration)
        self.signals.clear()

    @property
    def counts(self) -> tuple[int, int, int]:
        snapshot = self.breaker.snapshot(self.clock.monotonic())
        return snapshot.calls, snapshot.failures, snapshot.slow

    @property
    def refusals(self) -> list[CallRejected]:
        return [signal for signal in self.signals if isinstance(signal, CallRejected)]


FAILURE, SUCCESS, IGNORED = (1, 1, 0), (1, 0, 0), (0, 0, 0)
"""The counts of the breaker (calls, failures, slow calls) after one call."""
