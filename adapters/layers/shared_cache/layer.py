"""`SharedCacheLayer`: what one replica has read, all of them know (R10, R19 at scale)."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf

import attrs

from shelfport.adapters.layers.cache.options import CacheOptions
from shelfport.adapters.layers.shared_cache.client import SharedCacheClient
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import (
    Answer,
    Call,
    DeadlineExceeded,
    Freshness,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    OverloadedHere,
    ProductVariantId,
    StockReading,
    Unreadable,
    settled,
)
from shelfport.ports import Clock, InventoryPort
from shelfport.ports.shared_store import Lease, Lookup, LookupOptions, StoreRequest

_MARGIN = 0.02
"""Seconds before the deadline at which old stock is shown: later, nobody is there to see it."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.05
"""Seconds between two glances while another replica asks the service."""
_NO_TIME = 0.001
"""Seconds that are not worth waiting for."""


@attrs.define(eq=False)
class _Page:
    """One read under way."""

    call: Call
    began: float
    claim: str
    answers: dict[ProductVariantId, Answer | None]
    """In first-asked order; None where there is no answer yet."""
    tokens: dict[ProductVariantId, bytes] = attrs.field(factory=dict)
    kept: dict[ProductVariantId, StockReading] = attrs.field(factory=dict)
    """No longer current, but better than nothing."""

    def missing(self) -> list[ProductVariantId]:
        return [variant for variant, answer in self.answers.items() if answer is None]

    def can_be_shown(self) -> bool:
        """Whether everything that is missing can be shown as it was kept."""
        return all(variant in self.kept for variant in self.missing())

    def answer(self, answers: Mapping[ProductVariantId, Answer]) -> None:
        """Take answers, and what was kept in the place of failures."""
        for variant, answer in answers.items():
            fallback = self.kept.get(variant) if type(answer) is Unreadable else None
            self.answers[variant] = fallback or answer


@attrs.frozen(eq=False)
class SharedCacheLayer:
    """Looks into a cache that all replicas share before it asks the service.

    A reading younger than `ttl`, wherever it was read, is served as CACHED, with its true
    `as_of`: the layer above dates it by that, so that windows do not add up. For the rest one
    replica asks (it holds a lease), and the others wait for what it brings. If the service does not
    answer, what is kept up to `stale_if_error` is served as STALE; within `soft_timeout`, if that is
    all that is missing. Without the store, it is as if this layer were not there.

    Every reading is kept with a token from the glance before it, which an event or a write makes
    worthless: a slow read does not put back what has changed since.

    Right: `CoalescingLayer(SharedCacheLayer(BatchingLayer(…)))`: one glance for a page, whatever its size.
    Wrong: `SharedCacheLayer(CoalescingLayer(…))`: every caller glances for himself, and each takes leases that make
    the others of this very process wait.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    level: SharedCacheClient
    windows: CacheOptions
    background: Background = attrs.field(repr=False)
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    new_claim: Callable[[], str] = attrs.field(repr=False)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        page = _Page(call, self.clock.monotonic(), self.new_claim(), dict.fromkeys(ids))
        pause = _FIRST_PAUSE
        while missing := page.missing():
            glances = await self._look(missing, page)
            if glances is None:
                if len(missing) == len(page.answers) and not page.kept:
                    return await self.inner.read(ids, call)
                await self._ask(missing, page)
            elif to_ask := self._sort(glances, page):
                await self._ask(to_ask, page)
            elif not page.missing():
                break  # all of it is current: what a page should cost
            elif (left := self._patience(page)) > _NO_TIME:
                await asyncio.sleep(min(self.uniform(pause / 2, pause), left))
                pause = min(pause * 1.5, _LONGEST_PAUSE)
            elif page.can_be_shown():
                page.answer(page.kept)
            else:
                await self._ask(page.missing(), page)
        return settled({v: answer for v, answer in page.answers.items() if answer is not None})

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Passed through; whatever came of it, what was read before is not believed any more."""
        ids = (request.variant_id,)
        try:
            initialized = await self.inner.initialize(request, call)
        except BaseException:
            self.level.fence_behind(ids)
            raise
        await self.level.fence(ids)
        return initialized

    async def _look(
        self, missing: Sequence[ProductVariantId], page: _Page
    ) -> Mapping[ProductVariantId, Lookup] | None:
        windows, limit = self.windows, page.call.max_staleness
        # A caller's limit is an age at the time of the call: what was read since then is young.
        longest = inf if limit is None else limit + self.clock.monotonic() - page.began
        terms = LookupOptions(
            now=self.clock.now(),
            # Not the very end of the window: whoever refreshes early wants better than this.
            reading_age=min(windows.ttl * (1 - windows.jitter), longest),
            unknown_age=min(windows.negative_ttl, longest),
            claim=page.claim,
            # Who accepts nothing kept waits for nobody, and lets nobody wait.
            lease=0 if limit == 0 else self.level.options.lease,
        )
        return await self.level.look(missing, terms, page.call.deadline)

    def _sort(
        self, glances: Mapping[ProductVariantId, Lookup], page: _Page
    ) -> list[ProductVariantId]:
        """Take what is current, and say for what this replica asks."""
        to_ask: list[ProductVariantId] = []
        oldest = self._oldest(page.call)
        for variant, glance in glances.items():
            if glance.current:
                self.level.hits += 1
                page.answers[variant] = glance.kept
                continue
            page.tokens[variant] = glance.token
            if isinstance(glance.kept, StockReading) and glance.kept.as_of > oldest:
                page.kept[variant] = glance.kept.kept_as(Freshness.STALE)
            if glance.lease is not Lease.HELD_BY_OTHER:
                to_ask.append(variant)
        return to_ask

    def _oldest(self, call: Call) -> datetime:
        longest = self.windows.discard_age
        if call.max_staleness is not None:
            longest = min(longest, call.max_staleness)
        return self.clock.now() - timedelta(seconds=longest)

    def _patience(self, page: _Page) -> float:
        """Seconds left to wait for another replica."""
        patience = 2 * self.level.options.lease
        if page.can_be_shown():
            patience = self.windows.soft_timeout
        if page.call.deadline is not None:
            # It may have died: half of the time is for asking ourselves.
            patience = min(patience, (page.call.deadline - page.began) / 2)
        return page.began + patience - self.clock.monotonic()

    async def _ask(self, variants: Sequence[ProductVariantId], page: _Page) -> None:
        """Ask the service, as long as there is nothing better to do."""
        self.level.misses += len(variants)
        work = self._ask_and_keep(variants, page)
        task = self.background.start(work, "shared read")
        patience = None
        if any(variant in page.kept for variant in variants):
            if page.call.deadline is not None:
                patience = page.call.deadline - self.clock.monotonic() - _MARGIN
            if page.can_be_shown():
                patience = min(self.windows.soft_timeout, inf if patience is None else patience)
        await asyncio.wait({task}, timeout=patience)
        outcome: Mapping[ProductVariantId, Answer] | InventoryError
        if not task.done():
            sentence = "the Inventory Service did not answer in time"
            outcome = _ended(DeadlineExceeded, sentence, variants, page.call)
        elif task.cancelled():
            sentence = "this process is shutting down"
            outcome = _ended(OverloadedHere, sentence, variants, page.call)
        else:
            outcome = task.result()
        if isinstance(outcome, InventoryError):
            outcome = dict.fromkeys(variants, Unreadable(outcome))
        page.answer(outcome)

    async def _ask_and_keep(
        self, variants: Sequence[ProductVariantId], page: _Page
    ) -> Mapping[ProductVariantId, Answer] | InventoryError:
        """Goes on when its caller has left: others wait for what it brings.

        A failure is a value here: there may be nobody left to whom it could be raised.
        """
        asked_at = self.clock.now()
        tokens = {variant: page.tokens.get(variant, b"") for variant in variants}
        keeping: dict[ProductVariantId, StoreRequest] = {}
        try:
            answers = await self.inner.read(variants, page.call)
            keeping = dict(self._worth_keeping(answers, tokens, asked_at))
        except InventoryError as error:
            return error
        finally:
            if keeping:
                self.level.keep_behind(keeping, page.claim)
            if rest := [v for v in variants if tokens[v] and v not in keeping]:
                self.level.release_behind(rest, page.claim)
        return answers

    def _worth_keeping(
        self,
        answers: Mapping[ProductVariantId, Answer],
        tokens: Mapping[ProductVariantId, bytes],
        asked_at: datetime,
    ) -> Iterable[tuple[ProductVariantId, StoreRequest]]:
        now = self.clock.now()
        for variant, answer in answers.items():
            if not tokens[variant] or isinstance(answer, Unreadable):
                continue
            if isinstance(answer, StockReading):
                as_of, worth = answer.as_of, self.windows.discard_age
            else:
                as_of, worth = answer.as_of or asked_at, self.windows.negative_ttl
            seconds = worth - max(now - as_of, timedelta(0)).total_seconds()
            if seconds > 0:
                yield variant, StoreRequest(answer, as_of, tokens[variant], seconds)


def _ended(
    kind: type[InventoryError], sentence: str, ids: Sequence[ProductVariantId], call: Call
) -> InventoryError:
    return kind(
        sentence,
        operation=Operation.READ,
        ids=ids,
        correlation_id=call.correlation_id,
        attempts=call.attempt,
    )
