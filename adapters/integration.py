"""`InventoryIntegration`: what a host holds (R25)."""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self
from uuid import UUID

from shelfport.adapters.correlation import ambient
from shelfport.adapters.layers import Breaker, CacheSnapshot
from shelfport.adapters.settings import InitialStockOptions
from shelfport.adapters.snapshot import Snapshot
from shelfport.adapters.telemetry import Telemetry
from shelfport.domain.model import (
    DEFAULT_CALL,
    Availability,
    Call,
    Initialized,
    InitialStock,
    RetryBudget,
)
from shelfport.domain.model.signals import BreakerState
from shelfport.domain.services import InventoryInitialization, StockLookup
from shelfport.ports import Clock, VariantMapper

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    RefT = TypeVar("RefT", default=UUID | str)
else:
    # The default is for type checkers alone: `InventoryIntegration` means "of UUID | str".
    from typing import TypeVar

    RefT = TypeVar("RefT")


class InventoryIntegration(Generic[RefT]):
    """The Product Service's door to the Inventory Service. Made by `build`; open while entered.

    Everything is used from the event loop that entered it, by any number of tasks. Variants go by
    whatever the mapper takes: `UUID` or `str` unless the host brought its own.
    """

    def __init__(
        self,
        *,
        lookup: StockLookup,
        initialization: InventoryInitialization,
        clock: Clock,
        mapper: VariantMapper[RefT],
        initial: InitialStockOptions,
        new_key: Callable[[], UUID],
        breaker: Breaker,
        cache: Callable[[], CacheSnapshot],
        budget: RetryBudget,
        telemetry: Sequence[Telemetry] = (),
        resources: Sequence[AbstractAsyncContextManager[Any]] = (),
    ) -> None:
        self._lookup = lookup
        self._initialization = initialization
        self._clock = clock
        self._mapper = mapper
        self._initial = initial
        self._new_key = new_key
        self._breaker = breaker
        self._cache = cache
        self._budget = budget
        self._telemetry = telemetry
        self._resources = resources
        self._open: AsyncExitStack | None = None

    def __repr__(self) -> str:
        return f"InventoryIntegration({self._lookup.port!r})"

    async def __aenter__(self) -> Self:
        if self._open is not None:
            raise RuntimeError("this InventoryIntegration is open already: enter it once")
        async with AsyncExitStack() as stack:
            for resource in self._resources:
                await stack.enter_async_context(resource)
            for telemetry in self._telemetry:
                stack.enter_context(telemetry.showing(self.snapshot))
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            await opened.__aexit__(exc_type, exc, traceback)

    async def get_stock_levels(
        self,
        variants: Iterable[RefT],
        *,
        max_staleness: float | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> dict[RefT, Availability]:
        """The stock of several variants, for a page or a listing (R1).

        One entry for each distinct variant, under the key that was passed, in first-asked order:
        a `StockReading` with its age and freshness, or `Unavailable` with its reason. Never
        raises for anything that the network or the Inventory Service does.

        Args:
            variants: which ones; none at all asks nobody.
            max_staleness: greatest age, in seconds, of a kept reading; 0 for none at all, as at a
                checkout. Without it the settings alone decide.
            deadline: seconds until the answer must be there; without it, the settings'.
            correlation_id: ties the records and the requests to the caller's own.

        Raises:
            ValueError: a variant that is none, or a negative or absurd limit.
        """
        self._must_be_open()
        if isinstance(variants, str):
            raise ValueError(f"{variants!r} is one variant: pass a list, or use get_stock_level")
        ids = {ref: self._mapper(ref) for ref in variants}
        call = self._call(max_staleness, deadline, correlation_id)
        page = await self._lookup.get_stock_levels(tuple(ids.values()), call)
        return {ref: page[variant] for ref, variant in ids.items()}

    async def get_stock_level(
        self,
        variant: RefT,
        *,
        max_staleness: float | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> Availability:
        """The stock of one variant (R2); arguments and errors as for `get_stock_levels`."""
        self._must_be_open()
        call = self._call(max_staleness, deadline, correlation_id)
        return await self._lookup.get_stock_level(self._mapper(variant), call)

    async def request_inventory_initialization(
        self,
        variant: RefT,
        *,
        initial_quantity: int | None = None,
        low_stock_threshold: int | None = None,
        idempotency_key: UUID | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> Initialized:
        """Open the inventory record of a new variant (R4).

        Args:
            variant: which one.
            initial_quantity: units on hand; without it, the settings' (0).
            low_stock_threshold: units at which stock is low; without it, the settings' (10).
            idempotency_key: names the operation, where the host repeats it by itself; without
                it, this call is an operation of its own.
            deadline: seconds until the answer must be there; without it, the settings'.
            correlation_id: ties the records and the requests to the caller's own.

        Returns:
            `Created`, or `AlreadyThere` with the stock of the record that was found.

        Raises:
            InventoryError: the record was not opened, or nobody knows: roll the product back (R20).
            ValueError: an argument is out of its bounds.
        """
        self._must_be_open()
        request = InitialStock(
            variant_id=self._mapper(variant),
            initial_quantity=_given(initial_quantity, self._initial.quantity),
            low_stock_threshold=_given(low_stock_threshold, self._initial.low_stock_threshold),
            idempotency_key=self._new_key() if idempotency_key is None else idempotency_key,
        )
        return await self._initialization.request(
            request, self._call(None, deadline, correlation_id)
        )

    def snapshot(self) -> Snapshot:
        """How things stand, as far as this process knows: no I/O, cheap enough for each second."""
        return Snapshot(
            open=self._open is not None,
            circuit=self._breaker.snapshot(self._clock.monotonic()),
            cache=self._cache(),
            retry_budget=self._budget.tokens,
        )

    def force_circuit(self, state: BreakerState | None) -> None:
        """Hold the circuit open or closed, whatever the service does; None lets it go, closed.

        Open, nothing is asked and pages show what is kept: for an operator who knows better, and
        for a test of what a page shows in an outage.

        Raises:
            ValueError: half-open cannot be held.
        """
        self._breaker.force(state, self._clock.monotonic())

    def _must_be_open(self) -> None:
        if self._open is None:
            raise RuntimeError("this InventoryIntegration is not open: use it inside `async with`")

    def _call(
        self, max_staleness: float | None, deadline: float | None, correlation_id: str | None
    ) -> Call:
        ambient_id, traceparent = ambient()
        correlation_id = correlation_id or ambient_id
        open_terms = max_staleness is None and deadline is None
        if open_terms and correlation_id is None and traceparent is None:
            return DEFAULT_CALL
        until = None
        if deadline is not None:
            if not 0 < deadline < math.inf:
                raise ValueError(f"deadline is {deadline!r}: it must be more than 0 seconds")
            until = self._clock.monotonic() + deadline
        return Call(
            deadline=until,
            max_staleness=max_staleness,
            correlation_id=correlation_id,
            traceparent=traceparent,
        )


def _given(value: int | None, default: int) -> int:
    return default if value is None else value
