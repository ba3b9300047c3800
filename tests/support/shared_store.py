"""A `SharedStore` as plain Python: for tests without a server, also in virtual time.

It follows the obligations of `SharedStore`, not the scripts; the conformance suite runs on both.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count
from math import inf

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
class HeldValue:
    """A reading or an "unknown", and when the store forgets it."""

    value: StoredValue
    as_of: datetime
    asked_at: datetime
    stored_with: bytes
    until: float

    def is_current(self, token: bytes, options: LookupOptions, longest: float) -> bool:
        age = max((options.now - self.as_of).total_seconds(), 0)
        since_asked = max(age - (self.asked_at - self.as_of).total_seconds(), 0)
        return self.stored_with == token and since_asked < longest and age < options.max_staleness


@attrs.define
class Held:
    """What the store holds of one variant."""

    token: bytes
    until: float
    reading: HeldValue | None = None
    absence: HeldValue | None = None
    regressed_at: datetime | None = None
    """When a request first brought an older level than the reading's."""
    holder: str = ""
    leased_until: float = 0.0
    stamp: str = ""
    fenced_at: float = -inf

    def forget_old(self, now: float) -> None:
        """Forget the values whose time is over."""
        if self.reading is not None and self.reading.until <= now:
            self.reading = self.regressed_at = None
        if self.absence is not None and self.absence.until <= now:
            self.absence = None


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
        held, now = self.held.get(variant), self.clock.monotonic()
        if held is None or held.until <= now:
            return None
        held.forget_old(now)
        return held

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
        reading, absence = held.reading, held.absence
        found, current = reading, False
        if reading is not None:
            current = reading.is_current(held.token, options, options.reading_age)
        absent = self._is_absent(held)
        if absence is not None and absent:
            current = absence.is_current(held.token, options, options.unknown_age)
            found = absence if current else reading or absence
        lease = Lease.NONE
        if not current and options.lease:
            if held.holder not in {"", options.claim} and now < held.leased_until:
                lease = Lease.HELD_BY_OTHER
            else:
                lease = Lease.HELD
                held.holder, held.leased_until = options.claim, now + options.lease
        value = None if found is None else _served(found)
        return Lookup(value, current, held.token, lease, absent)

    def _is_absent(self, held: Held) -> bool:
        """Whether the last answer was an "unknown", and no fence came after it."""
        reading, absence = held.reading, held.absence
        if absence is None or absence.stored_with != held.token:
            return False
        return reading is None or absence.as_of >= reading.as_of

    async def store(
        self, page: Mapping[ProductVariantId, StoreRequest], now: datetime, claim: str
    ) -> None:
        await self._reached("store")
        for variant, request in page.items():
            held = self.of(variant)
            if held is None:
                continue
            if held.token == request.token:
                self._store(held, request)
            if held.holder == claim:
                held.holder = ""

    def _store(self, held: Held, request: StoreRequest) -> None:
        until = self.clock.monotonic() + request.ttl
        asked_at = request.as_of + timedelta(seconds=request.value.upstream_age)
        began = self.clock.monotonic() - (self.clock.now() - request.as_of).total_seconds()
        # What a cache on the way had kept since before the fence is not current.
        from_before = request.value.upstream_age > 0 and began <= held.fenced_at
        token = b"" if from_before else request.token
        new = HeldValue(request.value, request.as_of, asked_at, token, until)
        absence = held.absence
        if isinstance(request.value, StockReading):
            if absence is not None and request.as_of >= absence.as_of:
                held.absence = None
            if self._wins(held, new, request.regression_hold):
                held.reading, held.regressed_at = new, None
        elif all(kept is None or new.as_of >= kept.as_of for kept in (held.reading, absence)):
            held.absence = new
        kept = [value.until for value in (held.reading, held.absence) if value is not None]
        held.until = max(kept, default=held.until)

    def _wins(self, held: Held, new: HeldValue, hold: float) -> bool:
        """Whether the reading `new` replaces the stored one; if it does not, what it changes."""
        old = held.reading
        if old is None:
            return True
        updated, known = _updated_at(new), _updated_at(old)
        if updated is None or known is None or updated == known:
            wins, regresses = new.as_of >= old.as_of, False
        else:
            wins, regresses = updated > known, updated < known
        first = held.regressed_at
        if regresses and new.as_of > old.as_of:
            wins = first is not None and new.asked_at >= first + timedelta(seconds=hold)
            held.regressed_at = first or new.asked_at
        if not wins and new.asked_at > old.asked_at and not (regresses and first is not None):
            old.asked_at = new.asked_at
        return wins

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
                held.fenced_at = self.clock.monotonic()
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


def _served(held: HeldValue) -> StoredValue:
    upstream_age = max((held.asked_at - held.as_of).total_seconds(), 0)
    if isinstance(held.value, StockReading):
        cached = held.value.kept_as(Freshness.CACHED)
        return attrs.evolve(cached, as_of=held.as_of, upstream_age=upstream_age)
    return UnknownVariant(held.value.variant_id, held.as_of, upstream_age)


def _updated_at(held: HeldValue) -> datetime | None:
    """The level's `updated_at`, which the service's clock may have dated too late."""
    assert isinstance(held.value, StockReading)
    updated_at = held.value.level.updated_at
    return None if updated_at is None else min(updated_at, held.as_of)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
