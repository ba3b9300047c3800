"""`RecordingLayer`: signals every attempt with its outcome and duration."""

import asyncio
from collections.abc import Mapping, Sequence

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    Unreadable,
)
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import Attempted, AttemptOutcome


@attrs.frozen(eq=False)
class RecordingLayer:
    """Sends the signal `Attempted` for each call: operation, variants, outcome and duration.

    Right: `RetryLayer(CircuitBreakerLayer(RecordingLayer(http)))`: one signal for each attempt,
    none for a call not made.
    Wrong: `RecordingLayer(RetryLayer(http))`: three attempts make one signal, with the time of all.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    listener: Listener = attrs.field(repr=False)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        started = self.clock.monotonic()
        try:
            answers = await self.inner.read(ids, call)
        except (InventoryError, asyncio.CancelledError) as error:
            self._failed(Operation.READ, len(ids), call, started, error)
            raise
        errors = [a.error for a in answers.values() if type(a) is Unreadable]
        self._answered(Operation.READ, len(ids), call, started, errors)
        return answers

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        started = self.clock.monotonic()
        try:
            outcome = await self.inner.initialize(request, call)
        except (InventoryError, asyncio.CancelledError) as error:
            self._failed(Operation.INITIALIZE, 1, call, started, error)
            raise
        self._answered(Operation.INITIALIZE, 1, call, started)
        return outcome

    def _answered(
        self,
        operation: Operation,
        variants: int,
        call: Call,
        started: float,
        errors: Sequence[InventoryError] = (),
    ) -> None:
        seconds = self.clock.monotonic() - started
        outcome = AttemptOutcome.PARTIAL if errors else AttemptOutcome.ANSWERED
        error = errors[0] if errors else None
        self.listener(Attempted(operation, variants, call, outcome, seconds, error, len(errors)))

    def _failed(
        self,
        operation: Operation,
        variants: int,
        call: Call,
        started: float,
        error: InventoryError | asyncio.CancelledError,
    ) -> None:
        seconds = self.clock.monotonic() - started
        if isinstance(error, InventoryError):
            signal = Attempted(operation, variants, call, AttemptOutcome.FAILED, seconds, error)
        else:
            signal = Attempted(operation, variants, call, AttemptOutcome.LEFT, seconds)
        self.listener(signal)
