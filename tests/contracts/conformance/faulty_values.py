"""Shared stores with one fault each in what they keep of an answer, and for how long it counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import inf

import attrs

from shelfport import ProductVariantId, StockReading
from shelfport.ports import Lease, Lookup, LookupOptions, StoreRequest, UnknownVariant
from shelfport.ports.shared_store import StoredValue
from tests.support.shared_store import Held, HeldValue, ModelStore

Page = Mapping[ProductVariantId, StoreRequest]
Lookups = Mapping[ProductVariantId, Lookup]
Ids = Sequence[ProductVariantId]


class ForgetsTheReportedStatus(ModelStore):
    async def store(self, page: Page, now: datetime, claim: str) -> None:
        plain = {v: attrs.evolve(r, value=_as_a_known_status(r.value)) for v, r in page.items()}
        await super().store(plain, now, claim)


def _as_a_known_status(value: StoredValue) -> StoredValue:
    if isinstance(value, StockReading):
        return attrs.evolve(value, level=attrs.evolve(value.level, reported_status=None))
    return value


class GoesByAsOfAlone(ModelStore):
    """A reading from a cache on the way is never current."""

    def _lookup(self, variant: ProductVariantId, options: LookupOptions) -> Lookup:
        longest = min(options.max_staleness, options.reading_age)
        return super()._lookup(variant, attrs.evolve(options, max_staleness=longest))


class ForgetsTheAgeOfAnUnknown(ModelStore):
    async def store(self, page: Page, now: datetime, claim: str) -> None:
        plain = {v: attrs.evolve(r, value=_asked_now(r.value)) for v, r in page.items()}
        await super().store(plain, now, claim)


def _asked_now(value: StoredValue) -> StoredValue:
    return value if isinstance(value, StockReading) else UnknownVariant(value.variant_id)


class IgnoresTheLimit(ModelStore):
    async def lookup(self, ids: Ids, options: LookupOptions) -> Lookups:
        return await super().lookup(ids, attrs.evolve(options, max_staleness=inf))


class BelievesEveryDate(ModelStore):
    """A date in the future wins until it has passed."""

    def _wins(self, held: Held, new: HeldValue, hold: float) -> bool:
        if held.reading is not None and _raw_date(new) < _raw_date(held.reading):
            return False
        return super()._wins(held, new, hold)


def _raw_date(held: HeldValue) -> datetime:
    assert isinstance(held.value, StockReading)
    return held.value.level.updated_at or held.as_of


class BelievesTheSecondRegression(ModelStore):
    def _wins(self, held: Held, new: HeldValue, hold: float) -> bool:
        return super()._wins(held, new, 0.0)


class NeverBelievesARegression(ModelStore):
    def _wins(self, held: Held, new: HeldValue, hold: float) -> bool:
        return super()._wins(held, new, 1e6)


class RemembersEveryRegression(ModelStore):
    """A reading that wins does not end a regression."""

    def _store(self, held: Held, request: StoreRequest) -> None:
        before = held.regressed_at
        super()._store(held, request)
        held.regressed_at = before or held.regressed_at


class AsksAgainAfterARegression(ModelStore):
    def _wins(self, held: Held, new: HeldValue, hold: float) -> bool:
        asked_at = None if held.reading is None else held.reading.asked_at
        wins = super()._wins(held, new, hold)
        if held.reading is not None and asked_at is not None and held.regressed_at is not None:
            held.reading.asked_at = asked_at
        return wins


class AsksAgainAfterAnOlderAnswer(ModelStore):
    def _wins(self, held: Held, new: HeldValue, hold: float) -> bool:
        asked_at = None if held.reading is None else held.reading.asked_at
        wins = super()._wins(held, new, hold)
        if held.reading is not None and asked_at is not None and held.regressed_at is None:
            held.reading.asked_at = asked_at
        return wins


class TakesEveryUnknown(ModelStore):
    """An "unknown" of an earlier request replaces the last answer."""

    def _store(self, held: Held, request: StoreRequest) -> None:
        if isinstance(request.value, UnknownVariant) and held.reading is not None:
            request = attrs.evolve(request, as_of=max(request.as_of, held.reading.as_of))
        super()._store(held, request)


class ServesTheReadingFirst(ModelStore):
    def _lookup(self, variant: ProductVariantId, options: LookupOptions) -> Lookup:
        lookup = super()._lookup(variant, options)
        reading = self.held[variant].reading
        if lookup.absent and reading is not None and isinstance(reading.value, StockReading):
            return attrs.evolve(lookup, value=reading.value)
        return lookup


class WipesTheReading(ModelStore):
    """An "unknown" takes the place of the reading."""

    def _store(self, held: Held, request: StoreRequest) -> None:
        super()._store(held, request)
        if isinstance(request.value, UnknownVariant):
            held.reading = None


class KeepsAnUnknownForGood(ModelStore):
    """An "unknown" stays the last answer until it ends."""

    def _store(self, held: Held, request: StoreRequest) -> None:
        absence = held.absence
        super()._store(held, request)
        held.absence = held.absence or absence

    def _is_absent(self, held: Held) -> bool:
        return held.absence is not None and held.absence.stored_with == held.token


class KeepsAnUnknownOverAFence(ModelStore):
    async def fence(self, ids: Ids, stamp: str | None) -> None:
        await super().fence(ids, stamp)
        for variant in ids:
            if (absence := self.held[variant].absence) is not None:
                absence.stored_with = self.held[variant].token


class EndsBothTogether(ModelStore):
    """The last value's time is the time of both."""

    def _store(self, held: Held, request: StoreRequest) -> None:
        super()._store(held, request)
        for value in (held.reading, held.absence):
            if value is not None:
                value.until = held.until = self.clock.monotonic() + request.ttl


class LeasesNoUnknown(ModelStore):
    def _lookup(self, variant: ProductVariantId, options: LookupOptions) -> Lookup:
        lookup = super()._lookup(variant, options)
        return attrs.evolve(lookup, lease=Lease.NONE) if lookup.absent else lookup


class ForgetsWhenItWasFenced(ModelStore):
    async def fence(self, ids: Ids, stamp: str | None) -> None:
        await super().fence(ids, stamp)
        for variant in ids:
            self.held[variant].fenced_at = -inf
