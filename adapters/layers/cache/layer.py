"""`CacheLayer`: the cache in memory, with stale-while-revalidate and stale-if-error."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

import attrs

from shelfport.adapters.layers.cache.entry import CacheWindows
from shelfport.adapters.layers.cache.pauses import Pauses
from shelfport.adapters.layers.cache.refreshes import Refreshes
from shelfport.adapters.layers.cache.stats import CacheStats
from shelfport.adapters.layers.cache.store import ReadingStore
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import (
    Answer,
    Call,
    FaultScope,
    Freshness,
    Initialized,
    InitialStock,
    InventoryError,
    InventoryEvent,
    ProductVariantId,
    StockReading,
    UnknownVariant,
    Unreadable,
    distinct,
    settled,
)
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import RefreshFailed, ServedStale
from shelfport.ports.snapshot import CacheSnapshot

_PLACEHOLDER: Answer = UnknownVariant(ProductVariantId(""))
"""Keeps a variant's place in first-asked order until its answer is known; never returned."""


@attrs.define(eq=False)
class _NotFresh:
    """The variants of one call that are not fresh, by the window in which their entry is."""

    missing: list[ProductVariantId] = attrs.field(factory=list)
    """No usable entry: the caller waits for the service until the deadline."""
    stale_if_error: list[ProductVariantId] = attrs.field(factory=list)
    """The caller waits `soft_timeout` for the service, then gets the stored reading."""
    stale_while_revalidate: list[ProductVariantId] = attrs.field(factory=list)
    """The caller gets the stored reading; a background read refreshes it."""
    unreadable: int = 0
    """How many have no usable entry, but a fault of their own, which is remembered: the caller gets
    that."""

    def __len__(self) -> int:
        asked_for = len(self.missing) + len(self.stale_if_error) + len(self.stale_while_revalidate)
        return asked_for + self.unreadable


@attrs.define(eq=False)
class CacheLayer:
    """Serves stored readings, by the window in which their age is.

    Within `ttl` a reading is served without a request. Within `stale_while_revalidate` it is
    served at once, and refreshed in the background. Within `stale_if_error` the layer asks the
    service first; if that takes longer than `soft_timeout`, or fails, it serves the stored reading.
    It does so at once if a refresh is overdue already, or has just failed. Past that, only the
    service can answer. A caller's `max_staleness` shortens all three. One read asks for all
    variants that are not fresh.

    After a failure, the refreshing of its variants pauses for `refresh_backoff`. A variant's own
    fault (`FaultScope.ELEMENT`, or `REQUEST` of one variant) is remembered for `negative_ttl`: the
    variant is not asked for meanwhile, and its last reading is served as long as there is one.

    Right: `CacheLayer(DeadlineLayer(…))`, outermost: a page of hits costs a few look-ups, and
    nothing more.
    Wrong: `RetryLayer(CacheLayer(…))`: an answer from the cache is no failure, and a read that the
    cache could not answer has been retried already.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    store: ReadingStore
    background: Background = attrs.field(repr=False)
    listener: Listener = attrs.field(repr=False)
    stats: CacheStats = attrs.field(factory=CacheStats, repr=False)
    _pauses: Pauses = attrs.field(init=False, repr=False)
    _refreshes: Refreshes = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._pauses = Pauses(self.store)
        self._refreshes = Refreshes(
            self.store, self._pauses, self.background, self._fetch_in_background
        )

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        get = self.store.get
        pauses = self._pauses
        if ids and get(ids[0]) is None and not pauses and self.store.has_none_of(ids):
            return await self._read_missing(ids, call)
        now = self.clock.monotonic()
        longest = inf if call.max_staleness is None else call.max_staleness
        answers = dict.fromkeys(ids, _PLACEHOLDER)
        rest: _NotFresh | None = None
        for variant in answers:
            entry = get(variant)
            if entry is not None:
                windows = entry.windows
                young = now - windows.asked_at < longest
                if young and now < windows.fresh_until:
                    answers[variant] = entry.fresh or entry.as_fresh(variant)
                    continue
            if rest is None:
                rest = _NotFresh()
            if entry is None or not young or now >= windows.stale_until:
                if pauses and (fault := pauses.answer(variant, now, longest)) is not None:
                    answers[variant] = fault
                    rest.unreadable += 1
                else:
                    rest.missing.append(variant)
            else:
                answers[variant] = entry.as_stale(variant)
                if now < windows.revalidate_until:
                    rest.stale_while_revalidate.append(variant)
                else:
                    rest.stale_if_error.append(variant)
        if rest is None:
            self._count_hits(answers, now)
            return answers
        await self._improve(answers, rest, call, now)
        self._count(answers, rest)
        return settled(answers)

    async def _read_missing(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """As `read`, of variants without an entry: the answers are returned as they are."""
        rest = _NotFresh(missing=distinct(ids))
        answers = await self._fetch_all(rest, call)
        if stale := self._count(answers, rest):
            self._signal_stale(stale, call)
        return settled(answers)

    def hit(self, text: str) -> StockReading | None:
        """See `CacheHits.hit`."""
        entry = self.store.get(text)
        if entry is None:
            return None
        now = self.clock.monotonic()
        if now >= entry.windows.fresh_until:
            return None
        reading = entry.fresh
        if reading is None:  # the first hit of a variant makes its reading
            answer = entry.as_fresh(ProductVariantId(text))
            if type(answer) is not StockReading:
                return None
            reading = answer
        stats = self.stats
        stats.fresh += 1
        if stats.page_age is not None:
            stats.page_age(now - entry.windows.asked_at)
        return reading

    def hit_many(self, texts: Sequence[str]) -> dict[ProductVariantId, StockReading] | None:
        """See `CacheHits.hit_many`."""
        now = self.clock.monotonic()
        get = self.store.get
        page: dict[Any, StockReading] = {}  # a text that is stored is an id
        fresh: CacheWindows | None = None
        try:
            for text in texts:
                entry = get(text)
                if entry is None:
                    return None
                windows = entry.windows
                if windows is not fresh:  # what one request brought shares its windows
                    if now >= windows.fresh_until:
                        return None
                    fresh = windows
                reading = entry.fresh
                if reading is None:  # the first hit of a variant makes its reading
                    answer = entry.as_fresh(ProductVariantId(text))
                    if type(answer) is not StockReading:
                        return None
                    reading = answer
                page[text] = reading
        except TypeError:
            return None  # not hashable, so no text
        self._count_hits(page, now)
        return page

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Forward the call, then invalidate the variant whether or not the call succeeded."""
        try:
            return await self.inner.initialize(request, call)
        finally:
            self.invalidate((request.variant_id,))

    def snapshot(self) -> CacheSnapshot:
        """The counts so far."""
        return self.stats.snapshot(len(self.store))

    def invalidate(self, variants: Iterable[ProductVariantId]) -> None:
        """Expire `variants`: the next read of each asks the service.

        Readings stay as the fallback for a service that does not answer; the answers of reads that
        began before are not stored.
        """
        now = self.clock.monotonic()
        for variant in variants:
            self.store.fence(variant, now)
            self._pauses.end((variant,))

    def invalidate_all(self) -> None:
        """As `invalidate`, for every variant."""
        self._pauses.end_all()
        self.store.fence_all(self.clock.monotonic())

    async def apply_event(self, event: InventoryEvent) -> None:
        """See `CacheInvalidator.apply_event`; `ReadingStore.apply_event` has the rules."""
        now, instant = self.clock.monotonic(), self.clock.now()
        as_of = min(event.occurred_at, instant)
        happened_at = now - (instant - as_of).total_seconds()
        if self.store.apply_event(event, as_of=as_of, happened_at=happened_at, now=now):
            self._pauses.end((event.variant_id,))

    async def apply_write(self, variants: Sequence[ProductVariantId]) -> None:
        """See `CacheInvalidator.apply_write`."""
        self.invalidate(variants)

    async def _improve(
        self, answers: dict[ProductVariantId, Answer], rest: _NotFresh, call: Call, now: float
    ) -> None:
        """Replace the answers of `rest` by better ones, as far as the service has any in time."""
        if rest.missing:
            # The caller waits anyway: one request asks for everything that is not fresh.
            better = await self._fetch_all(rest, call)
        else:
            self._refreshes.start(rest.stale_while_revalidate, call, now)
            better = await self._refreshes.within_soft_timeout(rest.stale_if_error, call, now)
        for variant in (*rest.stale_if_error, *rest.stale_while_revalidate):
            answer = better.get(variant)
            if answer is not None and _is_better(answer, answers[variant]):
                answers[variant] = answer
        answers.update({variant: better[variant] for variant in rest.missing})
        asked_for = [answers[variant] for variant in (*rest.missing, *rest.stale_if_error)]
        if stale := _stale([a for a in asked_for if type(a) is StockReading]):
            self._signal_stale(stale, call)

    def _count_hits(self, page: Mapping[ProductVariantId, Answer], now: float) -> None:
        stats = self.stats
        stats.fresh += len(page)
        if stats.page_age is not None and page:
            entries = map(self.store.get, page)
            oldest = min(entry.windows.asked_at for entry in entries if entry is not None)
            stats.page_age(now - oldest)

    def _count(
        self, answers: Mapping[ProductVariantId, Answer], rest: _NotFresh
    ) -> Sequence[StockReading]:
        """Count the answers of a page that was not all fresh; return the stale ones."""
        readings = [answer for answer in answers.values() if type(answer) is StockReading]
        stale = _stale(readings)
        unreadable = 0
        if len(readings) < len(answers):
            unreadable = [type(answer) for answer in answers.values()].count(Unreadable)
        stats = self.stats
        stats.fresh += len(answers) - len(rest)
        stats.stale += len(stale)
        stats.unreadable += unreadable
        stats.misses += len(rest) - len(stale) - unreadable
        if stats.page_age is not None and readings:
            age = self.clock.now() - min(reading.as_of for reading in readings)
            stats.page_age(max(0.0, age.total_seconds()))
        return stale

    async def _fetch_all(self, rest: _NotFresh, call: Call) -> Mapping[ProductVariantId, Answer]:
        now = self.clock.monotonic()
        stale = [
            variant
            for variant in (*rest.stale_if_error, *rest.stale_while_revalidate)
            if not self._pauses.holds(variant, now)
        ]
        try:
            return await self._fetch([*rest.missing, *stale], call)
        except InventoryError as error:
            return dict.fromkeys(rest.missing, Unreadable(error))

    async def _fetch_in_background(
        self, due: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        try:
            return await self._fetch(due, call)
        except InventoryError as error:
            if error.scope is FaultScope.CALLER:  # here there is none: its time was not enough
                self._pauses.back_off(due, self.clock.monotonic())
            self.listener(RefreshFailed(len(due), error))
            return {}

    async def _fetch(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """Read from the layer below, and store the answers."""
        asked_at = self.clock.monotonic()
        fence = self.store.latest_fence(ids)
        if fence > -inf:
            # Below, callers share in-flight reads: this one must not join a read from before the
            # fence.
            since = asked_at - fence
            longest = since if call.max_staleness is None else min(since, call.max_staleness)
            call = attrs.evolve(call, max_staleness=longest)
        try:
            answers = await self.inner.read(ids, call)
        except InventoryError as error:
            self._pauses.failed(ids, error, asked_at=asked_at, now=self.clock.monotonic())
            raise
        now = self.clock.monotonic()
        self.store.store_answers(answers, asked_at=asked_at, now=now, instant=self.clock.now())
        unread = {v: answer for v, answer in answers.items() if type(answer) is Unreadable}
        self._pauses.end(answers.keys() - unread.keys())
        for variant, answer in unread.items():
            self._pauses.failed((variant,), answer.error, asked_at=asked_at, now=now)
        return answers

    def _signal_stale(self, stale: Sequence[StockReading], call: Call) -> None:
        """Signal the readings that are served stale although the layer asked the service."""
        instant = self.clock.now()
        oldest = max(reading.age(instant).total_seconds() for reading in stale)
        self.listener(ServedStale(len(stale), oldest, call.correlation_id))


def _stale(readings: Iterable[StockReading]) -> list[StockReading]:
    return [reading for reading in readings if reading.freshness is Freshness.STALE]


def _is_better(answer: Answer, stored: Answer) -> bool:
    """Whether to serve `answer`: a stale one of another cache may be older than the stored one."""
    if isinstance(answer, StockReading) and isinstance(stored, StockReading):
        return answer.freshness is not Freshness.STALE or answer.as_of >= stored.as_of
    return type(answer) is not Unreadable
