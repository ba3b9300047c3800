"""Adapters that open records wrongly, one fault each."""

from datetime import UTC, datetime
from uuid import uuid4

import attrs

from shelfport import (
    AlreadyThere,
    Created,
    InventoryError,
    InventoryItem,
    ProductVariantId,
)
from shelfport.errors import Conflict, ReachedService
from shelfport.ports import (
    Call,
    Clock,
    Initialized,
    InitialStock,
    UnknownVariant,
)
from tests.contracts.conformance.faulty_reading import Answers, Faulty, Ids
from tests.contracts.conformance.harnesses import Troubled
from tests.support.values import an_id


class OpensASecondRecord(Faulty):
    def __init__(self, inner: Troubled, clock: Clock) -> None:
        super().__init__(inner, clock)
        self.seen: set[object] = set()

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        if request.idempotency_key in self.seen:
            again = attrs.evolve(request, variant_id=an_id(), idempotency_key=uuid4())
            await self.inner.initialize(again, call)
        self.seen.add(request.idempotency_key)
        return await self.inner.initialize(request, call)


class MakesUpAKey(Faulty):
    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        return await self.inner.initialize(attrs.evolve(request, idempotency_key=uuid4()), call)


class OverwritesTheStock(Faulty):
    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        outcome = await self.inner.initialize(request, call)
        if isinstance(outcome, AlreadyThere):
            self.inner._memory.set_stock(request.variant_id, request.initial_quantity)
        return outcome


class CallsAnExistingRecordCreated(Faulty):
    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        outcome = await self.inner.initialize(request, call)
        if isinstance(outcome, AlreadyThere):
            level = outcome.level
            quantity = level.available_quantity
            return Created(
                InventoryItem(
                    id=uuid4(),
                    variant_id=level.variant_id,
                    quantity=quantity,
                    available_quantity=quantity,
                    status=level.status,
                    updated_at=level.updated_at or datetime.now(UTC),
                )
            )
        return outcome


class ForgetsTheThreshold(Faulty):
    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        return await self.inner.initialize(attrs.evolve(request, low_stock_threshold=10), call)


class LosesTheConflict(Faulty):
    def __init__(self, inner: Troubled, clock: Clock) -> None:
        super().__init__(inner, clock)
        self.created: dict[object, Initialized] = {}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        try:
            outcome = await self.inner.initialize(request, call)
        except Conflict:
            return self.created[request.idempotency_key]
        self.created[request.idempotency_key] = outcome
        return outcome


class SaysThatNothingArrived(Faulty):
    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        try:
            return await self.inner.initialize(request, call)
        except InventoryError as error:
            error.reached_service = ReachedService.NO
            raise


class KeepsUnknown(Faulty):
    """Remembers that a variant is unknown, also when its record has been opened."""

    def __init__(self, inner: Troubled, clock: Clock) -> None:
        super().__init__(inner, clock)
        self.unknown: set[ProductVariantId] = set()

    async def read(self, ids: Ids, call: Call) -> Answers:
        answers = dict(await self.inner.read(ids, call))
        for variant, answer in answers.items():
            if isinstance(answer, UnknownVariant):
                self.unknown.add(variant)
            elif variant in self.unknown:
                answers[variant] = UnknownVariant(variant)
        return answers
