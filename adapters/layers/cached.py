"""`Cached`: kept readings, shown with their caveat when nothing better is at hand (R10, R19)."""

from collections.abc import Mapping, Sequence
from math import inf

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    Freshness,
    Initialized,
    InitialStock,
    InventoryError,
    ProductVariantId,
    StockReading,
    UnknownVariant,
    Unreadable,
    settled,
)
from shelfport.domain.model.validators import number
from shelfport.ports import Clock, InventoryPort


@attrs.frozen(kw_only=True)
class CacheOptions:
    """How long a reading is kept for what. Durations are seconds of age."""

    fresh_for: float = attrs.field(default=5.0, validator=number(0, unit="seconds"))
    """Up to here a reading is served without asking."""
    stale_for: float = attrs.field(default=300.0, validator=number(0, unit="seconds"))
    """Up to here it is shown when the service does not answer."""

    def __attrs_post_init__(self) -> None:
        if self.stale_for < self.fresh_for:
            raise ValueError(
                f"stale_for is {self.stale_for:g}: it must be at least fresh_for "
                f"({self.fresh_for:g} seconds), or a reading would be dropped while it is fresh"
            )


@attrs.define(eq=False)
class _Entry:
    asked_at: float
    """When its read began, on the monotonic clock: the level was true then or later."""
    cached: StockReading
    """The reading as a hit hands it out: one object for all of them."""
    stale: StockReading | None = None

    def as_stale(self) -> StockReading:
        if self.stale is None:
            self.stale = self.cached.kept_as(Freshness.STALE)
        return self.stale


@attrs.frozen(eq=False)
class Cached:
    """Serves a reading again for a moment, and keeps it for the time when the service is gone.

    Up to `fresh_for` a reading is served without asking. Past that the service is asked, and only
    if it does not answer is the kept reading served, as STALE, up to `stale_for`. A caller's
    `max_staleness` cuts both. Only ids without a fresh reading are asked for.

    Right: `Cached(Split(…))`, outermost: a page that is all hits costs a few look-ups.
    Wrong: `Observed(Cached(…))`: hits would be recorded as calls to the service.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    options: CacheOptions
    _entries: dict[ProductVariantId, _Entry] = attrs.field(factory=dict, init=False, repr=False)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        now = self.clock.monotonic()
        longest = inf if call.max_staleness is None else call.max_staleness
        oldest_fresh = now - min(self.options.fresh_for, longest)
        answers: dict[ProductVariantId, Answer] = {}
        missing: list[ProductVariantId] = []
        for variant in dict.fromkeys(ids):
            entry = self._entries.get(variant)
            if entry is not None and entry.asked_at > oldest_fresh:
                answers[variant] = entry.cached
            else:
                # Holds the id's place in first-asked order until it is answered below.
                answers[variant] = UnknownVariant(variant)
                missing.append(variant)
        if missing:
            answers.update(await self._ask(missing, call, now, longest))
        return settled(answers)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Passed through; what is kept of the variant is dropped, as it was read before."""
        outcome = await self.inner.initialize(request, call)
        self._entries.pop(request.variant_id, None)
        return outcome

    async def _ask(
        self, missing: Sequence[ProductVariantId], call: Call, asked_at: float, longest: float
    ) -> Mapping[ProductVariantId, Answer]:
        try:
            answers = dict(await self.inner.read(missing, call))
        except InventoryError as error:
            answers = dict.fromkeys(missing, Unreadable(error))
        oldest_stale = self.clock.monotonic() - min(self.options.stale_for, longest)
        for variant, answer in answers.items():
            match answer:
                case StockReading():
                    self._entries[variant] = _Entry(asked_at, answer.kept_as(Freshness.CACHED))
                case UnknownVariant():
                    self._entries.pop(variant, None)
                case Unreadable():
                    entry = self._entries.get(variant)
                    if entry is not None and entry.asked_at > oldest_stale:
                        answers[variant] = entry.as_stale()
        return answers
