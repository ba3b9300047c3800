"""`SharedCacheClient`: client of the shared cache, with a hard timeout and its own circuit breaker.

It is bypassed while the store is unavailable. `SharedStore` is the Protocol of a store; Redis is
one (`shelfport.adapters.redis`). Writes that no caller waits for go through a bounded queue.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import attrs

from shelfport.adapters.layers.circuit_breaker.breaker import CallOutcome, CircuitBreaker
from shelfport.adapters.layers.circuit_breaker.options import BreakerOptions
from shelfport.adapters.layers.shared_cache.options import SharedCacheOptions
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import (
    InventoryEvent,
    ProductVariantId,
)
from shelfport.ports import Clock, Listener
from shelfport.ports.shared_store import (
    Lookup,
    LookupOptions,
    SharedCacheUnavailable,
    SharedStore,
    StoreRequest,
)
from shelfport.ports.signals import (
    BreakerChanged,
    BreakerState,
    SharedCacheDown,
    SharedCacheRecovered,
    SharedCacheWritesDropped,
    Signal,
)
from shelfport.ports.snapshot import SharedCacheSnapshot

T = TypeVar("T")
_Write = Callable[[], Awaitable[None]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_LOOKED_UP = 1000
"""Variants in one round trip: more would block the store for other clients for milliseconds."""


@attrs.define(eq=False)
class SharedCacheClient:
    """Calls the store with a bound of `timeout` on every wait.

    After a few failures the circuit opens, and callers do not wait for the store at all. A task of
    this object, never a caller, tries the store again every `reconnect_interval` seconds.
    """

    store: SharedStore
    options: SharedCacheOptions
    clock: Clock = attrs.field(repr=False)
    background: Background = attrs.field(repr=False)
    listener: Listener = attrs.field(repr=False)
    hits: int = attrs.field(init=False, default=0, repr=False)
    misses: int = attrs.field(init=False, default=0, repr=False)
    backplane_connected: bool = attrs.field(init=False, default=False, repr=False)
    _dropped: int = attrs.field(init=False, default=0, repr=False)
    _circuit: CircuitBreaker = attrs.field(init=False, repr=False)
    _writes: asyncio.Queue[_Write] = attrs.field(init=False, repr=False)
    """Of this opening: a queue belongs to the loop of its reader."""
    _last_failure: str = attrs.field(init=False, default="", repr=False)
    """Why the last call failed; empty if it succeeded."""

    def __attrs_post_init__(self) -> None:
        circuit = BreakerOptions(
            minimum_calls=3,
            slow_call_rate_threshold=1,
            open_duration=self.options.reconnect_interval,
        )
        self._circuit = CircuitBreaker(circuit, self._circuit_changed)
        self._writes = asyncio.Queue(self.options.write_queue_size)

    async def __aenter__(self) -> Self:
        self._writes = asyncio.Queue(self.options.write_queue_size)
        self.background.start(self._write_queued(), "shared cache writer")
        if self._circuit.state is not BreakerState.CLOSED:  # since it was open before
            self.background.start(self._probe(), "shared cache probe")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Its tasks belong to the `Background` scope, and end with it."""

    async def lookup(
        self, ids: Sequence[ProductVariantId], options: LookupOptions, deadline: float | None
    ) -> Mapping[ProductVariantId, Lookup] | None:
        """`SharedStore.lookup` of a page; None if the store is unavailable or too slow."""
        lookups: dict[ProductVariantId, Lookup] = {}
        for batch in _batches(ids):
            bound = self.options.timeout
            if deadline is not None:
                bound = min(bound, deadline - self.clock.monotonic())
            try:
                lookup = partial(self.store.lookup, batch, options)
                lookups.update(await self._bounded(lookup, bound))
            except SharedCacheUnavailable:
                return None
        return lookups

    def store_later(self, page: Mapping[ProductVariantId, StoreRequest], claim: str) -> None:
        """Queue a `SharedStore.store`; it is dropped if the queue is full or the store fails."""
        for batch in _batches(list(page)):
            requests = {variant: page[variant] for variant in batch}
            self._enqueue(partial(self._store, requests, claim))

    def release_later(self, ids: Sequence[ProductVariantId], claim: str) -> None:
        """Queue a `SharedStore.release`, as `store_later`."""
        for batch in _batches(ids):
            self._enqueue(partial(self.store.release, batch, claim))

    def fence_later(self, ids: Sequence[ProductVariantId]) -> None:
        """Queue a `SharedStore.fence`, as `store_later`."""
        self._enqueue(lambda: self.store.fence(ids, None))

    async def fence(self, ids: Sequence[ProductVariantId], stamp: str | None = None) -> None:
        """`SharedStore.fence` now; it is dropped if the store fails or is too slow."""
        await self._write(lambda: self.store.fence(ids, stamp))

    async def apply_event(self, event: InventoryEvent) -> None:
        """See `CacheInvalidator.apply_event`: what was read before `event` is not current after it.

        Every replica may apply it: the first one fences, and the others change nothing.
        """
        moment = (event.occurred_at - _EPOCH) // timedelta(microseconds=1)
        await self.fence((event.variant_id,), f"{moment:020d}-{event.event_id.hex}")

    async def apply_write(self, variants: Sequence[ProductVariantId]) -> None:
        """See `CacheInvalidator.apply_write`."""
        await self.fence(variants)

    def snapshot(self, now: float) -> SharedCacheSnapshot:
        """The state at `now` (monotonic)."""
        return SharedCacheSnapshot(
            circuit_breaker=self._circuit.snapshot(now),
            hits=self.hits,
            misses=self.misses,
            dropped_writes=self._dropped,
            backplane_connected=self.backplane_connected,
        )

    async def _store(self, page: Mapping[ProductVariantId, StoreRequest], claim: str) -> None:
        # The time is read here, not in `store_later`: the request has waited in the queue.
        await self.store.store(page, self.clock.now(), claim)

    def _enqueue(self, write: _Write) -> None:
        try:
            self._writes.put_nowait(write)
        except asyncio.QueueFull:
            self._drop(f"the queue is full ({self._writes.maxsize})")

    async def _write_queued(self) -> None:
        while True:
            await self._write(await self._writes.get())

    async def _write(self, write: _Write) -> None:
        try:
            await self._bounded(write, self.options.timeout)
        except SharedCacheUnavailable as error:
            self._drop(str(error))

    def _drop(self, why: str) -> None:
        self._dropped += 1
        self.listener(SharedCacheWritesDropped(self._dropped, why))

    async def _bounded(self, ask: Callable[[], Awaitable[T]], bound: float) -> T:
        """The result of `ask`, if it comes within `bound` seconds.

        Raises:
            SharedCacheUnavailable: the circuit is open, or the store failed or was too slow.
        """
        permit = None
        if self._circuit.state is BreakerState.CLOSED:  # no caller is the probe of an open circuit
            permit = self._circuit.acquire(self.clock.monotonic())
        if permit is None:
            raise SharedCacheUnavailable("the shared cache is unavailable")
        outcome = CallOutcome.IGNORED
        try:
            async with asyncio.timeout(bound):
                result = await ask()
            outcome = CallOutcome.SUCCESS
            self._last_failure = ""
        except TimeoutError as error:
            self._last_failure = f"no answer within {bound:g} s"
            if bound >= self.options.timeout:
                outcome = CallOutcome.FAILURE
            raise SharedCacheUnavailable(self._last_failure) from error
        except SharedCacheUnavailable as error:
            self._last_failure = str(error)
            outcome = CallOutcome.FAILURE if error.store_failed else CallOutcome.SUCCESS
            raise
        finally:
            self._circuit.release(permit, outcome, self.clock.monotonic())
        return result

    def _circuit_changed(self, signal: Signal) -> None:
        if not isinstance(signal, BreakerChanged):
            return
        if signal.before is BreakerState.CLOSED:
            self.listener(SharedCacheDown(self._last_failure or signal.why))
            self.background.start(self._probe(), "shared cache probe")
        elif signal.after is BreakerState.CLOSED:
            self.listener(SharedCacheRecovered())

    async def _probe(self) -> None:
        """Try the store every `reconnect_interval` seconds, until it answers."""
        while self._circuit.state is not BreakerState.CLOSED:
            await asyncio.sleep(self.options.reconnect_interval)
            permit = self._circuit.acquire(self.clock.monotonic())
            if permit is None:
                continue
            outcome = CallOutcome.FAILURE
            try:
                with suppress(SharedCacheUnavailable, TimeoutError):
                    async with asyncio.timeout(self.options.timeout):
                        await self.store.check()
                    outcome = CallOutcome.SUCCESS
            finally:
                self._circuit.release(permit, outcome, self.clock.monotonic())


def _batches(ids: Sequence[ProductVariantId]) -> Iterator[Sequence[ProductVariantId]]:
    for start in range(0, len(ids), MOST_LOOKED_UP):
        yield ids[start : start + MOST_LOOKED_UP]
