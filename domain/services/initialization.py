"""Opening the inventory record of a new variant, or seeing to it that it will be (R4, R20-R22)."""

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
"""The share of a caller's time that ROLL_BACK keeps to find out what became of its request: a fifth
of a common deadline of 2 seconds is 400 ms, where a read takes a few. The caller's deadline holds
over both; a request that fails early leaves the read all the rest."""


@attrs.frozen
class InventoryInitialization:
    """Asks the port to open a record, and does what the policy says where it was not opened.

    The whole operation, from here through the queue to the last attempt, has one idempotency key.
    """

    port: InventoryPort
    clock: Clock
    deadline: float
    """Seconds for a call that brings no deadline."""
    queue: InitializationQueue | None
    listener: Listener

    async def request(
        self, request: InitialStock, call: Call, policy: InitializationPolicy
    ) -> InitializationOutcome:
        """Open the record, learn that it is already there, or queue what failed.

        Raises:
            QueueFailed: it was not opened, and could not be queued either.
            InventoryError: under ROLL_BACK, it was not opened, or nobody knows (`reached_service`
                tells), so that the host's transaction rolls the product back.
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
                entry = attrs.evolve(entry, attempts=1, last_error=str(error))
            try:
                await queue.add(entry)
            except InventoryError as failure:
                raise failure from error
            self.listener(InitializationQueued(entry, error))
            return Queued(entry, error)

    def entry(
        self, request: InitialStock, call: Call, policy: InitializationPolicy
    ) -> QueuedInitialization:
        """An entry for the queue, of a request that was not attempted yet.

        Raises:
            ValueError: the policy queues nothing.
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
        """The record, if an attempt that ended in `error` opened it, or somebody else did.

        That there is none yet proves nothing: the request may still be under way.

        Raises:
            InventoryError: `error`, and that reading afterwards settled nothing.
        """
        variant = request.variant_id
        try:
            answer = (await self.port.read((variant,), reading))[variant]
        except InventoryError as failure:
            raise _unsettled(error, f"reading it afterwards failed too ({failure})") from error
        if isinstance(answer, StockReading):
            return AlreadyThere(answer.level)
        raise _unsettled(error, "read afterwards, there was no record yet") from error


def _unsettled(error: InventoryError, found: str) -> InventoryError:
    """`error` once more, with what reading found."""
    return type(error)(
        f"{error}; {found}: the record may have been opened, or may yet be",
        operation=error.operation,
        ids=error.ids,
        correlation_id=error.correlation_id,
        attempts=error.attempts,
        reached_service=error.reached_service,
        status=error.status,
        retry_after=error.retry_after,
    )
