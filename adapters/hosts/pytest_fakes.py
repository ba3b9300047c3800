"""The fakes of the pytest plugin: an integration without a service, and a service on a socket."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar, cast
from uuid import UUID, uuid4

import attrs
from dependency_injector import providers

from shelfport.adapters.composition.container import Container
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.events.handler import EventHandler
from shelfport.adapters.events.notifiers import LogNotifier
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.facade.opening import Opening
from shelfport.adapters.layers import CacheOptions, RetryOptions
from shelfport.adapters.memory import InMemoryInventory
from shelfport.adapters.queue.options import QueueOptions
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.contracts.sandbox import FaultMode, Faults, JournalEntry, Sandbox
from shelfport.domain.model import (
    Answer,
    Call,
    ConnectionFailed,
    Freshness,
    Initialized,
    InitialStock,
    InventoryBackInStock,
    InventoryError,
    InventoryEvent,
    InventoryLowStock,
    InventoryOutOfStock,
    Operation,
    PathFailed,
    ProductVariantId,
    ReachedService,
    RequestContext,
    ServiceFailed,
    StockReading,
    StockStatus,
    TimedOut,
    variant_id,
)
from shelfport.ports import Notifier, ProductCatalogPort
from shelfport.ports.snapshot import Snapshot

T = TypeVar("T")

FAILURES: Mapping[str, InventoryError] = {
    "down": ServiceFailed("the Inventory Service answered 503", status=503),
    "refuse": ConnectionFailed(
        "no server listens at the Inventory Service's address", reached_service=ReachedService.NO
    ),
    "hang": TimedOut("the Inventory Service did not answer in time"),
    "garbage": PathFailed(
        "the Inventory Service's answer is not JSON", reached_service=ReachedService.YES
    ),
}
"""The errors that the sandbox's faults of the same names cause."""

_EVENTS: Mapping[StockStatus, type[InventoryEvent]] = {
    StockStatus.OUT_OF_STOCK: InventoryOutOfStock,
    StockStatus.LOW_STOCK: InventoryLowStock,
    StockStatus.IN_STOCK: InventoryBackInStock,
}


def frozen_settings(base_url: str | None = None) -> Settings:
    """Settings for tests: one attempt a call, no fresh cache, and a queue without a worker.

    So a failure shows at once, and a page shows the current stock.
    """
    return Settings(
        base_url=base_url,
        adapter="memory" if base_url is None else None,
        retry=RetryOptions(max_attempts=1),
        cache=CacheOptions(ttl=0, stale_while_revalidate=0),
        queue=QueueOptions(url="memory:", worker=False),
    )


class FakeService:
    """An `InventoryPort` whose stock, age and failures the test sets."""

    def __init__(self) -> None:
        self.memory = InMemoryInventory(clock=SystemClock())
        self.failures: deque[InventoryError] = deque()
        self.ages: dict[ProductVariantId, timedelta] = {}

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        self._fail(Operation.READ, ids, call)
        answers = await self.memory.read(ids, call)
        return {variant: self._aged(variant, answer) for variant, answer in answers.items()}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        self._fail(Operation.INITIALIZE, (request.variant_id,), call)
        return await self.memory.initialize(request, call)

    def _fail(self, operation: Operation, ids: Sequence[ProductVariantId], call: Call) -> None:
        if self.failures:
            raise RequestContext(operation, ids, call).repeated(self.failures.popleft())

    def _aged(self, variant: ProductVariantId, answer: Answer) -> Answer:
        age = self.ages.get(variant)
        if age is None or not isinstance(answer, StockReading):
            return answer
        return attrs.evolve(answer, as_of=answer.as_of - age, freshness=Freshness.STALE)


class FakeInventory(InventoryIntegration[UUID | str]):
    """An `InventoryIntegration` without a service: always open, and it may be entered again."""

    _service: FakeService
    _events_to: EventHandler

    @classmethod
    def made(
        cls, catalog: ProductCatalogPort | None = None, notifier: Notifier | None = None
    ) -> Self:
        """An integration without stock, which passes events to `catalog` and `notifier`."""
        service = FakeService()
        container = Container(
            settings=providers.Object(frozen_settings()), port=providers.Object(service)
        )
        cast("providers.Factory[Any]", container.integration_of_parts).set_provides(cls)
        inventory = cast("Self", container.integration())
        # There is nothing in it to open: calls go to the parts as they are, from any event loop.
        inventory._gate.open(None)  # noqa: SLF001 - its own
        inventory._service = service  # noqa: SLF001 - it is this class's own
        inventory._events_to = EventHandler(  # noqa: SLF001 - as above
            catalog, notifier or LogNotifier(), SystemClock(), SubscriptionCounts(), 1000
        )
        return inventory

    def _must_be_open(self) -> Opening:
        return Opening()  # by the caller, wherever that is

    def snapshot(self) -> Snapshot:
        """See `InventoryIntegration.snapshot`."""
        return attrs.evolve(super().snapshot(), open=True)

    async def __aenter__(self) -> Self:
        """Do nothing: it is open, and the application under test may open it again."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Do nothing: it stays open."""

    def set_stock(
        self,
        variant: UUID | str,
        quantity: int,
        *,
        low_stock_threshold: int = 10,
        seconds_old: float | None = None,
    ) -> None:
        """Set the stock to `quantity` units; opens a record if there is none.

        Args:
            variant: the variant.
            quantity: units that can be sold.
            low_stock_threshold: the threshold of a record that is opened.
            seconds_old: the age of a STALE reading; None for a live reading.
        """
        known = variant_id(variant)
        self._service.memory.set_stock(known, quantity, low_stock_threshold=low_stock_threshold)
        self._service.ages.pop(known, None)
        if seconds_old is not None:
            self._service.ages[known] = timedelta(seconds=seconds_old)

    def fail_next(self, failure: str | InventoryError = "down", *, times: int = 1) -> None:
        """Let the next calls fail.

        Args:
            failure: "down", "refuse", "hang" or "garbage"; or an error to raise.
            times: how many calls.

        Raises:
            ValueError: there is no failure of that name.
        """
        if isinstance(failure, str):
            _must_be_known(failure)
            failure = FAILURES[failure]
        self._service.failures.extend([failure] * times)

    def emit_event(self, status: StockStatus, variant: UUID | str) -> Awaitable[None]:
        """Handle an event: the stock follows it, and the catalog and the notifier receive it.

        Without a running event loop it is done on return; else await the result.
        """
        known = variant_id(variant)
        quantity = {StockStatus.OUT_OF_STOCK: 0, StockStatus.LOW_STOCK: 1}.get(status, 1000)
        self.set_stock(known, quantity)
        event = _EVENTS[status](event_id=uuid4(), occurred_at=SystemClock().now(), variant_id=known)
        handled = self._events_to.handle(event)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(handled)
            return _Done()
        return handled


class _Done:
    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


class InventoryServer:
    """The sandbox Inventory Service on a real socket, in its own thread."""

    def __init__(self) -> None:
        self._sandbox = Sandbox()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="inventory server")
        self.url = ""
        """Its base URL."""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._sandbox.__aenter__(), self._loop).result()
        self.url = self._sandbox.url
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        closing = self._sandbox.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(closing, self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def settings(self) -> Settings:
        """Settings with this server's URL: one attempt a call, no fresh cache."""
        return frozen_settings(self.url)

    @property
    def journal(self) -> list[JournalEntry]:
        """The requests that it received, oldest first."""
        return self._in_thread(lambda: self._sandbox.journal)

    def set_stock(
        self, variant: UUID | str, quantity: int, *, low_stock_threshold: int | None = None
    ) -> None:
        """Set the stock to `quantity` units; opens a record if there is none."""
        known = variant_id(variant)
        self._in_thread(lambda: self._sandbox.set_stock(known, quantity, low_stock_threshold))

    def fail_next(self, failure: str = "down", *, times: int = 1) -> None:
        """Let the next requests fail: "down", "refuse", "hang" or "garbage".

        Raises:
            ValueError: there is no failure of that name.
        """
        _must_be_known(failure)
        # After a `Retry-After` above 0, the requests that follow would not be sent, and fail too.
        faults = Faults(mode=cast("FaultMode", failure), times=times, retry_after=0)
        self._in_thread(lambda: setattr(self._sandbox, "faults", faults))

    def _in_thread(self, work: Callable[[], T]) -> T:
        """Do `work` in the server's thread: a sandbox is used from one event loop."""
        done: Future[T] = Future()

        def do() -> None:
            try:
                done.set_result(work())
            except Exception as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(do)
        return done.result()


def _must_be_known(failure: str) -> None:
    if failure not in FAILURES:
        raise ValueError(f"failure is {failure!r}: it must be one of {', '.join(FAILURES)}")
