"""`RetryLayer`: repeats a call that failed with a transient error, within limits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import attrs

from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.domain.model import (
    Answer,
    Call,
    FaultScope,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    OperationInProgress,
    ProductVariantId,
    ReachedService,
    TransientError,
)
from shelfport.domain.model.validators import number
from shelfport.domain.services.backoff import Backoff
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import RetryBudgetExhausted, Retrying

T = TypeVar("T")

_OWN = frozenset({FaultScope.CALLER, FaultScope.PROCESS, FaultScope.CREDENTIALS})
"""The scopes of what this process does not send."""


@attrs.frozen(kw_only=True)
class RetryOptions:
    """How often a call is repeated, and after which pauses. Durations are seconds."""

    max_attempts: int = attrs.field(default=3, validator=number(1, 10, unit="attempts"))
    """Attempts of one call, the first included; 1 turns retries off.

    Why: two retries are enough for a dropped connection or a restarting host; more make an outage
    worse."""
    base_delay: float = attrs.field(default=0.05, validator=number(0, 60, unit="seconds"))
    """The bound of the pause after the first attempt; it doubles with each further one.

    Why: most transient faults are gone by then."""
    max_delay: float = attrs.field(default=1.0, validator=number(0, 60, unit="seconds"))
    """The maximum of that bound.

    Why: beyond it the deadline ends the call anyway."""
    max_retry_after: float = attrs.field(default=5.0, validator=number(0, 3600, unit="seconds"))
    """A call is not repeated if the service asks for a longer pause than this (`Retry-After`).

    Why: no page waits longer than that."""
    budget_ratio: float = attrs.field(default=0.1, validator=number(0, 1, unit="tokens"))
    """Retries for each first attempt; see `RetryBudget`.

    Why: a failed service receives at most a tenth more requests, however many callers there are."""
    budget_reserve: float = attrs.field(default=3.0, validator=number(0, 10, unit="tokens"))
    """Retries that are allowed at the start of the process.

    Why: a process that has just started may retry, too."""

    def __attrs_post_init__(self) -> None:
        self.backoff()

    def backoff(self) -> Backoff:
        """The delays between attempts.

        Raises:
            ValueError: `base_delay` is above `max_delay`.
        """
        return Backoff(self.base_delay, self.max_delay)

    def budget(self) -> RetryBudget:
        """A budget of these numbers; one for each service."""
        return RetryBudget(ratio=self.budget_ratio, reserve=self.budget_reserve)


@attrs.frozen(eq=False)
class RetryLayer:
    """Repeats a call that failed by the service's fault, after a back-off with full jitter.

    A read is repeated for a fault on the way, too; a call that this process spoiled after it was
    sent, and one that the service still works on, are as well.

    The pause is drawn between 0 and an exponentially growing bound, so that callers that failed
    together do not retry together; the service's `Retry-After` is added to it. A retry needs time
    before the deadline and a token of the budget. Reads are safe to repeat because they change
    nothing; an initialization because it carries its idempotency key. Refusals of this process
    (`LocalRefusal`) are never repeated.

    Right: `BatchingLayer(RetryLayer(ConcurrencyLimitLayer(CircuitBreakerLayer(…))))`: each attempt
    waits for a slot, asks the breaker and is recorded.
    Wrong: `CircuitBreakerLayer(RetryLayer(http))`: the breaker sees one failure where the service
    had three.
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
        first, last = call.attempt, call.attempt + self.options.max_attempts - 1
        while True:
            try:
                result = await attempt(call)
            except InventoryError as error:
                if call.attempt == first and not _was_refused_here(error):
                    self.budget.first_attempt()
                if not _may_be_repeated(operation, error):
                    raise
                delay = self._pause(error, call.attempt) if call.attempt < last else None
                if delay is None or not self._in_time(delay, call):
                    raise
                if not self.budget.take():
                    self.listener(RetryBudgetExhausted(operation, error, call.correlation_id))
                    raise
                self.listener(Retrying(operation, call.attempt, delay, error, call.correlation_id))
            else:
                if call.attempt == first:
                    self.budget.first_attempt()
                return result
            await asyncio.sleep(delay)
            call = attrs.evolve(call, attempt=call.attempt + 1)

    def _pause(self, error: InventoryError, attempt: int) -> float | None:
        """Seconds to wait after `attempt`; None if the service asks for too long a pause."""
        options = self.options
        asked_for = error.retry_after
        if asked_for is not None and asked_for > options.max_retry_after:
            return None
        return options.backoff().delay(attempt, self.uniform(0.0, 1.0), asked_for)

    def _in_time(self, delay: float, call: Call) -> bool:
        return call.deadline is None or self.clock.monotonic() + delay < call.deadline


def _was_refused_here(error: InventoryError) -> bool:
    """Whether this process sent nothing: that is no attempt, and must not fill the budget."""
    return error.scope in _OWN and error.reached_service is ReachedService.NO


def _may_be_repeated(operation: Operation, error: InventoryError) -> bool:
    if not isinstance(error, TransientError):
        return False
    match error.scope:
        case FaultScope.SERVICE:
            return True
        case FaultScope.PATH:
            return operation is Operation.READ
        case FaultScope.PROCESS:
            return error.reached_service is not ReachedService.NO
        case FaultScope.REQUEST:
            return isinstance(error, OperationInProgress)
        case _:
            return False
