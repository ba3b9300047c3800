"""What every shared cache must do, as plain Python: for tests without a server, in any time.

It is written from the obligations of `SharedStore`, not from the scripts; `tests/services` holds
both to the same cases.
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
    Kept,
    Lease,
    Lookup,
    LookupOptions,
    SharedCacheUnavailable,
    StoreRequest,
)

TOKEN_LIFE = 60.0


@attrs.define
class Held:
    """What is known of one variant."""

    token: bytes
    until: float
    kept: Kept | None = None
    as_of: datetime | None = None
    kept_with: bytes = b""
    holder: str = ""
    leased_until: float = 0.0
    stamp: str = ""


class ModelStore:
    """A `SharedStore` in memory, which can be slow, hung or broken, and counts what it is asked."""

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

    async def look(
        self, ids: Sequence[ProductVariantId], terms: LookupOptions
    ) -> Mapping[ProductVariantId, Lookup]:
        await self._reached("look")
        return {variant: self._glance(variant, terms) for variant in ids}

    def _glance(self, variant: ProductVariantId, terms: LookupOptions) -> Lookup:
        now = self.clock.monotonic()
        held = self.of(variant)
        if held is None:
            held = self.held[variant] = Held(self._token(), now + TOKEN_LIFE)
        current = False
        if held.kept is not None and held.as_of is not None:
            known = isinstance(held.kept, StockReading)
            greatest = terms.reading_age if known else terms.unknown_age
            age = max((terms.now - held.as_of).total_seconds(), 0)
            current = held.kept_with == held.token and age < greatest
        lease = Lease.NONE
        if not current and terms.lease:
            if held.holder not in {"", terms.claim} and now < held.leased_until:
                lease = Lease.HELD_BY_OTHER
            else:
                lease = Lease.HELD
                held.holder, held.leased_until = terms.claim, now + terms.lease
        return Lookup(held.kept, current, held.token, lease)

    async def keep(
        self, page: Mapping[ProductVariantId, StoreRequest], now: datetime, claim: str
    ) -> None:
        await self._reached("keep")
        for variant, keeping in page.items():
            held = self.of(variant)
            if held is None:
                continue
            if held.token == keeping.token and _wins(keeping, held):
                held.kept_with, held.as_of = keeping.token, keeping.as_of
                held.until = self.clock.monotonic() + keeping.seconds
                held.kept = (
                    keeping.kept.kept_as(Freshness.CACHED)
                    if isinstance(keeping.kept, StockReading)
                    else UnknownVariant(variant, keeping.as_of)
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
    async def changes(self) -> AsyncIterator[AsyncIterator[Sequence[ProductVariantId]]]:
        await self._reached("changes")
        queue: asyncio.Queue[list[ProductVariantId] | SharedCacheUnavailable] = asyncio.Queue()
        self._listening.append(queue)
        try:
            yield self._heard(queue)
        finally:
            self._listening.remove(queue)

    async def _heard(
        self, queue: "asyncio.Queue[list[ProductVariantId] | SharedCacheUnavailable]"
    ) -> AsyncIterator[Sequence[ProductVariantId]]:
        while True:
            said = await queue.get()
            if isinstance(said, SharedCacheUnavailable):
                raise said
            yield said

    def announce(self, variants: list[ProductVariantId]) -> None:
        """Tell everybody who listens."""
        if variants:
            for queue in self._listening:
                queue.put_nowait(variants)

    def cut(self) -> None:
        """Cut off everybody who listens."""
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


def _wins(keeping: StoreRequest, held: Held) -> bool:
    if held.kept is None or held.as_of is None:
        return True
    if isinstance(keeping.kept, StockReading) and isinstance(held.kept, StockReading):
        new, old = keeping.kept.level.updated_at, held.kept.level.updated_at
        return (new, keeping.as_of) >= (old, held.as_of)
    return keeping.as_of >= held.as_of


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
