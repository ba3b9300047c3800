"""`InventoryInitialization`: opens the inventory record of a new variant, or queues the request."""

import attrs

from shelfport.domain.model import (
    AlreadyThere,
    Call,
    InitializationOutcome,
    InitializationPolicy,
    InitialStock,
    InventoryError,
    PermanentlyRejected,
    Queued,
    QueuedInitialization,
    ReachedService,
    StockReading,
)
from shelfport.domain.services.queue_policy import refusal_of
from shelfport.ports import Clock, InitializationQueue, InventoryPort, Listener
from shelfport.ports.signals import InitializationQueued

SHARE_FOR_READING = 0.2
"""The share of the caller's time that ROLL_BACK reserves for a read after an unanswered request: a
fifth of 2 seconds is 400 ms, and a read takes a few. If the request fails earlier, the read has all
the remaining time."""


@attrs.frozen
class InventoryInitialization:
    """Asks the port to open a record, and follows the policy if that fails.

    All attempts at one operation, from here or from the queue, carry one idempotency key.
    """

    port: InventoryPort
    clock: Clock
    deadline: float
    """Seconds for a call without a deadline."""
    queue: InitializationQueue | None
    listener: Listener

    async def request(
        self, request: InitialStock, call: Call, policy: InitializationPolicy
    ) -> InitializationOutcome:
        """Open the record, find that it exists already, or queue a request that failed.

        Raises:
            QueueFailed: the record was not opened, and the request could not be queued.
            InventoryError: under ROLL_BACK, the record was not opened, or the outcome is unknown
                (see `reached_service`), so that the host's transaction rolls the product back.
            ValueError: the policy needs a queue, and there is none.
        """
        if policy is InitializationPolicy.ROLL_BACK:
            return await self._or_raise(request, call)
        queue = self.queue
        if queue is None:
            raise ValueError(f"policy is {policy.value}, which needs a queue, and there is none")
        try:
            return await self.port.initialize(request, call)
        except InventoryError as error:
            if refusal_of(error) is not None:
                return PermanentlyRejected(error)
            entry = self.entry(request, call, policy)
            if error.reached_service is not ReachedService.NO:
                entry = attrs.evolve(entry, tries=1, last_error=str(error))
            try:
                await queue.add(entry)
            except InventoryError as failure:
                raise failure from error
            self.listener(InitializationQueued(entry, error))
            return Queued(entry, error)

    def entry(
        self, request: InitialStock, call: Call, policy: InitializationPolicy
    ) -> QueuedInitialization:
        """A queue entry for a request that was not attempted yet.

        Raises:
            ValueError: the policy does not use the queue.
        """
        return QueuedInitialization(
            request=request,
            policy=policy,
            queued_at=self.clock.now(),
            correlation_id=call.correlation_id,
            traceparent=call.traceparent,
        )

    async def _or_raise(self, request: InitialStock, call: Call) -> InitializationOutcome:
        now = self.clock.monotonic()
        until = now + self.deadline if call.deadline is None else call.deadline
        writing = attrs.evolve(call, deadline=until - SHARE_FOR_READING * max(until - now, 0.0))
        try:
            return await self.port.initialize(request, writing)
        except InventoryError as error:
            if error.reached_service is not ReachedService.UNKNOWN:
                raise
            return await self._found(
                request, attrs.evolve(call, deadline=until, max_staleness=0), error
            )

    async def _found(
        self, request: InitialStock, reading: Call, error: InventoryError
    ) -> AlreadyThere:
        """The record, if a read finds it after an attempt that ended in `error`.

        A missing record proves nothing: the request may still be under way.

        Raises:
            InventoryError: the read found no record, or failed; the message has both failures.
        """
        variant = request.variant_id
        try:
            answer = (await self.port.read((variant,), reading))[variant]
        except InventoryError as failure:
            raise _unsettled(error, f"a read afterwards failed, too ({failure})") from error
        if isinstance(answer, StockReading):
            return AlreadyThere(answer.level)
        raise _unsettled(error, "a read afterwards found no record") from error


def _unsettled(error: InventoryError, found: str) -> InventoryError:
    """`error` with what the read afterwards found."""
    return error.with_message(
        f"{error}; {found}: the record may have been opened, or may be opened yet"
    )
