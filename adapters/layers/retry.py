"""`RetryLayer`: a failure that may pass by itself is tried again, within limits (R16)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import attrs

from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.domain.model import (
    Answer,
    Call,
    Initialized,
    InitialStock,
    Operation,
    ProductVariantId,
    TransientError,
)
from shelfport.domain.model.validators import number
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import RetryBudgetExhausted, Retrying

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class RetryOptions:
    """How often, and how soon. Durations are seconds."""

    max_attempts: int = attrs.field(default=3, validator=number(1, 10, unit="attempts"))
    """Attempts of one call, the first included; 1 repeats nothing.

    Why: two repetitions mend a dropped connection or a restarting host; more only help an outage
    grow."""
    base_delay: float = attrs.field(default=0.05, validator=number(0, 60, unit="seconds"))
    """The bound of the pause after the first attempt; it doubles with each further one.

    Why: drawn from 0 to this: most transient faults are gone by then."""
    max_delay: float = attrs.field(default=1.0, validator=number(0, 60, unit="seconds"))
    """What that bound does not grow beyond.

    Why: beyond it the deadline ends the call anyway."""
    max_retry_after: float = attrs.field(default=5.0, validator=number(0, 3600, unit="seconds"))
    """A service that asks to be left alone for longer than this is not asked again by this call.

    Why: longer than that no page waits."""
    budget_ratio: float = attrs.field(default=0.1, validator=number(0, 1, unit="tokens"))
    """The share of repetitions among first attempts; see `RetryBudget`.

    Why: a dead service sees at most a tenth more requests, however many callers there are."""
    budget_reserve: float = attrs.field(default=3.0, validator=number(0, 10, unit="tokens"))
    """Repetitions that are allowed before anything was sent.

    Why: a process that has just started may repeat, too."""

    def __attrs_post_init__(self) -> None:
        if self.base_delay > self.max_delay:
            raise ValueError(
                f"base_delay is {self.base_delay:g}: it must be at most max_delay "
                f"({self.max_delay:g} seconds)"
            )

    def budget(self) -> RetryBudget:
        """A budget of these numbers; one for each service."""
        return RetryBudget(ratio=self.budget_ratio, reserve=self.budget_reserve)


@attrs.frozen(eq=False)
class RetryLayer:
    """Repeats what a `TransientError` ended, after a pause with full jitter.

    The pause is drawn between 0 and an exponentially growing bound, so that callers who failed
    together do not come back together; where the service named a time (`Retry-After`), that comes
    on top of it. A repetition needs time before the deadline and a token of the budget. Reads are
    repeated because they change nothing; an initialisation because it carries its idempotency
    key. Refusals of this process (`LocalRefusal`) are never repeated.

    Right: `BatchingLayer(RetryLayer(ConcurrencyLimitLayer(CircuitBreakerLayer(…))))`: each attempt waits for a slot, asks the breaker
    and is recorded.
    Wrong: `CircuitBreakerLayer(RetryLayer(http))`: the breaker sees one failure where the service had three.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    options: RetryOptions
    budget: RetryBudget = attrs.field(repr=False)
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    """Draws a number between two others: `random.uniform`."""
    listener: Listener = attrs.field(repr=False)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        return await self._repeat(Operation.READ, lambda c: self.inner.read(ids, c), call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        return await self._repeat(
            Operation.INITIALIZE, lambda c: self.inner.initialize(request, c), call
        )

    async def _repeat(
        self, operation: Operation, attempt: Callable[[Call], Awaitable[T]], call: Call
    ) -> T:
        self.budget.first_attempt()
        last = call.attempt + self.options.max_attempts - 1
        while True:
            try:
                return await attempt(call)
            except TransientError as error:
                delay = self._pause(error, call.attempt) if call.attempt < last else None
                if delay is None or not self._in_time(delay, call):
                    raise
                if not self.budget.take():
                    self.listener(RetryBudgetExhausted(operation, error, call.correlation_id))
                    raise
                self.listener(Retrying(operation, call.attempt, delay, error, call.correlation_id))
            await asyncio.sleep(delay)
            call = attrs.evolve(call, attempt=call.attempt + 1)

    def _pause(self, error: TransientError, attempt: int) -> float | None:
        """Seconds to wait after `attempt`; None if the service wants to be left alone."""
        options = self.options
        asked_for = error.retry_after or 0.0
        if asked_for > options.max_retry_after:
            return None
        bound = min(options.max_delay, options.base_delay * 2 ** (attempt - 1))
        return asked_for + self.uniform(0.0, bound)

    def _in_time(self, delay: float, call: Call) -> bool:
        return call.deadline is None or self.clock.monotonic() + delay < call.deadline
