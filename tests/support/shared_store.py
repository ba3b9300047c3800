"""A `SharedStore` as plain Python: for tests without a server, also in virtual time.

It follows the obligations of `SharedStore`, not the scripts; the conformance suite runs on both.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count

import attrs

from shelfport import Freshness, ProductVariantId, StockReading
from shelfport.ports import Clock, UnknownVariant
from shelfport.ports.shared_store import (
    Lease,
    Lookup,
    LookupOptions,
    SharedCacheUnavailable,
    StoredValue,
    StoreRequest,
)

TOKEN_LIFE = 60.0


@attrs.define
class Held:
    """What the store holds of one variant."""

    token: bytes
    until: float
    value: StoredValue | None = None
    as_of: datetime | None = None
    stored_with: bytes = b""
    holder: str = ""
    leased_until: float = 0.0
    stamp: str = ""


class ModelStore:
    """A `SharedStore` in memory that can be slow, hung or broken, and records its calls."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.held: dict[ProductVariantId, Held] = {}
        self.asked: list[str] = []
        self.delay = 0.0
        self.error: SharedCacheUnavailable | None = None
        self.hung = False
        self._tokens = count(1)
        self._listening: list[asyncio.Queue[list[ProductVariantId] | SharedCacheUnavailable]] = []

    def of(self, variant: ProductVariantId) -> Held | None:
        held = self.held.get(variant)
        return held if held is not None and self.clock.monotonic() < held.until else None

    async def lookup(
        self, ids: Sequence[ProductVariantId], options: LookupOptions
    ) -> Mapping[ProductVariantId, Lookup]:
        await self._reached("lookup")
        return {variant: self._lookup(variant, options) for variant in ids}

    def _lookup(self, variant: ProductVariantId, options: LookupOptions) -> Lookup:
        now = self.clock.monotonic()
        held = self.of(variant)
        if held is None:
            held = self.held[variant] = Held(self._token(), now + TOKEN_LIFE)
        current = False
        if held.value is not None and held.as_of is not None:
            known = isinstance(held.value, StockReading)
            max_age = options.reading_age if known else options.unknown_age
            age = max((options.now - held.as_of).total_seconds(), 0)
            current = held.stored_with == held.token and age < max_age
        lease = Lease.NONE
        if not current and options.lease:
            if held.holder not in {"", options.claim} and now < held.leased_until:
                lease = Lease.HELD_BY_OTHER
            else:
                lease = Lease.HELD
                held.holder, held.leased_until = options.claim, now + options.lease
        return Lookup(held.value, current, held.token, lease)

    async def store(
        self, page: Mapping[ProductVariantId, StoreRequest], now: datetime, claim: str
    ) -> None:
        await self._reached("store")
        for variant, request in page.items():
            held = self.of(variant)
            if held is None:
                continue
            if held.token == request.token and _wins(request, held):
                held.stored_with, held.as_of = request.token, request.as_of
                held.until = self.clock.monotonic() + request.ttl
                held.value = (
                    request.value.kept_as(Freshness.CACHED)
                    if isinstance(request.value, StockReading)
                    else UnknownVariant(variant, request.as_of)
                )
            if held.holder == claim:
                held.holder = ""

    async def release(self, ids: Sequence[ProductVariantId], claim: str) -> None:
        await self._reached("release")
        for variant in ids:
            held = self.of(variant)
            if held is not None and held.holder == claim:
                held.holder = ""

    async def fence(self, ids: Sequence[ProductVariantId], stamp: str | None) -> None:
        await self._reached("fence")
        fenced = []
        for variant in ids:
            held = self.of(variant)
            if held is None:
                held = self.held[variant] = Held(b"", self.clock.monotonic() + TOKEN_LIFE)
            if stamp is None or stamp > held.stamp:
                held.token, held.holder, held.stamp = self._token(), "", stamp or held.stamp
                fenced.append(variant)
        self.announce(fenced)

    async def check(self) -> None:
        await self._reached("check")

    @asynccontextmanager
    async def invalidations(self) -> AsyncIterator[AsyncIterator[Sequence[ProductVariantId]]]:
        await self._reached("invalidations")
        queue: asyncio.Queue[list[ProductVariantId] | SharedCacheUnavailable] = asyncio.Queue()
        self._listening.append(queue)
        try:
            yield self._received(queue)
        finally:
            self._listening.remove(queue)

    async def _received(
        self, queue: "asyncio.Queue[list[ProductVariantId] | SharedCacheUnavailable]"
    ) -> AsyncIterator[Sequence[ProductVariantId]]:
        while True:
            message = await queue.get()
            if isinstance(message, SharedCacheUnavailable):
                raise message
            yield message

    def announce(self, variants: list[ProductVariantId]) -> None:
        """Send `variants` to every listener."""
        if variants:
            for queue in self._listening:
                queue.put_nowait(variants)

    def cut(self) -> None:
        """Disconnect every listener."""
        for queue in self._listening:
            queue.put_nowait(SharedCacheUnavailable("cut"))

    async def _reached(self, what: str) -> None:
        self.asked.append(what)
        if self.hung:
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error

    def _token(self) -> bytes:
        return b"%d" % next(self._tokens)


def _wins(request: StoreRequest, held: Held) -> bool:
    if held.value is None or held.as_of is None:
        return True
    if isinstance(request.value, StockReading) and isinstance(held.value, StockReading):
        new, old = request.value.level.updated_at, held.value.level.updated_at
        return (new, request.as_of) >= (old, held.as_of)
    return request.as_of >= held.as_of


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
