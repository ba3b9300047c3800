"""`CacheLayer`: kept readings, each shown with how true it still is (R10, R19)."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any
from uuid import UUID

import attrs

from shelfport.adapters.layers.cache.stats import CacheStats
from shelfport.adapters.layers.cache.store import ReadingStore
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import (
    Answer,
    Call,
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

_ASKED_FOR: Answer = UnknownVariant(ProductVariantId(UUID(int=0)))
"""Keeps the place of what is asked for in first-asked order; nobody gets to see it."""


@attrs.frozen(eq=False)
class _Refresh:
    """A read behind callers' backs; its task ends with what it brought, nothing if it failed."""

    began: float
    task: asyncio.Task[Mapping[ProductVariantId, Answer]]


@attrs.define(eq=False)
class _Page:
    """A read that memory alone does not answer, sorted by what to do about each variant."""

    missing: list[ProductVariantId] = attrs.field(factory=list)
    """Nothing that may be shown: wait for the service until the deadline."""
    doubtful: list[ProductVariantId] = attrs.field(factory=list)
    """In the last window: wait for the service a moment, then show what is kept."""
    ageing: list[ProductVariantId] = attrs.field(factory=list)
    """In the middle window: show what is kept, and refresh behind."""

    def __len__(self) -> int:
        return len(self.missing) + len(self.doubtful) + len(self.ageing)


@attrs.define(eq=False)
class CacheLayer:
    """Serves readings again, for three windows of their age.

    Within `ttl` a reading is served, and nobody is asked. Within `stale_while_revalidate` it is served
    at once and refreshed behind the caller's back. Within `stale_if_error` the service is asked, and if
    it takes longer than `soft_timeout`, or fails, the reading is served all the same; at once, if
    a refresh is overdue already or has just failed. Past that, only the service can answer. A
    caller's `max_staleness` cuts all three; only what is not at hand is asked for, in one read.

    Right: `CacheLayer(DeadlineLayer(…))`, outermost: a page of hits costs a few look-ups, and nothing more.
    Wrong: `RetryLayer(CacheLayer(…))`: what the cache answers is no failure, and what it cannot answer
    has been waited for already.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    shelf: ReadingStore
    background: Background = attrs.field(repr=False)
    listener: Listener = attrs.field(repr=False)
    tally: CacheStats = attrs.field(factory=CacheStats, repr=False)
    _refreshes: dict[ProductVariantId, _Refresh] = attrs.field(init=False, factory=dict, repr=False)
    _under_way: int = attrs.field(init=False, default=0, repr=False)
    _paused_until: float = attrs.field(init=False, default=-inf, repr=False)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        look = self.shelf.get
        if ids and look(ids[0]) is None and self.shelf.has_none_of(ids):
            return await self._read_unkept(ids, call)
        now = self.clock.monotonic()
        longest = inf if call.max_staleness is None else call.max_staleness
        answers = dict.fromkeys(ids, _ASKED_FOR)
        page: _Page | None = None
        for variant in answers:
            entry = look(variant)
            if entry is not None and now < entry.fresh_until and now - entry.asked_at < longest:
                answers[variant] = entry.shown or entry.as_fresh(variant)
                continue
            if page is None:
                page = _Page()
            if entry is None or now >= entry.stale_until or now - entry.asked_at >= longest:
                page.missing.append(variant)
            else:
                answers[variant] = entry.as_stale(variant)
                (page.ageing if now < entry.refresh_until else page.doubtful).append(variant)
        if page is None:
            self._count_hits(answers, now)
            return answers
        await self._complete(answers, page, call, now)
        self._count(answers, page)
        return settled(answers)

    async def _read_unkept(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """As `read`, of variants of which nothing is kept: what comes is the answer as it is."""
        page = _Page(missing=distinct(ids))
        answers = await self._ask_for(page, call)
        if stale := self._count(answers, page):
            self._tell_stale(stale, call)
        return settled(answers)

    def reading(self, variant: object) -> StockReading | None:
        """The hit of a caller without wishes, one variant, at the least cost.

        None where it is no UUID, or no hit: `read` then knows what to do.
        """
        if type(variant) is not UUID:
            return None
        entry = self.shelf.get(variant)
        if entry is None:
            return None
        now = self.clock.monotonic()
        if now >= entry.fresh_until:
            return None
        reading = entry.shown or entry.as_fresh(ProductVariantId(variant))
        if type(reading) is not StockReading:
            return None
        tally = self.tally
        tally.fresh += 1
        if tally.page_age is not None:
            tally.page_age(now - entry.asked_at)
        return reading

    def page(self, variants: Iterable[object]) -> dict[UUID, StockReading] | None:
        """As `reading`, for a page: None unless each of `variants` is a UUID, and a hit."""
        now = self.clock.monotonic()
        look = self.shelf.get
        page: dict[UUID, StockReading] = {}
        for variant in variants:
            if type(variant) is not UUID:
                return None
            entry = look(variant)
            if entry is None or now >= entry.fresh_until:
                return None
            reading = entry.shown
            if reading is None:
                first = entry.as_fresh(ProductVariantId(variant))
                if type(first) is not StockReading:
                    return None
                reading = first
            page[variant] = reading
        self._count_hits(page, now)
        return page

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Passed through; whatever came of it, what was read before is not believed any more."""
        try:
            return await self.inner.initialize(request, call)
        finally:
            self.invalidate((request.variant_id,))

    def snapshot(self) -> CacheSnapshot:
        """What was served so far."""
        return self.tally.snapshot(len(self.shelf))

    def invalidate(self, variants: Iterable[ProductVariantId]) -> None:
        """Something about `variants` changed: the service is asked before they are shown again.

        Readings stay for the case that it does not answer; reads that began before do not count.
        """
        now = self.clock.monotonic()
        for variant in variants:
            self.shelf.fence(variant, now)

    def invalidate_all(self) -> None:
        """Something may have changed about any variant: as `invalidate`, for all."""
        self.shelf.fence_all(self.clock.monotonic())

    async def apply_event(self, event: InventoryEvent) -> None:
        """See `CacheInvalidator.apply_event`; what follows from which event is the shelf's."""
        now, instant = self.clock.monotonic(), self.clock.now()
        as_of = min(event.occurred_at, instant)
        happened_at = now - (instant - as_of).total_seconds()
        self.shelf.apply_event(event, as_of=as_of, happened_at=happened_at, now=now)

    async def _complete(
        self, answers: dict[ProductVariantId, Answer], page: _Page, call: Call, now: float
    ) -> None:
        """Put better answers in the place of those that `page` lists, as far as there are any."""
        if page.missing:
            # The caller waits anyway: whatever is not fresh comes in the same request.
            better = await self._ask_for(page, call)
        else:
            self._refresh(page.ageing, call, now)
            better = await self._in_a_moment(page.doubtful, call, now)
        for variant in (*page.doubtful, *page.ageing):
            answer = better.get(variant)
            if answer is not None and _is_better(answer, answers[variant]):
                answers[variant] = answer
        answers.update({variant: better[variant] for variant in page.missing})
        asked_for = [answers[variant] for variant in (*page.missing, *page.doubtful)]
        if stale := _stale([a for a in asked_for if type(a) is StockReading]):
            self._tell_stale(stale, call)

    def _count_hits(self, page: Mapping[Any, Answer], now: float) -> None:
        tally = self.tally
        tally.fresh += len(page)
        if tally.page_age is not None and page:
            entries = map(self.shelf.get, page)
            tally.page_age(now - min(entry.asked_at for entry in entries if entry is not None))

    def _count(
        self, answers: Mapping[ProductVariantId, Answer], page: _Page
    ) -> Sequence[StockReading]:
        """Count what became of a page that memory alone did not answer; say what of it is stale."""
        readings = [answer for answer in answers.values() if type(answer) is StockReading]
        stale = _stale(readings)
        unreadable = 0
        if len(readings) < len(answers):
            unreadable = [type(answer) for answer in answers.values()].count(Unreadable)
        tally = self.tally
        tally.fresh += len(answers) - len(page)
        tally.stale += len(stale)
        tally.unreadable += unreadable
        tally.misses += len(page) - len(stale) - unreadable
        if tally.page_age is not None and readings:
            age = self.clock.now() - min(reading.as_of for reading in readings)
            tally.page_age(max(0.0, age.total_seconds()))
        return stale

    async def _ask_for(self, page: _Page, call: Call) -> Mapping[ProductVariantId, Answer]:
        try:
            return await self._ask([*page.missing, *page.doubtful, *page.ageing], call)
        except InventoryError as error:
            self._pause()
            return dict.fromkeys(page.missing, Unreadable(error))

    async def _in_a_moment(
        self, doubtful: Sequence[ProductVariantId], call: Call, now: float
    ) -> Mapping[ProductVariantId, Answer]:
        """What a refresh of `doubtful` brings within the soft timeout."""
        self._refresh(doubtful, call, now)
        patience = self.shelf.options.soft_timeout
        if call.deadline is not None:
            patience = min(patience, call.deadline - now)
        refreshes = (self._refresh_of(variant) for variant in doubtful)
        # One that began longer ago is overdue: whoever comes later does not wait for it, too.
        tasks = {r.task for r in refreshes if r is not None and now - r.began < patience}
        if not tasks:
            return {}
        done, _ = await asyncio.wait(tasks, timeout=patience)
        brought: dict[ProductVariantId, Answer] = {}
        for task in done:
            if not task.cancelled() and task.exception() is None:
                brought.update(task.result())
        return {variant: brought[variant] for variant in doubtful if variant in brought}

    def _refresh(self, variants: Sequence[ProductVariantId], call: Call, now: float) -> None:
        """Begin to refresh those of `variants` that are not being refreshed, if that is wise."""
        due = [variant for variant in variants if self._refresh_of(variant) is None]
        full = self._under_way >= self.shelf.options.max_background_refreshes
        if not due or full or now < self._paused_until:
            return
        # The refresh is traced to the call that caused it; its time and its limits are its own.
        own = Call(correlation_id=call.correlation_id, traceparent=call.traceparent)
        work = self._ask_behind(due, own)
        refresh = _Refresh(now, self.background.start(work, "inventory refresh"))
        self._under_way += 1
        self._refreshes.update(dict.fromkeys(due, refresh))
        refresh.task.add_done_callback(lambda _: self._refreshed(due, refresh))

    def _refresh_of(self, variant: ProductVariantId) -> _Refresh | None:
        """The refresh of `variant` under way, if what it brings will still count."""
        refresh = self._refreshes.get(variant)
        return refresh if refresh and refresh.began >= self.shelf.fence_of(variant) else None

    def _refreshed(self, due: Sequence[ProductVariantId], refresh: _Refresh) -> None:
        self._under_way -= 1
        for variant in due:
            # A change meanwhile may have made a younger refresh take its place.
            if self._refreshes.get(variant) is refresh:
                del self._refreshes[variant]

    async def _ask_behind(
        self, due: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        try:
            return await self._ask(due, call)
        except InventoryError as error:
            self._pause()
            self.listener(RefreshFailed(len(due), error))
            return {}

    async def _ask(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """Ask below, and keep what comes."""
        asked_at = self.clock.monotonic()
        fence = self.shelf.latest_fence(ids)
        if fence > -inf:
            # Below, calls share requests: none may be joined that began before the last change.
            since = asked_at - fence
            longest = since if call.max_staleness is None else min(since, call.max_staleness)
            call = attrs.evolve(call, max_staleness=longest)
        answers = await self.inner.read(ids, call)
        self._paused_until = -inf
        self.shelf.keep(
            answers, asked_at=asked_at, now=self.clock.monotonic(), instant=self.clock.now()
        )
        return answers

    def _pause(self) -> None:
        self._paused_until = self.clock.monotonic() + self.shelf.options.refresh_backoff

    def _tell_stale(self, stale: Sequence[StockReading], call: Call) -> None:
        """Tell of what is shown stale although the service was asked."""
        instant = self.clock.now()
        oldest = max(reading.age(instant).total_seconds() for reading in stale)
        self.listener(ServedStale(len(stale), oldest, call.correlation_id))


def _stale(readings: Iterable[StockReading]) -> list[StockReading]:
    return [reading for reading in readings if reading.freshness is Freshness.STALE]


def _is_better(answer: Answer, shown: Answer) -> bool:
    """Whether what came is to be shown: what another cache kept may be older than what we did."""
    if isinstance(answer, StockReading) and isinstance(shown, StockReading):
        return answer.freshness is not Freshness.STALE or answer.as_of >= shown.as_of
    return type(answer) is not Unreadable
