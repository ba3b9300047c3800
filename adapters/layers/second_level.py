"""`SecondLevel`: a cache outside this process, which may never cost more than it is worth.

What a store must do is the Protocol `SharedStore`; Redis is one (`shelfport.adapters.redis`). Here
is what stands between it and a caller: a bound on every wait, a circuit of its own, and a queue
for what nobody waits for.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeVar

import attrs

from shelfport.adapters.background import Background
from shelfport.adapters.layers.breaker import Breaker, BreakerOptions, BreakerSnapshot, Outcome
from shelfport.adapters.layers.shared_options import SharedOptions
from shelfport.domain.model import (
    InventoryEvent,
    ProductVariantId,
    StockReading,
    UnknownVariant,
)
from shelfport.domain.model.signals import (
    BreakerChanged,
    BreakerState,
    SharedCacheBack,
    SharedCacheOut,
    SharedWritesDropped,
    Signal,
)
from shelfport.ports import Clock, Listener

T = TypeVar("T")
_Write = Callable[[], Awaitable[None]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_AT_ONCE = 1000
"""Variants in one round trip: more would keep the store from serving others for milliseconds."""

Kept = StockReading | UnknownVariant
"""What is kept of a variant."""


class SharedOut(Exception):
    """The store did not do what it was asked: one sentence, without its credentials."""

    store_failed = True
    """Whether that says something of its health."""


class SharedFull(SharedOut):
    """It answers, but takes nothing more."""

    store_failed = False


class Lease(Enum):
    """Who asks the service about a variant that is not current."""

    NONE = "none"
    """Nobody needs to, or no lease was asked for."""
    OURS = "ours"
    THEIRS = "theirs"
    """Another replica is at it: what it brings will be here in a moment."""


@attrs.frozen
class Glance:
    """What the store says of one variant."""

    kept: Kept | None
    """With its true `as_of`, marked CACHED."""
    current: bool
    """It is young enough, and nothing happened to the variant since it was read."""
    token: bytes
    """Must be shown to keep what a read brings that begins now. Empty: nothing can be kept."""
    lease: Lease


@attrs.frozen
class Terms:
    """What is asked of the store for one page."""

    now: datetime
    reading_age: float
    """Seconds; only a younger reading is current."""
    unknown_age: float
    """Seconds; only a younger "the service has no record of it" is current."""
    claim: str
    """Names whoever takes a lease."""
    lease: float
    """Seconds for which a lease is taken on what is not current; 0 takes none."""


@attrs.frozen
class Keeping:
    """One variant's part of what a read brought."""

    kept: Kept
    as_of: datetime
    token: bytes
    seconds: float
    """How long it is worth keeping from now."""


class SharedStore(Protocol):
    """A cache that all replicas share. Each method but `changes` is one round trip.

    Obligations: whatever the network or the server does is a `SharedOut`. A fence invalidates the
    tokens given out before it; a token that the store does not know (any more) keeps nothing.
    Between two readings the later `updated_at` wins, of equal ones the later `as_of`. A lease ends
    by itself.
    """

    async def look(
        self, ids: Sequence[ProductVariantId], terms: Terms
    ) -> Mapping[ProductVariantId, Glance]:
        """A glance at each variant, and leases on those that are not current."""
        ...

    async def keep(
        self, page: Mapping[ProductVariantId, Keeping], now: datetime, claim: str
    ) -> None:
        """Keep what the tokens allow, and end the leases of `claim` on these variants."""
        ...

    async def release(self, ids: Sequence[ProductVariantId], claim: str) -> None:
        """End the leases of `claim`: what it asked for did not come."""
        ...

    async def fence(self, ids: Sequence[ProductVariantId], stamp: str | None) -> None:
        """Nothing read before now is current any more; other replicas are told.

        A stamp orders the events of a variant: one that is not later than the last does nothing.
        """
        ...

    async def check(self) -> None:
        """Find out whether it answers."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Sequence[ProductVariantId]]]:
        """What other replicas fence from now on; ends with `SharedOut` when it is cut off."""
        ...


@attrs.frozen(kw_only=True)
class SharedSnapshot:
    """How the shared cache stands, as this process sees it. Counts are variants since the start."""

    circuit: BreakerSnapshot
    hits: int
    """Shown as the store had them."""
    misses: int
    """For which the service was asked."""
    dropped_writes: int
    """Pages (and fences) that were not written: the queue was full, or the store did not take
    them."""
    hears_changes: bool
    """Whether what other replicas learn is heard. If not, memory is right by its windows alone."""


@attrs.define(eq=False)
class SecondLevel:
    """The store, bounded: nobody waits longer than `timeout`, and while it is out nobody waits.

    After a few failures the circuit opens, and callers go on as if there were no store. A task of
    this object, never a caller, tries it again every `retry_after` seconds.
    """

    store: SharedStore
    options: SharedOptions
    clock: Clock = attrs.field(repr=False)
    background: Background = attrs.field(repr=False)
    listener: Listener = attrs.field(repr=False)
    hits: int = attrs.field(init=False, default=0, repr=False)
    misses: int = attrs.field(init=False, default=0, repr=False)
    hears_changes: bool = attrs.field(init=False, default=False, repr=False)
    _dropped: int = attrs.field(init=False, default=0, repr=False)
    _circuit: Breaker = attrs.field(init=False, repr=False)
    _writes: asyncio.Queue[_Write] = attrs.field(init=False, repr=False)
    _last_failure: str = attrs.field(init=False, default="", repr=False)

    def __attrs_post_init__(self) -> None:
        circuit = BreakerOptions(minimum=3, slow_rate=1, open_for=self.options.retry_after)
        self._circuit = Breaker(circuit, self._circuit_changed)
        self._writes = asyncio.Queue(self.options.writes)

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
        self, ids: Sequence[ProductVariantId], terms: Terms, deadline: float | None
    ) -> Mapping[ProductVariantId, Glance] | None:
        """What the store says of a page; None if it is out, or says nothing in time."""
        glances: dict[ProductVariantId, Glance] = {}
        for part in _parts(ids):
            bound = self.options.timeout
            if deadline is not None:
                bound = min(bound, deadline - self.clock.monotonic())
            try:
                glances.update(await self._bounded(partial(self.store.look, part, terms), bound))
            except SharedOut:
                return None
        return glances

    def keep_behind(self, page: Mapping[ProductVariantId, Keeping], claim: str) -> None:
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

    async def learn(self, event: InventoryEvent) -> None:
        """See `StockKnowledge.learn`: what was read before `event` is not current after it.

        Every replica may tell it: the first one fences, and the others change nothing.
        """
        moment = (event.occurred_at - _EPOCH) // timedelta(microseconds=1)
        await self.fence((event.variant_id,), f"{moment:020d}-{event.event_id.hex}")

    def snapshot(self, now: float) -> SharedSnapshot:
        """How it stands at `now` (monotonic)."""
        return SharedSnapshot(
            circuit=self._circuit.snapshot(now),
            hits=self.hits,
            misses=self.misses,
            dropped_writes=self._dropped,
            hears_changes=self.hears_changes,
        )

    async def _keep(self, page: Mapping[ProductVariantId, Keeping], claim: str) -> None:
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
        except SharedOut as error:
            self._drop(str(error))

    def _drop(self, why: str) -> None:
        self._dropped += 1
        self.listener(SharedWritesDropped(self._dropped, why))

    async def _bounded(self, ask: Callable[[], Awaitable[T]], bound: float) -> T:
        """What `ask` brings within `bound` seconds.

        Raises:
            SharedOut: nothing.
        """
        if self._circuit.state is not BreakerState.CLOSED:
            raise SharedOut("the shared cache is out")  # its probe is no caller's
        permit = self._circuit.acquire(self.clock.monotonic())
        if permit is None:
            raise SharedOut("the shared cache is out")
        outcome = Outcome.IGNORED
        try:
            async with asyncio.timeout(bound):
                result = await ask()
            outcome = Outcome.SUCCESS
        except TimeoutError as error:
            self._last_failure = f"no answer within {bound:g} s"
            if bound >= self.options.timeout:
                outcome = Outcome.FAILURE
            raise SharedOut(self._last_failure) from error
        except SharedOut as error:
            self._last_failure = str(error)
            outcome = Outcome.FAILURE if error.store_failed else Outcome.SUCCESS
            raise
        finally:
            self._circuit.release(permit, outcome, self.clock.monotonic())
        return result

    def _circuit_changed(self, signal: Signal) -> None:
        if not isinstance(signal, BreakerChanged):
            return
        if signal.before is BreakerState.CLOSED:
            self.listener(SharedCacheOut(self._last_failure))
            self.background.start(self._probe(), "shared cache probe")
        elif signal.after is BreakerState.CLOSED:
            self.listener(SharedCacheBack())

    async def _probe(self) -> None:
        """Try the store now and then, until it answers."""
        while self._circuit.state is not BreakerState.CLOSED:
            await asyncio.sleep(self.options.retry_after)
            permit = self._circuit.acquire(self.clock.monotonic())
            if permit is None:
                continue
            outcome = Outcome.FAILURE
            try:
                async with asyncio.timeout(self.options.timeout):
                    await self.store.check()
                outcome = Outcome.SUCCESS
            except (SharedOut, TimeoutError) as error:
                self._last_failure = str(error) or "no answer to a probe in time"
            finally:
                self._circuit.release(permit, outcome, self.clock.monotonic())


def _parts(ids: Sequence[ProductVariantId]) -> Iterator[Sequence[ProductVariantId]]:
    for start in range(0, len(ids), _MOST_AT_ONCE):
        yield ids[start : start + _MOST_AT_ONCE]
