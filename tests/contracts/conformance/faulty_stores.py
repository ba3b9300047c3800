"""Shared stores with one fault each, over the tests' model of one."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime

import attrs

from shelfport import ProductVariantId, StockReading, SystemClock
from shelfport.contracts.conformance import SharedStoreHarness
from shelfport.ports import (
    Clock,
    Lease,
    Lookup,
    LookupOptions,
    SharedCacheUnavailable,
    SharedStore,
    StoreRequest,
)
from tests.contracts.conformance.first_loop import FirstLoop
from tests.support.shared_store import ModelStore

Page = Mapping[ProductVariantId, StoreRequest]
Lookups = Mapping[ProductVariantId, Lookup]
Ids = Sequence[ProductVariantId]


class ModelHarness(SharedStoreHarness):
    """The replicas share one object."""

    def __init__(self, kind: type[ModelStore] = ModelStore) -> None:
        self.model = kind(SystemClock())

    def store(self) -> AbstractAsyncContextManager[SharedStore]:
        return nullcontext(self.model)

    def broken(self) -> AbstractAsyncContextManager[SharedStore]:
        self.model.error = SharedCacheUnavailable("the server is down")
        return self.store()

    async def cut(self) -> None:
        self.model.cut()


class LeavesOneOut(ModelStore):
    async def lookup(self, ids: Ids, options: LookupOptions) -> Lookups:
        return await super().lookup(ids[:1], options)


class RoundsToSeconds(ModelStore):
    async def store(self, page: Page, now: datetime, claim: str) -> None:
        await super().store({v: _rounded(request) for v, request in page.items()}, now, claim)


def _rounded(request: StoreRequest) -> StoreRequest:
    as_of = request.as_of.replace(microsecond=0)
    if isinstance(request.value, StockReading):
        return attrs.evolve(request, as_of=as_of, value=attrs.evolve(request.value, as_of=as_of))
    return attrs.evolve(request, as_of=as_of)


class StoresOneOfAPage(ModelStore):
    async def store(self, page: Page, now: datetime, claim: str) -> None:
        await super().store(dict(list(page.items())[:1]), now, claim)


class HasOneAgeForAll(ModelStore):
    async def lookup(self, ids: Ids, options: LookupOptions) -> Lookups:
        return await super().lookup(ids, attrs.evolve(options, unknown_age=options.reading_age))


class IgnoresTheAge(ModelStore):
    async def lookup(self, ids: Ids, options: LookupOptions) -> Lookups:
        return await super().lookup(ids, attrs.evolve(options, reading_age=1e9))


class HasNegativeAges(ModelStore):
    def _lookup(self, variant: ProductVariantId, options: LookupOptions) -> Lookup:
        lookup = super()._lookup(variant, options)
        reading = self.held[variant].reading
        ahead = reading is not None and reading.as_of > options.now
        return attrs.evolve(lookup, current=lookup.current or ahead)


class IgnoresTokens(ModelStore):
    async def store(self, page: Page, now: datetime, claim: str) -> None:
        known = {
            variant: attrs.evolve(request, token=self.held[variant].token)
            for variant, request in page.items()
        }
        await super().store(known, now, claim)


class KeepsValuesForGood(ModelStore):
    async def store(self, page: Page, now: datetime, claim: str) -> None:
        await super().store({v: attrs.evolve(r, ttl=1e6) for v, r in page.items()}, now, claim)


class KeepsTheLastValueThatCame(ModelStore):
    async def store(self, page: Page, now: datetime, claim: str) -> None:
        for variant in page:
            if (held := self.of(variant)) is not None:
                held.reading = held.absence = None
        await super().store(page, now, claim)


class GivesTheLeaseToAll(ModelStore):
    def _lookup(self, variant: ProductVariantId, options: LookupOptions) -> Lookup:
        lookup = super()._lookup(variant, options)
        return lookup if lookup.current else attrs.evolve(lookup, lease=Lease.HELD)


class HasOneLeaseForAll(ModelStore):
    async def lookup(self, ids: Ids, options: LookupOptions) -> Lookups:
        lookups = await super().lookup(ids, options)
        if any(lookup.lease is Lease.HELD_BY_OTHER for lookup in lookups.values()):
            return {v: attrs.evolve(o, lease=Lease.HELD_BY_OTHER) for v, o in lookups.items()}
        return lookups


class LeasesWhatIsCurrent(ModelStore):
    def _lookup(self, variant: ProductVariantId, options: LookupOptions) -> Lookup:
        lookup = super()._lookup(variant, options)
        return attrs.evolve(lookup, lease=Lease.HELD) if lookup.current else lookup


class LeasesWithoutBeingAsked(ModelStore):
    async def lookup(self, ids: Ids, options: LookupOptions) -> Lookups:
        return await super().lookup(ids, attrs.evolve(options, lease=options.lease or 10))


class StoresUnderTheLease(ModelStore):
    async def store(self, page: Page, now: datetime, claim: str) -> None:
        await super().store(page, now, "")


class ReleasesNothing(ModelStore):
    async def release(self, ids: Ids, claim: str) -> None:
        """Do nothing."""


class ReleasesEveryLease(ModelStore):
    async def release(self, ids: Ids, claim: str) -> None:
        for variant in ids:
            self.held[variant].holder = ""


class LeasesForGood(ModelStore):
    async def lookup(self, ids: Ids, options: LookupOptions) -> Lookups:
        return await super().lookup(ids, attrs.evolve(options, lease=options.lease and 1e6))


class KeepsTokensOverAFence(ModelStore):
    async def fence(self, ids: Ids, stamp: str | None) -> None:
        tokens = {variant: self.held[variant].token for variant in ids if variant in self.held}
        await super().fence(ids, stamp)
        for variant, token in tokens.items():
            self.held[variant].token = token
            if (reading := self.held[variant].reading) is not None:
                reading.stored_with = b"fenced"


class KeepsValuesOverAFence(ModelStore):
    async def fence(self, ids: Ids, stamp: str | None) -> None:
        await super().fence(ids, stamp)
        for variant in ids:
            if (reading := self.held[variant].reading) is not None:
                reading.stored_with = self.held[variant].token


class KeepsLeasesOverAFence(ModelStore):
    async def fence(self, ids: Ids, stamp: str | None) -> None:
        holders = {variant: self.held[variant].holder for variant in ids if variant in self.held}
        await super().fence(ids, stamp)
        for variant, holder in holders.items():
            self.held[variant].holder = holder


class FencesForGood(ModelStore):
    """After a fence the store takes nothing for a minute."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.fenced: set[ProductVariantId] = set()

    async def fence(self, ids: Ids, stamp: str | None) -> None:
        await super().fence(ids, stamp)
        self.fenced.update(ids)

    async def store(self, page: Page, now: datetime, claim: str) -> None:
        await super().store({v: r for v, r in page.items() if v not in self.fenced}, now, claim)


class FencesEverything(ModelStore):
    async def fence(self, ids: Ids, stamp: str | None) -> None:
        await super().fence(list(self.held), stamp)


class IgnoresTheOrderOfEvents(ModelStore):
    async def fence(self, ids: Ids, stamp: str | None) -> None:
        await super().fence(ids, None)


class AnnouncesNothing(ModelStore):
    def announce(self, variants: list[ProductVariantId]) -> None:
        """Do nothing."""


class AnnouncesEveryFence(ModelStore):
    async def fence(self, ids: Ids, stamp: str | None) -> None:
        listening, self._listening = self._listening, []
        await super().fence(ids, stamp)
        self._listening = listening
        self.announce(list(ids))


class CannotBeChecked(ModelStore):
    async def check(self) -> None:
        raise SharedCacheUnavailable("PING is not allowed")


class BelongsToItsFirstLoop(ModelStore):
    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._first_loop = FirstLoop()

    async def fence(self, ids: Ids, stamp: str | None) -> None:
        await self._first_loop.wait()
        await super().fence(ids, stamp)


class LetsTheClientsErrorOut(ModelStore):
    async def release(self, ids: Ids, claim: str) -> None:
        try:
            await super().release(ids, claim)
        except SharedCacheUnavailable as error:
            raise ConnectionResetError(104, "reset by peer") from error


class HidesALostConnection(ModelStore):
    def cut(self) -> None:
        """Tell no listener."""
