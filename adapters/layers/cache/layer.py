"""`CacheLayer`: the cache in memory, with stale-while-revalidate and stale-if-error."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any

import attrs

from shelfport.adapters.layers.absence import confirm_absences
from shelfport.adapters.layers.cache.entry import STEP, CacheWindows, dated
from shelfport.adapters.layers.cache.moment import Moment, Scales
from shelfport.adapters.layers.cache.not_fresh import NotFresh
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
from shelfport.ports.signals import ReadingsHeldBack, RefreshFailed, ServedStale
from shelfport.ports.snapshot import CacheSnapshot

_PLACEHOLDER: Answer = UnknownVariant(ProductVariantId(""))
"""Keeps a variant's place in first-asked order until its answer is known; never returned."""


@attrs.define(eq=False)
class CacheLayer:
    """Serves stored readings, by the window in which their age is.

    Within `ttl` a reading is served without a request. Within `stale_while_revalidate` it is
    served at once, and refreshed in the background. Within `stale_if_error` the layer asks the
    service first; if that takes longer than `soft_timeout`, or fails, it serves the stored reading.
    It does so at once if a refresh is overdue already, or has just failed. Past that, only the
    service can answer. A caller's `max_staleness` shortens all three. One read asks for all
    variants that are not fresh. Of the monotonic and the wall clock, the one that says a reading is
    older decides; `stale_if_error` alone goes by the clock that counts suspensions.

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
    _scales: Scales = attrs.field(init=False, repr=False)
    _monotonic: Callable[[], float] = attrs.field(init=False, repr=False)
    _wall: Callable[[], float] = attrs.field(init=False, repr=False)
    """Two of its scales, for `hit`: an attribute less on the fastest path."""
    _pauses: Pauses = attrs.field(init=False, repr=False)
    _refreshes: Refreshes = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._scales = Scales(self.clock)
        self._monotonic, self._wall = self._scales.monotonic, self._scales.wall
        self._pauses = Pauses(self.store)
        self._refreshes = Refreshes(
            self.store, self._pauses, self.background, self._fetch_in_background
        )

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        store, pauses = self.store, self._pauses
        get = store.get
        if ids and get(ids[0]) is None and not pauses and store.has_none_of(ids):
            return await self._read_missing(ids, call)
        moment = self._scales.now()
        now = moment.monotonic
        longest = inf if call.max_staleness is None else call.max_staleness
        answers = dict.fromkeys(ids, _PLACEHOLDER)
        rest: NotFresh | None = None
        for variant in answers:
            entry = get(variant)
            if entry is not None:
                windows = entry.windows
                at = windows.by_later_clock(moment)
                if at < windows.fresh_until and at - windows.true_at < longest:
                    answers[variant] = dated(entry.as_fresh(variant), windows, moment)
                    continue
            if (other := store.other_answer(variant, moment, longest)) is not None:
                answers[variant] = other
                continue
            if rest is None:
                rest = NotFresh()
            answers[variant] = self._place(rest, variant, moment, longest)
        if rest is None:
            self._count_hits(answers, now)
            return answers
        await self._improve(answers, rest, call, now)
        self._count(answers, rest)
        return settled(answers)

    def _place(
        self, rest: NotFresh, variant: ProductVariantId, moment: Moment, longest: float
    ) -> Answer:
        """Put `variant` into `rest`; return its answer until there is a better one."""
        entry, now = self.store.fallback(variant, moment, longest), moment.monotonic
        if entry is not None:
            windows = entry.windows
            stale = dated(entry.as_stale(variant), windows, moment)
            if windows.by_later_clock(moment) < windows.revalidate_until:
                rest.stale_while_revalidate.append(variant)
            elif self.store.unknown(variant) is None or self._pauses.holds(variant, now):
                rest.stale_if_error.append(variant)
            else:
                rest.missing.append(variant)
                rest.fallbacks[variant] = stale
            return stale
        if self._pauses and (fault := self._pauses.answer(variant, now, longest)) is not None:
            rest.unreadable += 1
            return fault
        rest.missing.append(variant)
        return _PLACEHOLDER

    async def _read_missing(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """As `read`, of variants without an entry: the answers are returned as they are."""
        rest = NotFresh(missing=distinct(ids))
        answers = await self._fetch_all(rest, call)
        if stale := self._count(answers, rest):
            self._signal_stale(stale, call)
        return settled(answers)

    def hit(self, text: str) -> StockReading | None:
        """See `CacheHits.hit`."""
        entry = self.store.get(text)
        if entry is None:
            return None
        windows = entry.windows
        now = self._monotonic()
        if (
            now >= windows.fresh_until
            or not now - STEP <= self._wall() - windows.wall_offset < windows.fresh_until
        ):
            return None  # or the wall clock was set: `read` knows what to do
        stats = self.stats
        stats.fresh += 1
        if stats.page_age is not None:
            stats.page_age(now - windows.true_at)
        return entry.fresh or entry.as_fresh(ProductVariantId(text))

    def hit_many(self, texts: Sequence[str]) -> dict[ProductVariantId, StockReading] | None:
        """See `CacheHits.hit_many`."""
        now, wall = self._monotonic(), self._wall()
        earliest = now - STEP
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
                    until = windows.fresh_until
                    if now >= until or not earliest <= wall - windows.wall_offset < until:
                        return None
                    fresh = windows
                # The first hit of a variant makes its reading.
                page[text] = entry.fresh or entry.as_fresh(ProductVariantId(text))
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
        moment, instant = self._scales.now(), self.clock.now()
        as_of = min(event.occurred_at, instant)
        happened_at = moment.monotonic - (instant - as_of).total_seconds()
        if self.store.apply_event(event, as_of=as_of, happened_at=happened_at, moment=moment):
            self._pauses.end((event.variant_id,))

    async def apply_write(self, variants: Sequence[ProductVariantId]) -> None:
        """See `CacheInvalidator.apply_write`."""
        self.invalidate(variants)

    async def _improve(
        self, answers: dict[ProductVariantId, Answer], rest: NotFresh, call: Call, now: float
    ) -> None:
        """Replace the answers of `rest` by better ones, as far as the service has any in time."""
        if rest.missing:
            # The caller waits anyway: one request asks for everything that is not fresh.
            better = await self._fetch_all(rest, call)
        else:
            self._refreshes.start(rest.stale_while_revalidate, call, now)
            better = await self._refreshes.within_soft_timeout(rest.stale_if_error, call, now)
        moment = self._scales.now()
        longest = inf if call.max_staleness is None else call.max_staleness
        for variant in (*rest.stale_if_error, *rest.stale_while_revalidate):
            answer = better.get(variant)
            if answer is None:
                continue
            if self.store.held_back(variant) or not self._is_better(
                answer, answers[variant], variant
            ):
                # The stored reading stays. Where the service was asked, it is fresh again.
                answer = self.store.answer(variant, moment, longest)
            if answer is not None:
                answers[variant] = answer
        answers.update({variant: better[variant] for variant in rest.missing})
        for variant, reading in rest.fallbacks.items():
            if type(answers[variant]) is Unreadable:
                answers[variant] = reading
        asked_for = [answers[variant] for variant in (*rest.missing, *rest.stale_if_error)]
        if stale := _stale([a for a in asked_for if type(a) is StockReading]):
            self._signal_stale(stale, call)

    def _is_better(self, answer: Answer, shown: Answer, variant: ProductVariantId) -> bool:
        """Whether to serve `answer`: what another cache had kept may be older than the shown one.

        Whether it is, the store has decided: it knows the order also after the wall clock was set.
        """
        if isinstance(answer, Unreadable):
            return False
        if answer.upstream_age:
            return self.store.has(variant, answer)
        is_stale = isinstance(answer, StockReading) and answer.freshness is Freshness.STALE
        if not is_stale or not isinstance(shown, StockReading):
            return True
        return answer.as_of is not None and answer.as_of >= shown.as_of

    def _count_hits(self, page: Mapping[ProductVariantId, Answer], now: float) -> None:
        stats = self.stats
        stats.fresh += len(page)
        if stats.page_age is not None:
            shown = [v for v, answer in page.items() if type(answer) is StockReading]
            entries = map(self.store.get, shown)
            oldest = min((e.windows.true_at for e in entries if e is not None), default=now)
            if shown:
                stats.page_age(now - oldest)

    def _count(
        self, answers: Mapping[ProductVariantId, Answer], rest: NotFresh
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

    async def _fetch_all(self, rest: NotFresh, call: Call) -> Mapping[ProductVariantId, Answer]:
        now = self.clock.monotonic()
        stale = [
            variant
            for variant in (*rest.stale_if_error, *rest.stale_while_revalidate)
            if not self._pauses.holds(variant, now)
        ]
        try:
            patience = self.store.options.soft_timeout
            return await self._fetch([*rest.missing, *stale], call, patience)
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
        self, ids: Sequence[ProductVariantId], call: Call, patience: float = inf
    ) -> Mapping[ProductVariantId, Answer]:
        """Read from the layer below, and store the answers.

        Args:
            ids: what to read.
            call: its terms.
            patience: how many seconds to wait for a variant that has to be asked for once more.
        """
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
        if UnknownVariant in map(type, answers.values()):
            answers = await self._confirmed(answers, call, patience)
        moment = self._scales.now()
        now = moment.monotonic
        held_back = self.store.store_answers(answers, asked_at=asked_at, moment=moment)
        if held_back:
            self.listener(ReadingsHeldBack(held_back))
        unread = {v: answer for v, answer in answers.items() if type(answer) is Unreadable}
        self._pauses.end(answers.keys() - unread.keys())
        for variant, answer in unread.items():
            self._pauses.failed((variant,), answer.error, asked_at=asked_at, now=now)
        return answers

    async def _confirmed(
        self, answers: Mapping[ProductVariantId, Answer], call: Call, patience: float
    ) -> Mapping[ProductVariantId, Answer]:
        """`answers`; an absence that contradicts what is stored is confirmed, or doubted."""
        moment, store = self._scales.now(), self.store
        if patience < inf:
            until = moment.monotonic + patience
            earlier = until if call.deadline is None else min(until, call.deadline)
            call = attrs.evolve(call, deadline=earlier)

        def known(variant: ProductVariantId) -> bool:
            return store.unknown(variant) is None and store.shows(variant, moment)

        return await confirm_absences(answers, known, self.inner, call, self.listener)

    def _signal_stale(self, stale: Sequence[StockReading], call: Call) -> None:
        """Signal the readings that are served stale although the layer asked the service."""
        instant = self.clock.now()
        oldest = max(reading.age(instant).total_seconds() for reading in stale)
        self.listener(ServedStale(len(stale), oldest, call.correlation_id))


def _stale(readings: Iterable[StockReading]) -> list[StockReading]:
    return [reading for reading in readings if reading.freshness is Freshness.STALE]
