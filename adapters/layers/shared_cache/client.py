"""`SharedCacheClient`: a cache outside this process, which may never cost more than it is worth.

What a store must do is the Protocol `SharedStore`; Redis is one (`shelfport.adapters.redis`). Here
is what stands between it and a caller: a bound on every wait, a circuit of its own, and a queue
for what nobody waits for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
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
_MOST_AT_ONCE = 1000
"""Variants in one round trip: more would keep the store from serving others for milliseconds."""


@attrs.define(eq=False)
class SharedCacheClient:
    """The store, bounded: nobody waits longer than `timeout`, and while it is out nobody waits.

    After a few failures the circuit opens, and callers go on as if there were no store. A task of
    this object, never a caller, tries it again every `retry_after` seconds.
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
    _last_failure: str = attrs.field(init=False, default="", repr=False)

    def __attrs_post_init__(self) -> None:
        circuit = BreakerOptions(
            minimum_calls=3,
            slow_call_rate_threshold=1,
            open_duration=self.options.reconnect_interval,
        )
        self._circuit = CircuitBreaker(circuit, self._circuit_changed)
        self._writes = asyncio.Queue(self.options.write_queue_size)

    async def __aenter__(self) -> Self:
        self.background.start(self._write_behind(), "shared cache writer")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Its tasks belong to the `Background` scope, and end with it."""

    async def look(
        self, ids: Sequence[ProductVariantId], terms: LookupOptions, deadline: float | None
    ) -> Mapping[ProductVariantId, Lookup] | None:
        """What the store says of a page; None if it is out, or says nothing in time."""
        glances: dict[ProductVariantId, Lookup] = {}
        for part in _parts(ids):
            bound = self.options.timeout
            if deadline is not None:
                bound = min(bound, deadline - self.clock.monotonic())
            try:
                glances.update(await self._bounded(partial(self.store.look, part, terms), bound))
            except SharedCacheUnavailable:
                return None
        return glances

    def keep_behind(self, page: Mapping[ProductVariantId, StoreRequest], claim: str) -> None:
        """`SharedStore.keep`, later and perhaps never."""
        for part in _parts(list(page)):
            keeping = {variant: page[variant] for variant in part}
            self._put(partial(self._keep, keeping, claim))

    def release_behind(self, ids: Sequence[ProductVariantId], claim: str) -> None:
        """`SharedStore.release`, later and perhaps never."""
        for part in _parts(ids):
            self._put(partial(self.store.release, part, claim))

    def fence_behind(self, ids: Sequence[ProductVariantId]) -> None:
        """`SharedStore.fence`, later and perhaps never."""
        self._put(lambda: self.store.fence(ids, None))

    async def fence(self, ids: Sequence[ProductVariantId], stamp: str | None = None) -> None:
        """`SharedStore.fence`, now, if it can be had within the bound."""
        await self._write(lambda: self.store.fence(ids, stamp))

    async def apply_event(self, event: InventoryEvent) -> None:
        """See `CacheInvalidator.apply_event`: what was read before `event` is not current after it.

        Every replica may tell it: the first one fences, and the others change nothing.
        """
        moment = (event.occurred_at - _EPOCH) // timedelta(microseconds=1)
        await self.fence((event.variant_id,), f"{moment:020d}-{event.event_id.hex}")

    def snapshot(self, now: float) -> SharedCacheSnapshot:
        """How it stands at `now` (monotonic)."""
        return SharedCacheSnapshot(
            circuit_breaker=self._circuit.snapshot(now),
            hits=self.hits,
            misses=self.misses,
            dropped_writes=self._dropped,
            backplane_connected=self.backplane_connected,
        )

    async def _keep(self, page: Mapping[ProductVariantId, StoreRequest], claim: str) -> None:
        await self.store.keep(page, self.clock.now(), claim)  # now: it has waited in the queue

    def _put(self, write: _Write) -> None:
        try:
            self._writes.put_nowait(write)
        except asyncio.QueueFull:
            self._drop("as many wait already as may")

    async def _write_behind(self) -> None:
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
        """What `ask` brings within `bound` seconds.

        Raises:
            SharedOut: nothing.
        """
        if self._circuit.state is not BreakerState.CLOSED:
            raise SharedCacheUnavailable("the shared cache is out")  # its probe is no caller's
        permit = self._circuit.acquire(self.clock.monotonic())
        if permit is None:
            raise SharedCacheUnavailable("the shared cache is out")
        outcome = CallOutcome.IGNORED
        try:
            async with asyncio.timeout(bound):
                result = await ask()
            outcome = CallOutcome.SUCCESS
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
            self.listener(SharedCacheDown(self._last_failure))
            self.background.start(self._probe(), "shared cache probe")
        elif signal.after is BreakerState.CLOSED:
            self.listener(SharedCacheRecovered())

    async def _probe(self) -> None:
        """Try the store now and then, until it answers."""
        while self._circuit.state is not BreakerState.CLOSED:
            await asyncio.sleep(self.options.reconnect_interval)
            permit = self._circuit.acquire(self.clock.monotonic())
            if permit is None:
                continue
            outcome = CallOutcome.FAILURE
            try:
                async with asyncio.timeout(self.options.timeout):
                    await self.store.check()
                outcome = CallOutcome.SUCCESS
            except (SharedCacheUnavailable, TimeoutError) as error:
                self._last_failure = str(error) or "no answer to a probe in time"
            finally:
                self._circuit.release(permit, outcome, self.clock.monotonic())


def _parts(ids: Sequence[ProductVariantId]) -> Iterator[Sequence[ProductVariantId]]:
    for start in range(0, len(ids), _MOST_AT_ONCE):
        yield ids[start : start + _MOST_AT_ONCE]
