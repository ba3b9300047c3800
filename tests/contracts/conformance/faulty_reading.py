"""Adapters that read wrongly, one fault each."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import attrs

from shelfport import (
    Freshness,
    InventoryError,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
)
from shelfport.ports import (
    Answer,
    Call,
    Clock,
    Initialized,
    InitialStock,
    UnknownVariant,
    Unreadable,
)
from tests.contracts.conformance.harnesses import Troubled
from tests.support.clocks import EPOCH
from tests.support.values import an_id

Ids = Sequence[ProductVariantId]
Answers = Mapping[ProductVariantId, Answer]


class Faulty:
    """No fault: the base of the others, and the control of the experiment."""

    def __init__(self, inner: Troubled, clock: Clock) -> None:
        self.inner = inner
        self.clock = clock

    async def read(self, ids: Ids, call: Call) -> Answers:
        return await self.inner.read(ids, call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        return await self.inner.initialize(request, call)


class ReversesTheOrder(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        return dict(reversed(list((await self.inner.read(ids, call)).items())))


class LeavesOneOut(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        answers = dict(await self.inner.read(ids, call))
        if len(answers) > 1:
            answers.popitem()
        return answers


class AddsOne(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        stranger = an_id()
        return {**await self.inner.read(ids, call), stranger: UnknownVariant(stranger)}


class AnswersUnknownInTrouble(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        try:
            return await self.inner.read(ids, call)
        except InventoryError:
            return {variant: UnknownVariant(variant) for variant in ids}


class ReturnsWhatItShouldRaise(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        try:
            return await self.inner.read(ids, call)
        except InventoryError as error:
            return dict.fromkeys(ids, Unreadable(error))


class RaisesWhatItShouldReturn(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        answers = await self.inner.read(ids, call)
        for answer in answers.values():
            if isinstance(answer, Unreadable):
                raise answer.error
        return answers


class LetsForeignErrorsOut(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        try:
            return await self.inner.read(ids, call)
        except InventoryError as error:
            raise ConnectionError("connection refused") from error


class ForgetsTheCorrelationId(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        return await self.inner.read(ids, attrs.evolve(call, correlation_id=None))


class SortsTheIds(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        answers = await self.inner.read(ids, call)
        if isinstance(ids, list):
            ids.sort()
        return answers


class ReturnsOneMappingToAll(Faulty):
    def __init__(self, inner: Troubled, clock: Clock) -> None:
        super().__init__(inner, clock)
        self.kept: dict[tuple[ProductVariantId, ...], dict[ProductVariantId, Answer]] = {}

    async def read(self, ids: Ids, call: Call) -> Answers:
        kept = self.kept.setdefault(tuple(ids), {})
        kept.update(await self.inner.read(ids, call))
        return kept


class KeepsTheIds(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        return _View(ids, await self.inner.read(ids, call))


class _View(Mapping[ProductVariantId, Answer]):
    def __init__(self, ids: Ids, answers: Answers) -> None:
        self._ids = ids
        self._answers = answers

    def __getitem__(self, variant: ProductVariantId) -> Answer:
        return self._answers[variant]

    def __iter__(self) -> Iterator[ProductVariantId]:
        return iter(dict.fromkeys(self._ids))

    def __len__(self) -> int:
        return len(self._answers)


class MixesUpTheLevels(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        answers = await self.inner.read(ids, call)
        values = list(answers.values())
        return dict(zip(answers, values[1:] + values[:1], strict=True))


class CallsUnknownOutOfStock(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        def answer(variant: ProductVariantId, known: Answer) -> Answer:
            if isinstance(known, UnknownVariant):
                level = StockLevel(variant, 0, StockStatus.OUT_OF_STOCK, EPOCH)
                return StockReading(level, self.clock.now(), "faulty")
            return known

        return {v: answer(v, known) for v, known in (await self.inner.read(ids, call)).items()}


class IgnoresTheDeadline(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        return await self.inner.read(ids, attrs.evolve(call, deadline=None))


class WaitsPastTheDeadline(Faulty):
    """Refuses a deadline that has passed, and forgets one that has not."""

    async def read(self, ids: Ids, call: Call) -> Answers:
        if call.deadline is not None and call.deadline > self.clock.monotonic():
            call = attrs.evolve(call, deadline=None)
        return await self.inner.read(ids, call)


class _Dates(Faulty):
    def dated(self, reading: StockReading) -> StockReading:
        """The reading, dated as the fault will have it."""
        return reading

    async def read(self, ids: Ids, call: Call) -> Answers:
        answers = await self.inner.read(ids, call)
        return {
            variant: self.dated(answer) if isinstance(answer, StockReading) else answer
            for variant, answer in answers.items()
        }


class DatesByReceipt(_Dates):
    def dated(self, reading: StockReading) -> StockReading:
        return attrs.evolve(reading, as_of=self.clock.now())


class DatesByTheLastChange(_Dates):
    def dated(self, reading: StockReading) -> StockReading:
        return attrs.evolve(reading, as_of=reading.level.updated_at or reading.as_of)


class DatesWithoutAnOffset(_Dates):
    def dated(self, reading: StockReading) -> StockReading:
        reading = attrs.evolve(reading)
        object.__setattr__(reading, "as_of", reading.as_of.replace(tzinfo=None))
        return reading


class AnswersFromMemory(Faulty):
    """Keeps readings, and ignores the staleness that the caller accepts."""

    def __init__(self, inner: Troubled, clock: Clock) -> None:
        super().__init__(inner, clock)
        self.kept: dict[ProductVariantId, StockReading] = {}

    async def read(self, ids: Ids, call: Call) -> Answers:
        missing = [variant for variant in dict.fromkeys(ids) if variant not in self.kept]
        fresh = await self.inner.read(missing, call)
        answers = {v: fresh[v] if v in fresh else self.kept[v] for v in dict.fromkeys(ids)}
        for variant, answer in fresh.items():
            if isinstance(answer, StockReading):
                self.kept[variant] = answer.kept_as(Freshness.CACHED)
        return answers


class CallsKeptReadingsLive(AnswersFromMemory):
    async def read(self, ids: Ids, call: Call) -> Answers:
        if call.max_staleness is not None:
            return await self.inner.read(ids, call)
        return {
            variant: attrs.evolve(answer, as_of=self.clock.now(), freshness=Freshness.LIVE)
            if isinstance(answer, StockReading)
            else answer
            for variant, answer in (await super().read(ids, call)).items()
        }


class AsksForNothing(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        if not ids:
            await self.inner.read([an_id()], call)
        return await self.inner.read(ids, call)


class CancelsTheOthers(Faulty):
    """Shares one in-flight read among its callers, and lets the first one's cancellation end it."""

    def __init__(self, inner: Troubled, clock: Clock) -> None:
        super().__init__(inner, clock)
        self.in_flight: dict[tuple[ProductVariantId, ...], asyncio.Task[Answers]] = {}

    async def read(self, ids: Ids, call: Call) -> Answers:
        key = tuple(ids)
        if key not in self.in_flight:
            self.in_flight[key] = asyncio.create_task(self.inner.read(ids, call))
            self.in_flight[key].add_done_callback(lambda _: self.in_flight.pop(key))
        return dict(await self.in_flight[key])


class SwallowsCancellation(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        try:
            return await self.inner.read(ids, call)
        except asyncio.CancelledError:
            return {variant: UnknownVariant(variant) for variant in ids}


class LeavesATaskBehind(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        self.task = asyncio.create_task(asyncio.sleep(3600))
        return await self.inner.read(ids, call)
