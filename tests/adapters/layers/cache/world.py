"""A cache in front of a service that can be slow, down or changed, in virtual time."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import attrs

from shelfport import Freshness, InventoryError, ProductVariantId, StockLevel, StockReading
from shelfport.adapters.layers import CacheLayer
from shelfport.domain.model import settled
from shelfport.errors import ContractViolation, FaultScope, TimedOut
from shelfport.options import CacheOptions
from shelfport.ports import DEFAULT_CALL, Answer, Call, Clock, UnknownVariant, Unreadable
from tests.support.clocks import EPOCH, LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_level, ids

A, B, C, D = ids(4)
DOWN = TimedOut("down")
NONSENSE = ContractViolation("a negative quantity", ids=(A,), scope=FaultScope.ELEMENT)
"""One element of an answer, that of A, is nonsense."""
OPTIONS = CacheOptions(
    ttl=5,
    stale_while_revalidate=25,
    stale_if_error=295,
    soft_timeout=0.25,
    negative_ttl=4,
    max_background_refreshes=2,
    refresh_backoff=1,
)
LIVE, CACHED, STALE = Freshness.LIVE, Freshness.CACHED, Freshness.STALE


class Service(ScriptedPort):
    """A service whose stock, delay and health can be set while it runs."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(self.answer)
        self.clock = clock or LoopClock()
        """Dates the answers, as the adapter in front of the service does."""
        self.quantity = 100
        self.updated_at: datetime | None = EPOCH
        self.reported_status: str | None = None
        self.upstream_age = 0.0
        """How old its answers are on arrival: a cache in front of it has kept them."""
        self.delay = 0.0
        self.error: Exception | None = None
        self.unknown: set[object] = set()
        self.left_out: set[object] = set()
        """What an answer about several variants lacks, although the service has a record of it."""
        self.faults: dict[ProductVariantId, InventoryError] = {}
        """Why each of these variants cannot be read."""

    async def answer(self, ids: Ids, call: Call) -> Answers:
        sent = self.clock.now() - timedelta(seconds=self.upstream_age)
        make = partial(self._answer, level=self._level, sent=sent, age=self.upstream_age)
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        return settled({variant: make(variant, alone=len(ids) == 1) for variant in ids})

    def _answer(
        self,
        variant: ProductVariantId,
        *,
        level: StockLevel,
        sent: datetime,
        age: float,
        alone: bool,
    ) -> Answer:
        if variant in self.faults:
            return Unreadable(self.faults[variant])
        if variant in self.unknown or (variant in self.left_out and not alone):
            return UnknownVariant(variant, None, age, alone)
        return StockReading(attrs.evolve(level, variant_id=variant), sent, "test", LIVE, age)

    @property
    def _level(self) -> StockLevel:
        status = self.reported_status
        level = attrs.evolve(a_level(A, self.quantity), updated_at=self.updated_at)
        return attrs.evolve(level, reported_status=status)

    @property
    def asked(self) -> list[list[object]]:
        return [list(read) for read, _ in self.reads]


def freshness(answers: Answers) -> list[Freshness | None]:
    return [a.freshness if isinstance(a, StockReading) else None for a in answers.values()]


def readings(answers: Answers) -> list[StockReading]:
    """Those of `answers` that are readings."""
    return [answer for answer in answers.values() if isinstance(answer, StockReading)]


def quantities(answers: Answers) -> list[int | None]:
    return [
        a.level.available_quantity if isinstance(a, StockReading) else None
        for a in answers.values()
    ]


async def read(cached: CacheLayer, *ids: ProductVariantId, call: Call = DEFAULT_CALL) -> Answers:
    return await cached.read(ids, call)


async def after(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def all_turns() -> None:
    """Let everything run that is ready to, without any time passing."""
    for _ in range(10):
        await asyncio.sleep(0)
