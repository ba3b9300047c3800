"""`Backplane`: invalidates this replica's memory when other replicas announce changes."""

import asyncio
from collections.abc import Callable, Iterable
from math import inf
from types import TracebackType
from typing import Protocol, Self

import attrs

from shelfport.adapters.layers.shared_cache.client import SharedCacheClient
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import ProductVariantId
from shelfport.domain.services.backoff import Backoff
from shelfport.ports import Clock, Listener
from shelfport.ports.shared_store import SharedCacheUnavailable
from shelfport.ports.signals import BackplaneDisconnected, BackplaneReconnected

_LONGEST_PAUSE = 5.0
"""Seconds between two attempts to reconnect, at most."""


class Memory(Protocol):
    """The cache in memory that the backplane invalidates: `CacheLayer`."""

    def invalidate(self, variants: Iterable[ProductVariantId]) -> None:
        """Something about `variants` changed."""
        ...

    def invalidate_all(self) -> None:
        """Something may have changed about any variant."""
        ...


@attrs.define(eq=False)
class Backplane:
    """Receives the invalidations of other replicas, and invalidates `memory`.

    An invalidation that was announced while this replica was disconnected is lost. So everything in
    memory is invalidated on reconnecting. Until then only the cache's windows bound the age of what
    is shown; the snapshot and a signal say so.
    """

    client: SharedCacheClient
    memory: Memory = attrs.field(repr=False)
    clock: Clock = attrs.field(repr=False)
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    background: Background = attrs.field(repr=False)
    listener: Listener = attrs.field(repr=False)
    _tried: asyncio.Event = attrs.field(init=False, factory=asyncio.Event, repr=False)
    """Set after the first attempt of this opening to connect."""
    _was_open: bool = attrs.field(init=False, default=False, repr=False)

    async def __aenter__(self) -> Self:
        """Connect, and wait for that until the timeout of the shared cache.

        What is read before the connection is there is invalidated when it is. So is what is in
        memory since it was open before.
        """
        self._tried = asyncio.Event()
        if self._was_open:
            self.memory.invalidate_all()
        self._was_open = True
        self.background.start(self._listen(), "shared cache backplane")
        try:
            async with asyncio.timeout(self.client.options.timeout):
                await self._tried.wait()
        except TimeoutError:
            pass
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Its task belongs to the `Background` scope, and ends with it."""
        self.client.backplane_connected = False

    async def _listen(self) -> None:
        began = self.clock.monotonic()
        # Before the timeout of `__aenter__` ends, nothing is in memory.
        disconnected_since = began + self.client.options.timeout
        first = self.client.options.reconnect_interval
        backoff = Backoff(first, max(first, _LONGEST_PAUSE))
        failures = 0
        signalled = False
        while True:
            try:
                async with self.client.store.invalidations() as invalidations:
                    now = self.clock.monotonic()
                    if signalled or now > disconnected_since:
                        self.memory.invalidate_all()
                        self.listener(BackplaneReconnected(now - min(disconnected_since, now)))
                    self.client.backplane_connected = True
                    disconnected_since, signalled = inf, False
                    failures = 0
                    self._tried.set()
                    async for variants in invalidations:
                        self.memory.invalidate(variants)
            except SharedCacheUnavailable as error:
                self.client.backplane_connected = False
                disconnected_since = min(disconnected_since, self.clock.monotonic())
                if not signalled:
                    self.listener(BackplaneDisconnected(str(error)))
                    signalled = True
            self._tried.set()
            failures += 1
            await asyncio.sleep(backoff.delay(failures, self.uniform(0.5, 1.0)))
