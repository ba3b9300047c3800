"""`Backplane`: what other replicas learn reaches this one's memory, and a gap is noticed."""

import asyncio
from collections.abc import Callable, Iterable
from math import inf
from types import TracebackType
from typing import Protocol, Self

import attrs

from shelfport.adapters.layers.shared_cache.client import SharedCacheClient
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import ProductVariantId
from shelfport.ports import Clock, Listener
from shelfport.ports.shared_store import SharedCacheUnavailable
from shelfport.ports.signals import BackplaneDisconnected, BackplaneReconnected

_LONGEST_PAUSE = 5.0
"""Seconds between two attempts to hear again, at most."""


class Memory(Protocol):
    """What is told of changes: the first level, `CacheLayer`."""

    def invalidate(self, variants: Iterable[ProductVariantId]) -> None:
        """Something about `variants` changed."""
        ...

    def invalidate_all(self) -> None:
        """Something may have changed about any variant."""
        ...


@attrs.define(eq=False)
class Backplane:
    """Listens for what other replicas fence, and tells `memory`.

    A change that was announced while this replica did not hear is lost: as soon as it hears again,
    nothing that it keeps from before counts as current any more. Until then its memory is right by
    its windows alone, and the snapshot and a signal say so.
    """

    level: SharedCacheClient
    memory: Memory = attrs.field(repr=False)
    clock: Clock = attrs.field(repr=False)
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    background: Background = attrs.field(repr=False)
    listener: Listener = attrs.field(repr=False)
    _tried: asyncio.Event = attrs.field(init=False, factory=asyncio.Event, repr=False)

    async def __aenter__(self) -> Self:
        """Begin to listen, and wait for that as long as for anything else of the shared cache.

        What is read before this replica hears is fenced when it does.
        """
        self.background.start(self._listen(), "shared cache changes")
        try:
            async with asyncio.timeout(self.level.options.timeout):
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

    async def _listen(self) -> None:
        began = self.clock.monotonic()
        deaf_since = began + self.level.options.timeout  # until then, nothing is in memory
        pause = self.level.options.reconnect_interval
        told = False
        while True:
            try:
                async with self.level.store.changes() as changes:
                    now = self.clock.monotonic()
                    if told or now > deaf_since:
                        self.memory.invalidate_all()
                        self.listener(BackplaneReconnected(now - min(deaf_since, now)))
                    self.level.backplane_connected, deaf_since, told = True, inf, False
                    pause = self.level.options.reconnect_interval
                    self._tried.set()
                    async for variants in changes:
                        self.memory.invalidate(variants)
            except SharedCacheUnavailable as error:
                self.level.backplane_connected = False
                deaf_since = min(deaf_since, self.clock.monotonic())
                if not told:
                    self.listener(BackplaneDisconnected(str(error)))
                    told = True
            self._tried.set()
            await asyncio.sleep(self.uniform(pause / 2, pause))
            pause = min(pause * 2, _LONGEST_PAUSE)
