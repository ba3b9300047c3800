"""`SyncInventoryIntegration`: the façade for hosts without an event loop, or with several loops."""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from uuid import UUID
from weakref import WeakSet

import attrs
from anyio.from_thread import BlockingPortal

from shelfport.adapters.facade.initializer import NewVariant
from shelfport.adapters.facade.integration import InventoryIntegration, RefT
from shelfport.adapters.facade.loop_thread import open_portal, refuse_to_block_a_loop, waiting
from shelfport.domain.model import (
    Availability,
    BulkOutcome,
    InitializationOutcome,
    InitializationPolicy,
    QueuedInitialization,
)
from shelfport.ports.signals import BreakerState
from shelfport.ports.snapshot import Snapshot

T = TypeVar("T")


@attrs.frozen
class _Opened:
    portal: BlockingPortal
    closing: ExitStack
    pid: int


class SyncInventoryIntegration(Generic[RefT]):
    """An `InventoryIntegration` that runs in its own event loop, in its own thread.

    It has the same methods with the same arguments, results and errors; they block. Any number of
    threads may use it at once; the caller's context variables apply to the call.

    Open it with `with` or `open` where a process begins to serve, *after* a fork: threads do not
    survive a fork. Until then it has no thread and no connection, and may be made anywhere. It may
    be closed and opened as often as the host likes. If it is still open when the process exits, it
    is closed then: tasks end, and the queue's worker finishes or gives back its entries.

    In gevent's workers it has a real thread, and greenlets wait for it side by side.

    Args:
        inventory: the result of `build`. Do not enter it elsewhere.
    """

    def __init__(self, inventory: InventoryIntegration[RefT]) -> None:
        self._inventory = inventory
        self._opened: _Opened | None = None
        self._lock = threading.Lock()
        _integrations.add(self)

    def __repr__(self) -> str:
        return f"Sync{self._inventory!r}"

    def open(self) -> None:
        """Start the thread, and open all parts.

        In a child that was forked while it was open, it opens parts of its own: neither thread nor
        connections of the parent process are used.

        Raises:
            RuntimeError: it is open already in this process; or eventlet has replaced the threads.
            BadFile: a file that a setting names cannot be used (a `ValueError`).
        """
        with self._lock:
            if self._opened is not None and self._opened.pid == os.getpid():
                raise RuntimeError(
                    "this SyncInventoryIntegration is open already: open it only once"
                )
            self._forget()
            with waiting(), ExitStack() as stack:
                portal = stack.enter_context(open_portal("shelfport"))
                # One task opens and closes all parts, as some of them expect.
                stack.enter_context(portal.wrap_async_context_manager(self._inventory))
                opened = self._opened = _Opened(portal, stack.pop_all(), os.getpid())
        _close_at_exit(self, lambda: self._opened is opened)

    def close(self) -> None:
        """Close all parts, and wait until the thread has ended.

        It closes nothing if it is closed already. A forked child forgets its parent's parts, and
        does not close them.
        """
        with self._lock:
            opened = self._opened
            self._forget()
            if opened is not None and opened.pid == os.getpid():
                with waiting():
                    opened.closing.close()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        """See `open`."""
        self.open()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See `close`."""
        self.close()

    def get_stock_levels(
        self,
        variants: Iterable[RefT],
        *,
        max_staleness: float | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> dict[RefT, Availability]:
        """See `InventoryIntegration.get_stock_levels`."""
        return self._wait_for(
            lambda inventory: inventory.get_stock_levels(
                variants,
                max_staleness=max_staleness,
                deadline=deadline,
                correlation_id=correlation_id,
            )
        )

    def get_stock_level(
        self,
        variant: RefT,
        *,
        max_staleness: float | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> Availability:
        """See `InventoryIntegration.get_stock_level`."""
        return self._wait_for(
            lambda inventory: inventory.get_stock_level(
                variant,
                max_staleness=max_staleness,
                deadline=deadline,
                correlation_id=correlation_id,
            )
        )

    def request_inventory_initialization(
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
        """See `InventoryIntegration.request_inventory_initialization`."""
        return self._wait_for(
            lambda inventory: inventory.request_inventory_initialization(
                variant,
                initial_quantity=initial_quantity,
                low_stock_threshold=low_stock_threshold,
                policy=policy,
                idempotency_key=idempotency_key,
                deadline=deadline,
                correlation_id=correlation_id,
            )
        )

    def request_inventory_initializations(
        self,
        variants: Iterable[RefT | NewVariant[RefT]],
        *,
        initial_quantity: int | None = None,
        low_stock_threshold: int | None = None,
        policy: InitializationPolicy | None = None,
        deadline: float | None = None,
        correlation_id: str | None = None,
    ) -> dict[RefT, BulkOutcome]:
        """See `InventoryIntegration.request_inventory_initializations`."""
        return self._wait_for(
            lambda inventory: inventory.request_inventory_initializations(
                variants,
                initial_quantity=initial_quantity,
                low_stock_threshold=low_stock_threshold,
                policy=policy,
                deadline=deadline,
                correlation_id=correlation_id,
            )
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
        """See `InventoryIntegration.initialization_entry`. It runs in the caller's thread."""
        return self._inventory.initialization_entry(
            variant,
            initial_quantity=initial_quantity,
            low_stock_threshold=low_stock_threshold,
            policy=policy,
            idempotency_key=idempotency_key,
            correlation_id=correlation_id,
        )

    def wake_worker(self) -> None:
        """See `InventoryIntegration.wake_worker`. Any thread may call it."""
        self._inventory.wake_worker()

    def snapshot(self) -> Snapshot:
        """See `InventoryIntegration.snapshot`. It works while the façade is not open, too."""
        opened = self._opened
        if opened is None:
            return self._inventory.snapshot()
        with waiting():
            return self._portal().call(self._inventory.snapshot)

    def force_circuit(self, state: BreakerState | None) -> None:
        """See `InventoryIntegration.force_circuit`."""
        with waiting():
            self._portal().call(self._inventory.force_circuit, state)

    async def run(self, ask: Callable[[InventoryIntegration[RefT]], Coroutine[Any, Any, T]]) -> T:
        """Call a method from a coroutine of another event loop, without blocking that loop.

        For hosts whose synchronous and asynchronous code share an integration, such as Django's
        views::

            levels = await inventory.run(lambda inventory: inventory.get_stock_levels(variants))

        Cancelling the caller cancels the call.

        Args:
            ask: calls one of the methods, and awaits nothing of the caller's loop.
        """
        future: Future[T] = self._portal().start_task_soon(ask, self._inventory)
        answer: T = await asyncio.wrap_future(future)
        return answer

    def _wait_for(self, ask: Callable[[InventoryIntegration[RefT]], Coroutine[Any, Any, T]]) -> T:
        refuse_to_block_a_loop()
        portal = self._portal()
        with waiting():
            future: Future[T] = portal.start_task_soon(ask, self._inventory)
            try:
                return future.result()
            except BaseException:
                future.cancel()  # Ctrl-C ends the call, too; a call that has ended ignores this
                raise

    def _forget(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None and opened.pid != os.getpid():
            _inherited.append(opened)

    def _renew_lock(self) -> None:
        """In a forked child: another thread of the parent process may have held it."""
        self._lock = threading.Lock()

    def _portal(self) -> BlockingPortal:
        opened = self._opened
        if opened is None:
            raise RuntimeError(
                "this SyncInventoryIntegration is not open: open it where the process begins to "
                "serve, with `with` or open()"
            )
        _must_be_of_this_process(opened)
        return opened.portal


_integrations: "WeakSet[SyncInventoryIntegration[Any]]" = WeakSet()
"""All integrations of this process, for a fork."""
_inherited: list[_Opened] = []
"""What a parent process opened: kept, as it would wait for its thread when it is collected."""


def _renew_locks_in_child() -> None:
    for integration in _integrations:
        integration._renew_lock()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew_locks_in_child)


def _must_be_of_this_process(opened: _Opened) -> None:
    if opened.pid != os.getpid():
        raise RuntimeError(
            f"this SyncInventoryIntegration was opened in process {opened.pid}, which forked this "
            f"one ({os.getpid()}), and its thread runs there: open it in each worker, after the "
            "fork (gunicorn: in the hook post_fork, or without --preload; multiprocessing: in "
            "the initializer of each process)"
        )


_CHECK_INTERVAL = 1.0
"""Seconds between two checks whether the façade is still open."""


def _close_at_exit(
    inventory: SyncInventoryIntegration[Any], still_open: Callable[[], bool]
) -> None:
    """Close `inventory` when the process exits.

    `atexit` alone is not enough: it runs after all non-daemon threads have ended, and the queue's
    SQLite connection has one, which ends only when it is closed. A daemon thread that waits for the
    main thread is not enough either: the exit does not wait for it.
    """
    main = threading.main_thread()

    def close_after_main() -> None:
        while still_open():
            main.join(_CHECK_INTERVAL)
            if not main.is_alive():
                inventory.close()

    threading.Thread(target=close_after_main, name="shelfport at exit", daemon=True).start()
    atexit.register(inventory.close)
