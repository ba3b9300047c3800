"""Ports for tests."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import uuid4

from shelfport import (
    Created,
    InventoryItem,
    ProductVariantId,
    StockStatus,
    SystemClock,
)
from shelfport.ports import (
    Answer,
    Call,
    Initialized,
    InitialStock,
)
from tests.support.clocks import EPOCH
from tests.support.values import a_reading

Ids = Sequence[ProductVariantId]
Answers = Mapping[ProductVariantId, Answer]
Script = Callable[[Ids, Call], Awaitable[Answers]]


class ScriptedPort:
    """Answers reads by `script` (by default 100 units of each variant) and records all calls."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script
        self.reads: list[tuple[list[ProductVariantId], Call]] = []
        self.initializations: list[tuple[InitialStock, Call]] = []

    async def read(self, ids: Ids, call: Call) -> Answers:
        self.reads.append((list(ids), call))
        if self.script is not None:
            return await self.script(ids, call)
        return {variant: a_reading(variant) for variant in dict.fromkeys(ids)}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        self.initializations.append((request, call))
        return Created(
            InventoryItem(
                id=uuid4(),
                variant_id=request.variant_id,
                quantity=request.initial_quantity,
                available_quantity=request.initial_quantity,
                status=StockStatus.OUT_OF_STOCK,
                updated_at=EPOCH,
            )
        )


class Lively(ScriptedPort):
    """A service that answers with live readings; it can be slow, or down."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.delay = 0.0
        self.error: Exception | None = None

    async def answer(self, ids: Ids, call: Call) -> Answers:
        if self.error is not None:
            raise self.error
        now = SystemClock().now()
        await asyncio.sleep(self.delay)
        return {variant: a_reading(variant, as_of=now) for variant in ids}


def raising(error: Exception) -> Script:
    """A script that raises `error`."""

    async def script(ids: Ids, call: Call) -> Answers:
        raise error

    return script
