"""`InventoryIntegration`: the façade that a host uses."""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self
from uuid import UUID
from weakref import WeakSet

import attrs

from shelfport.adapters.facade.initializer import Initializer, NewVariant
from shelfport.adapters.facade.opening import NOT_OPEN, Gate, Opening
from shelfport.adapters.layers import CircuitBreaker, SharedCacheClient
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.adapters.queue.worker import Worker
from shelfport.adapters.runtime.request_context import NO_IDS, ambient
from shelfport.domain.model import (
    DEFAULT_CALL,
    Availability,
    BulkOutcome,
    Call,
    InitializationOutcome,
    InitializationPolicy,
    QueuedInitialization,
)
from shelfport.domain.services import StockLookup
from shelfport.ports import Clock, InitializationQueue
from shelfport.ports.signals import BreakerState
from shelfport.ports.snapshot import (
    CacheSnapshot,
    EventsSnapshot,
    QueueSnapshot,
    Snapshot,
    TlsSnapshot,
)
from shelfport.ports.telemetry import Telemetry

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    RefT = TypeVar("RefT", default=UUID | str)
else:
    # The default is for type checkers alone: `InventoryIntegration` means "of UUID | str".
    from typing import TypeVar

    RefT = TypeVar("RefT")


class InventoryIntegration(Generic[RefT]):
    """The Product Service's access to the Inventory Service. Made by `build`; open while entered.

    Use it from the event loop that entered it, by any number of tasks. It may be closed and entered
    again, in another event loop, as often as the host likes. A process that was forked while it was
    open enters it again, too, and gets connections, tasks and a cache of its own.

    The host names variants by `UUID` or `str`, or by the type that its own mapper takes.
    """

    def __init__(
        self,
        *,
        lookup: StockLookup[RefT],
        initializer: Initializer[RefT],
        clock: Clock,
        breaker: CircuitBreaker,
        cache_snapshot: Callable[[], CacheSnapshot],
        budget: RetryBudget,
        shared_cache: SharedCacheClient | None = None,
        queue: InitializationQueue | None = None,
        worker: Worker | None = None,
        events: Callable[[], EventsSnapshot] | None = None,
        tls: Callable[[], TlsSnapshot | None] = lambda: None,
        telemetry: Sequence[Telemetry] = (),
        resources: Sequence[AbstractAsyncContextManager[Any]] = (),
        rebuild: Callable[[], "InventoryIntegration[RefT]"] | None = None,
    ) -> None:
        self._gate = Gate(lookup.port, lookup.hits)
        self._lookup = attrs.evolve(lookup, port=self._gate, hits=self._gate)
        service = attrs.evolve(initializer.service, port=self._gate)
        self._initializer = attrs.evolve(initializer, service=service)
        self._clock = clock
        self._breaker = breaker
        self._cache_snapshot = cache_snapshot
        self._budget = budget
        self._shared_cache = shared_cache
        self._queue = queue
        self._worker = worker
        self._events = events
        self._tls = tls
        self._telemetry = telemetry
        self._resources = resources
        self._rebuild = rebuild
        self._open = AsyncExitStack()
        self._opening: Opening | None = None
        _integrations.add(self)

    def __repr__(self) -> str:
        return f"InventoryIntegration({self._gate.inner!r})"

    async def __aenter__(self) -> Self:
        """Open all parts, in the running event loop.

        Raises:
            BadFile: a file that a setting names cannot be used (a `ValueError`).
            RuntimeError: it is open already, in this process.
        """
        if self._opening is not None:
            if not self._opening.is_left_behind:
                raise RuntimeError("this InventoryIntegration is open already: enter it only once")
            self._leave_behind(self._opening)
        async with AsyncExitStack() as stack:
            for resource in self._resources:
                await stack.enter_async_context(resource)
            for telemetry in self._telemetry:
                stack.enter_context(telemetry.attach(self.snapshot))
            self._open = stack.pop_all()
        self._opening = Opening()
        self._gate.open(self._opening)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all parts, after the initializations under way.

        They get 5 seconds to end. Then a policy that queues queues them, and the others raise an
        `InventoryError`. In a forked child it does nothing: the parts are the parent's.
        """
        opening = self._opening
        if opening is None or opening.is_closing or opening.is_left_behind:
            return
        opening.must_be_here()
        try:
            await opening.drain()
        finally:
            self._opening = None
            self._gate.close(None)
            await self._open.__aexit__(exc_type, exc, traceback)

    async def get_stock_levels(
        self,
        variants: Iterable[RefT],
        *,
        max_staleness: float | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> dict[RefT, Availability]:
        """The stock of several variants, for a page or a listing.

        The result has one entry for each distinct variant, under the key that was passed, in the
        order of the request: a `StockReading` with its age and freshness, or `Unavailable` with its
        reason. A failure of the network or the Inventory Service raises nothing.

        Args:
            variants: the variants; an empty iterable sends no request.
            max_staleness: greatest age, in seconds, of a cached reading; 0 accepts none, as for a
                checkout. Without it, the settings decide.
            deadline: seconds until the answer must be there; without it, the settings'.
            correlation_id: identifies the caller's request in log records and in requests.

        Raises:
            ValueError: a variant is not valid, or a limit is out of its bounds.
        """
        if isinstance(variants, str):
            raise ValueError(f"{variants!r} is one variant: pass a list, or use get_stock_level")
        refs = list(variants)  # the caller may change its list while it waits
        call = self._call(max_staleness, deadline, correlation_id)
        return await self._lookup.get_stock_levels(refs, call)

    async def get_stock_level(
        self,
        variant: RefT,
        *,
        max_staleness: float | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> Availability:
        """The stock of one variant; arguments and errors as for `get_stock_levels`."""
        call = self._call(max_staleness, deadline, correlation_id)
        return await self._lookup.get_stock_level(variant, call)

    async def request_inventory_initialization(
        self,
        variant: RefT,
        *,
        initial_quantity: int | None = None,
        low_stock_threshold: int | None = None,
        policy: InitializationPolicy | None = None,
        idempotency_key: UUID | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> InitializationOutcome:
        """Open the inventory record of a new variant.

        Args:
            variant: the new variant.
            initial_quantity: units on hand; without it, the settings' (0).
            low_stock_threshold: units at which stock is low; without it, the settings' (10).
            policy: what happens if the record cannot be opened now; without it, the settings'
                (ROLL_BACK).
            idempotency_key: identifies the operation, for a host that repeats it; without it, each
                call is a new operation.
            deadline: seconds until the answer must be there; without it, the settings'. Under
                ROLL_BACK it includes a read that looks for the record of an unanswered request.
            correlation_id: identifies the caller's request in log records and in requests.

        Returns:
            `Created`, or `AlreadyThere` with the stock of the record that was found. Under a
            policy that queues also `Queued`: stored, and opened later; or `PermanentlyRejected`.

        Raises:
            InventoryError: under ROLL_BACK, the record was not opened, or the outcome is unknown;
                under the others, the request could not be queued either. Roll the product back.
            ValueError: an argument is out of its bounds, or the policy is not possible.
        """
        new = NewVariant(
            variant,
            initial_quantity=initial_quantity,
            low_stock_threshold=low_stock_threshold,
            idempotency_key=idempotency_key,
        )
        with self._must_be_open().initializing():
            call = self._call(None, deadline, correlation_id)
            return await self._initializer.request(new, call, policy)

    async def request_inventory_initializations(
        self,
        variants: Iterable[RefT | NewVariant[RefT]],
        *,
        initial_quantity: int | None = None,
        low_stock_threshold: int | None = None,
        policy: InitializationPolicy | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> dict[RefT, BulkOutcome]:
        """Open the inventory records of several variants, each as an operation of its own.

        The result has one outcome for each variant, under the key that was passed, in the order of
        the request. Where a single request raises, the outcome is a `NotInitialized`, so that one
        failure hides no other outcome.

        Args:
            variants: the variants; a `NewVariant` for one with its own numbers or key.
            initial_quantity: for all variants without their own.
            low_stock_threshold: for all variants without their own.
            policy: for all variants.
            deadline: seconds until all answers must be there.
            correlation_id: for all variants.

        Raises:
            ValueError: as for a single request, or a variant occurs twice; no request was sent.
        """
        with self._must_be_open().initializing():
            if isinstance(variants, str):
                raise ValueError(f"{variants!r} is one variant: pass a list")
            return await self._initializer.request_all(
                variants,
                self._call(None, deadline, correlation_id),
                policy,
                initial_quantity=initial_quantity,
                low_stock_threshold=low_stock_threshold,
            )

    def initialization_entry(
        self,
        variant: RefT,
        *,
        initial_quantity: int | None = None,
        low_stock_threshold: int | None = None,
        policy: InitializationPolicy | None = None,
        idempotency_key: UUID | None = None,
        correlation_id: str | None = None,
    ) -> QueuedInitialization:
        """An entry for the queue, which the host stores in the transaction that makes its product.

        The product and the entry are then both stored, or neither. This method does no I/O: one of
        the `enqueue_…` functions stores the entry over the host's own connection. `wake_worker`,
        after the commit, makes this process's worker process the entry at once.

        Args:
            variant: the new variant; other arguments as for `request_inventory_initialization`.
            initial_quantity: units on hand.
            low_stock_threshold: units at which stock is low.
            policy: RETRY_LATER or NOT_ORDERABLE; without it, the settings' if that is one of them,
                else RETRY_LATER.
            idempotency_key: identifies the operation; an entry with it is stored only once.
            correlation_id: every attempt is sent with it.

        Raises:
            ValueError: an argument is out of its bounds, or the policy is not possible.
        """
        new = NewVariant(
            variant,
            initial_quantity=initial_quantity,
            low_stock_threshold=low_stock_threshold,
            idempotency_key=idempotency_key,
        )
        return self._initializer.entry(new, self._call(None, None, correlation_id), policy)

    def wake_worker(self) -> None:
        """Make this process's worker check the queue now. Never raises."""
        opening = self._opening
        if self._queue is not None and (opening is None or opening.pid == os.getpid()):
            self._queue.wake()

    def snapshot(self) -> Snapshot:
        """The state of this integration, without I/O; cheap enough to call every second."""
        now = self._clock.monotonic()
        return Snapshot(
            open=self._opening is not None and self._opening.pid == os.getpid(),
            circuit_breaker=self._breaker.snapshot(now),
            cache=self._cache_snapshot(),
            retry_budget=self._budget.tokens,
            shared_cache=None if self._shared_cache is None else self._shared_cache.snapshot(now),
            queue=self._queue_snapshot(),
            events=None if self._events is None else self._events(),
            tls=self._tls(),
        )

    def _queue_snapshot(self) -> QueueSnapshot | None:
        if self._queue is None:
            return None
        if self._worker is None:
            return QueueSnapshot(as_of=None)
        return self._worker.snapshot(self._clock.now())

    @property
    def queue(self) -> InitializationQueue | None:
        """The queue of initializations, for an operator's tools; None without `queue.url`."""
        return self._queue

    def force_circuit(self, state: BreakerState | None) -> None:
        """Force the circuit open or closed, whatever the service does; None ends that, closed.

        While it is open no request is sent, and pages show cached readings: for an operator, and
        for a test of an outage.

        Raises:
            ValueError: `state` is half-open.
        """
        self._breaker.force(state, self._clock.monotonic())

    def _must_be_open(self) -> Opening:
        if self._opening is None:
            raise RuntimeError(NOT_OPEN)
        return self._opening

    def _leave_behind(self, opening: Opening) -> None:
        """Take new parts, where those of `opening` can neither be used nor closed.

        Raises:
            RuntimeError: it cannot be built again.
        """
        if self._rebuild is None:
            raise RuntimeError(
                "this InventoryIntegration was left open in another process or event loop, and was "
                "not made by `build` or a `Container`: make a new one"
            )
        fresh = self._rebuild()
        if opening.pid != os.getpid():
            _inherited.append(dict(vars(self)))
        vars(self).update(vars(fresh))

    def _call(
        self, max_staleness: float | None, deadline: float | None, correlation_id: str | None
    ) -> Call:
        ids = ambient()
        no_limits = max_staleness is None and deadline is None
        if no_limits and correlation_id is None and ids is NO_IDS:
            return DEFAULT_CALL
        ambient_id, traceparent = ids
        correlation_id = correlation_id or ambient_id
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


_integrations: "WeakSet[InventoryIntegration[Any]]" = WeakSet()
"""All integrations of this process, for a fork."""
_inherited: list[object] = []
"""What a parent process opened. It is kept, as it would close itself when it is collected: the
kernel's event queue, which the parent goes on using, would forget the parent's connections."""


def _refuse_calls_in_child() -> None:
    for integration in _integrations:
        if integration._opening is not None:  # noqa: SLF001 - of this module
            integration._gate.close(integration._opening)  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_refuse_calls_in_child)
