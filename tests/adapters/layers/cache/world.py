"""A cache in front of a service that can be slow, down or changed, in virtual time."""

import asyncio
from datetime import datetime

from shelfport import Freshness, InventoryError, ProductVariantId, StockReading
from shelfport.adapters.layers import CacheLayer
from shelfport.domain.model import settled
from shelfport.errors import ContractViolation, FaultScope, TimedOut
from shelfport.options import CacheOptions
from shelfport.ports import DEFAULT_CALL, Answer, Call, UnknownVariant, Unreadable
from tests.support.clocks import LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, ids

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
    """A service whose quantity, delay and health can be set while it runs."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.quantity = 100
        self.delay = 0.0
        self.error: Exception | None = None
        self.unknown: set[object] = set()
        self.faults: dict[ProductVariantId, InventoryError] = {}
        """Why each of these variants cannot be read."""

    async def answer(self, ids: Ids, call: Call) -> Answers:
        sent, quantity = LoopClock().now(), self.quantity
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        return settled({variant: self._answer(variant, quantity, sent) for variant in ids})

    def _answer(self, variant: ProductVariantId, quantity: int, sent: datetime) -> Answer:
        if variant in self.faults:
            return Unreadable(self.faults[variant])
        if variant in self.unknown:
            return UnknownVariant(variant)
        return a_reading(variant, quantity, sent)

    @property
    def asked(self) -> list[list[object]]:
        return [list(read) for read, _ in self.reads]


def freshness(answers: Answers) -> list[Freshness | None]:
    return [a.freshness if isinstance(a, StockReading) else None for a in answers.values()]


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
