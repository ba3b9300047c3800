"""Harnesses of our own adapters, and of any stack of layers above them."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from shelfport import (
    InMemoryInventory,
    InventoryError,
    InventoryPort,
    ProductVariantId,
)
from shelfport.contracts.conformance import SLOW_BY, Harness, RealClock, Trouble
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.domain.model import settled
from shelfport.errors import (
    ConnectionFailed,
    ContractViolation,
    DeadlineExceeded,
    FaultScope,
    Operation,
    ReachedService,
    ServiceOverloaded,
    Unauthorized,
)
from shelfport.http import HttpInventory
from shelfport.options import HttpOptions
from shelfport.ports import (
    Answer,
    Call,
    Clock,
    Initialized,
    InitialStock,
    Unreadable,
)

T = TypeVar("T")
Wrap = Callable[[InventoryPort, Clock], AbstractAsyncContextManager[InventoryPort]]
"""Opens an adapter with layers around it."""

LOST = ConnectionFailed("the connection broke", reached_service=ReachedService.NO)


@asynccontextmanager
async def bare(adapter: InventoryPort, clock: Clock) -> AsyncIterator[InventoryPort]:
    """No layer."""
    async with AsyncExitStack() as opened:
        if isinstance(adapter, AbstractAsyncContextManager):
            await opened.enter_async_context(adapter)
        yield adapter


class MemoryHarness(Harness):
    """The memory adapter alone, with the one trouble that it makes by itself."""

    def __init__(self) -> None:
        self.clock = RealClock()
        self.memory = InMemoryInventory(clock=self.clock)

    def adapter(self) -> AbstractAsyncContextManager[InventoryPort]:
        return bare(self.memory, self.clock)

    async def set_stock(
        self, variant: ProductVariantId, quantity: int, *, low_stock_threshold: int = 10
    ) -> None:
        self.memory.set_stock(variant, quantity, low_stock_threshold=low_stock_threshold)

    async def remove(self, variant: ProductVariantId) -> None:
        self.memory.remove(variant)

    async def stored(self, variant: ProductVariantId) -> int | None:
        record = self.memory._records.get(variant)
        return None if record is None else record.item.quantity

    async def records(self) -> int:
        return len(self.memory._records)

    async def cause(self, trouble: Trouble | None) -> None:
        self.memory.fail_with(None if trouble is None else LOST)


class Troubled:
    """An honest adapter over a memory that gets into every trouble there is."""

    def __init__(self, memory: InMemoryInventory, clock: Clock, *, honours_deadline: bool) -> None:
        self._memory = memory
        self._clock = clock
        self._honours_deadline = honours_deadline
        self.trouble: Trouble | None = None
        self.spoilt: set[ProductVariantId] = set()
        self.requests = 0

    def __repr__(self) -> str:
        return "Troubled(InMemoryInventory)"

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        answers = dict(
            await self._exchange(lambda: self._memory.read(ids, call), Operation.READ, ids, call)
        )
        for variant in self.spoilt.intersection(answers):
            answers[variant] = Unreadable(
                _error(ContractViolation, Operation.READ, [variant], call, scope=FaultScope.ELEMENT)
            )
        return settled(answers)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        return await self._exchange(
            lambda: self._memory.initialize(request, call),
            Operation.INITIALIZE,
            (request.variant_id,),
            call,
        )

    async def _exchange(
        self,
        carry_out: Callable[[], Awaitable[T]],
        operation: Operation,
        ids: Sequence[ProductVariantId],
        call: Call,
    ) -> T:
        deadline = call.deadline if self._honours_deadline else None
        if not ids or (deadline is not None and deadline <= self._clock.monotonic()):
            return await carry_out()  # sends no request, or refuses
        self.requests += 1
        match self.trouble:
            case Trouble.UNREACHABLE:
                raise _error(ConnectionFailed, operation, ids, call, reached=ReachedService.NO)
            case Trouble.OVERLOADED:
                raise _error(ServiceOverloaded, operation, ids, call, retry_after=1.0)
            case Trouble.UNAUTHORIZED:
                raise _error(Unauthorized, operation, ids, call)
            case Trouble.GARBAGE:
                await carry_out()
                raise _error(ContractViolation, operation, ids, call)
            case Trouble.ANSWER_LOST:
                await carry_out()
                raise _error(ConnectionFailed, operation, ids, call)
            case Trouble.HANG:
                seconds = None if deadline is None else deadline - self._clock.monotonic()
                try:
                    async with asyncio.timeout(seconds):
                        await asyncio.get_running_loop().create_future()
                except TimeoutError as error:
                    raise _error(DeadlineExceeded, operation, ids, call) from error
                raise AssertionError("unreachable")
            case Trouble.SLOW:
                answer = await carry_out()
                await asyncio.sleep(SLOW_BY)
                return answer
            case None:
                return await carry_out()


def _error(
    kind: type[InventoryError],
    operation: Operation,
    ids: Sequence[ProductVariantId],
    call: Call,
    *,
    reached: ReachedService | None = None,
    scope: FaultScope | None = None,
    retry_after: float | None = None,
) -> InventoryError:
    return kind(
        f"{kind.__name__}, as the harness was told",
        operation=operation,
        ids=ids,
        correlation_id=call.correlation_id,
        attempts=call.attempt,
        reached_service=reached,
        scope=scope,
        retry_after=retry_after,
    )


class TroubledMemoryHarness(MemoryHarness):
    """A stack over a memory that gets into every trouble."""

    def __init__(self, wrap: Wrap, *, honours_deadline: bool = True) -> None:
        super().__init__()
        self._wrap = wrap
        self._below = Troubled(self.memory, self.clock, honours_deadline=honours_deadline)

    def adapter(self) -> AbstractAsyncContextManager[InventoryPort]:
        return self._wrap(self._below, self.clock)

    async def cause(self, trouble: Trouble | None) -> None:
        self._below.trouble = trouble

    async def spoil(self, variant: ProductVariantId) -> None:
        self._below.spoilt.add(variant)

    def requests(self) -> int:
        return self._below.requests


FAULTS = {
    Trouble.UNREACHABLE: Faults(mode="refuse"),
    Trouble.OVERLOADED: Faults(error_rate=1, error_status=429),
    Trouble.UNAUTHORIZED: Faults(error_rate=1, error_status=401),
    Trouble.GARBAGE: Faults(mode="garbage"),
    Trouble.ANSWER_LOST: Faults(mode="truncated"),
    Trouble.HANG: Faults(mode="hang"),
    Trouble.SLOW: Faults(latency=SLOW_BY),
    None: Faults(),
}


class SandboxHarness(Harness):
    """A stack over HTTP to a sandbox, on real sockets; the truth is read from its database."""

    def __init__(self, folder: Path, wrap: Wrap = bare) -> None:
        self.clock = RealClock()
        self._path = folder / "sandbox.db"
        self._wrap = wrap
        self._sandbox = Sandbox(store_path=self._path)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._sandbox)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def unopened(self) -> InventoryPort:
        return HttpInventory("http://127.0.0.1:9", clock=self.clock)

    def adapter(self) -> AbstractAsyncContextManager[InventoryPort]:
        # A level that breaks the contract is refused, and not repaired: `spoil` makes one.
        options = HttpOptions(strict=True)
        port = HttpInventory(self._sandbox.url, clock=self.clock, options=options)
        return self._wrap(port, self.clock)

    async def set_stock(
        self, variant: ProductVariantId, quantity: int, *, low_stock_threshold: int = 10
    ) -> None:
        self._sandbox.set_stock(variant, quantity, low_stock_threshold)

    async def remove(self, variant: ProductVariantId) -> None:
        self._query("DELETE FROM record WHERE variant_id = ?", str(variant))

    async def stored(self, variant: ProductVariantId) -> int | None:
        rows = self._query("SELECT quantity FROM record WHERE variant_id = ?", str(variant))
        return rows[0][0] if rows else None

    async def records(self) -> int:
        [(count,)] = self._query("SELECT count(*) FROM record")
        return count

    async def cause(self, trouble: Trouble | None) -> None:
        self._sandbox.faults = FAULTS[trouble]

    async def spoil(self, variant: ProductVariantId) -> None:
        self._query("UPDATE record SET quantity = -1 WHERE variant_id = ?", str(variant))

    def requests(self) -> int:
        return self._sandbox.requests()

    def _query(self, statement: str, *values: str) -> list[tuple[int, ...]]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            return connection.execute(statement, values).fetchall()
