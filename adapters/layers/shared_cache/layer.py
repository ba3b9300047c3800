"""`SharedCacheLayer`: the layer over the cache that all replicas share."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from datetime import datetime, timedelta
from math import inf

import attrs

from shelfport.adapters.layers.absence import confirm_absences
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
    RequestContext,
    StockReading,
    Unreadable,
    settled,
)
from shelfport.ports import Clock, InventoryPort
from shelfport.ports.shared_store import Lease, Lookup, LookupOptions, StoreRequest

_MARGIN = 0.02
"""Seconds before the deadline at which the layer falls back to stale readings, so that they arrive
in time."""
_FIRST_PAUSE, _MAX_PAUSE = 0.005, 0.05
"""Seconds between two lookups while another replica asks the service."""
_NEGLIGIBLE = 0.001
"""Seconds; a shorter wait is skipped."""


@attrs.define(eq=False)
class _PageRead:
    """The state of one `read`."""

    call: Call
    began: float
    claim: str
    answers: dict[ProductVariantId, Answer | None]
    """In first-asked order; None where there is no answer yet."""
    tokens: dict[ProductVariantId, bytes] = attrs.field(factory=dict)
    fallbacks: dict[ProductVariantId, StockReading] = attrs.field(factory=dict)
    """Stored readings that are not current, marked STALE."""
    known: dict[ProductVariantId, bool] = attrs.field(factory=dict)
    """What has a stored reading, however old, and whether that is the last answer: else it was
    "unknown"."""

    def missing(self) -> list[ProductVariantId]:
        return [variant for variant, answer in self.answers.items() if answer is None]

    def has_all_fallbacks(self) -> bool:
        """Whether every variant without an answer has a fallback."""
        return all(variant in self.fallbacks for variant in self.missing())

    def contradicts_absence(self, variant: ProductVariantId) -> bool:
        """Whether an "unknown" has to be confirmed."""
        return self.known.get(variant, False)

    def take(self, answers: Mapping[ProductVariantId, Answer]) -> None:
        """Take `answers`, and a fallback instead of each failure that has one."""
        for variant, answer in answers.items():
            fallback = self.fallbacks.get(variant) if type(answer) is Unreadable else None
            self.answers[variant] = fallback or answer


@attrs.frozen(eq=False)
class SharedCacheLayer:
    """Looks up variants in a cache that all replicas share, before it asks the service.

    A reading that was asked for less than `ttl` ago is served as CACHED, also when another replica
    read it. It keeps its true `as_of`: the layer above dates it by that, so that windows do not add
    up. For the rest, one replica asks the service (it holds a lease), and the others wait for its
    answer. If the service does not answer, a stored reading is served as STALE, as long as the
    store keeps it: up to the end of `stale_if_error`, by the store's clock, so that a step of this
    host's does not cost it. After `soft_timeout` it is served, too, if every missing variant has
    one. Without the store, the layer only forwards.

    Every answer is stored with the fencing token of the lookup before it. An event or a write
    invalidates the token, so that a slow read does not restore an old value. An "unknown" that
    contradicts a stored reading is confirmed first (`confirm_absences`), and never replaces it.

    Right: `CoalescingLayer(SharedCacheLayer(BatchingLayer(…)))`: one lookup for a page, whatever
    its size.
    Wrong: `SharedCacheLayer(CoalescingLayer(…))`: every caller does its own lookup, and takes
    leases for which the other callers of the same process wait.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    client: SharedCacheClient
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
        page = _PageRead(call, self.clock.monotonic(), self.new_claim(), dict.fromkeys(ids))
        pause = _FIRST_PAUSE
        while missing := page.missing():
            lookups = await self._lookup(missing, page)
            if lookups is None:
                if len(missing) == len(page.answers) and not page.fallbacks:
                    return await self.inner.read(ids, call)
                await self._fetch(missing, page)
            elif to_fetch := self._take_current(lookups, page):
                await self._fetch(to_fetch, page)
            elif not page.missing():
                break  # all variants are current: the page costs one lookup
            elif (left := self._wait_left(page)) > _NEGLIGIBLE:
                await asyncio.sleep(min(self.uniform(pause / 2, pause), left))
                pause = min(pause * 1.5, _MAX_PAUSE)
            elif page.has_all_fallbacks():
                page.take(page.fallbacks)
            else:
                await self._fetch(page.missing(), page)
        return settled({v: answer for v, answer in page.answers.items() if answer is not None})

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Forward the call, then fence the variant whether or not the call succeeded."""
        ids = (request.variant_id,)
        try:
            initialized = await self.inner.initialize(request, call)
        except BaseException:
            self.client.fence_later(ids)
            raise
        await self.client.fence(ids)
        return initialized

    async def _lookup(
        self, missing: Sequence[ProductVariantId], page: _PageRead
    ) -> Mapping[ProductVariantId, Lookup] | None:
        windows, limit = self.windows, page.call.max_staleness
        # A caller's limit is an age at the time of the call: readings since then are young enough.
        longest = inf if limit is None else limit + self.clock.monotonic() - page.began
        options = LookupOptions(
            now=self.clock.now(),
            # Less than the whole window: memory refreshes early by its jitter, and would else get
            # the same reading back.
            reading_age=windows.ttl * (1 - windows.jitter),
            unknown_age=windows.negative_ttl,
            max_staleness=longest,
            claim=page.claim,
            # A caller that accepts no stored reading neither waits for a lease nor takes one.
            lease=0 if limit == 0 else self.client.options.lease,
        )
        return await self.client.lookup(missing, options, page.call.deadline)

    def _take_current(
        self, lookups: Mapping[ProductVariantId, Lookup], page: _PageRead
    ) -> list[ProductVariantId]:
        """Take the current values; return the variants that this replica must ask for."""
        to_fetch: list[ProductVariantId] = []
        oldest = self._oldest(page.call)
        for variant, lookup in lookups.items():
            if lookup.current:
                self.client.hits += 1
                page.answers[variant] = lookup.value
                continue
            page.tokens[variant] = lookup.token
            if isinstance(lookup.value, StockReading):
                page.known[variant] = not lookup.absent
                if oldest is None or lookup.value.as_of > oldest:
                    page.fallbacks[variant] = lookup.value.kept_as(Freshness.STALE)
            if lookup.lease is not Lease.HELD_BY_OTHER:
                to_fetch.append(variant)
        return to_fetch

    def _oldest(self, call: Call) -> datetime | None:
        """The earliest `as_of` that the caller accepts; None: every one that the store keeps."""
        if call.max_staleness is None:
            return None
        return self.clock.now() - timedelta(seconds=call.max_staleness)

    def _wait_left(self, page: _PageRead) -> float:
        """Seconds left to wait for another replica."""
        wait = 2 * self.client.options.lease
        if page.has_all_fallbacks():
            wait = self.windows.soft_timeout
        if page.call.deadline is not None:
            # The other replica may have crashed: half of the time is for a request of our own.
            wait = min(wait, (page.call.deadline - page.began) / 2)
        return page.began + wait - self.clock.monotonic()

    async def _fetch(self, variants: Sequence[ProductVariantId], page: _PageRead) -> None:
        """Ask the service; stop waiting in time to serve the fallbacks."""
        self.client.misses += len(variants)
        work = self._fetch_and_store(variants, page)
        task = self.background.start(work, "shared read", copy_context())
        timeout = None
        if any(variant in page.fallbacks for variant in variants):
            if page.call.deadline is not None:
                timeout = page.call.deadline - self.clock.monotonic() - _MARGIN
            if page.has_all_fallbacks():
                timeout = min(self.windows.soft_timeout, inf if timeout is None else timeout)
        await asyncio.wait({task}, timeout=timeout)
        outcome: Mapping[ProductVariantId, Answer] | InventoryError
        context = RequestContext(Operation.READ, variants, page.call)
        if not task.done():
            sentence = "the Inventory Service did not answer in time"
            outcome = context.error(DeadlineExceeded, sentence)
        elif task.cancelled():
            outcome = context.error(OverloadedHere, "this process is shutting down")
        else:
            outcome = task.result()
        if isinstance(outcome, InventoryError):
            outcome = dict.fromkeys(variants, Unreadable(outcome))
        page.take(outcome)

    async def _fetch_and_store(
        self, variants: Sequence[ProductVariantId], page: _PageRead
    ) -> Mapping[ProductVariantId, Answer] | InventoryError:
        """Ask the service, and store the answers; goes on when the caller has left.

        A failure is returned, not raised: there may be no caller left that would receive it.
        """
        asked_at = self.clock.now()
        tokens = {variant: page.tokens.get(variant, b"") for variant in variants}
        requests: dict[ProductVariantId, StoreRequest] = {}
        try:
            answers = await self.inner.read(variants, page.call)
            answers = await confirm_absences(
                answers, page.contradicts_absence, self.inner, page.call, self.client.listener
            )
            requests = dict(self._store_requests(answers, page, tokens, asked_at))
        except InventoryError as error:
            return error
        finally:
            if requests:
                self.client.store_later(requests, page.claim)
            if rest := [v for v in variants if tokens[v] and v not in requests]:
                self.client.release_later(rest, page.claim)
        return answers

    def _store_requests(
        self,
        answers: Mapping[ProductVariantId, Answer],
        page: _PageRead,
        tokens: Mapping[ProductVariantId, bytes],
        asked_at: datetime,
    ) -> Iterable[tuple[ProductVariantId, StoreRequest]]:
        now, windows = self.clock.now(), self.windows
        for variant, answer in answers.items():
            if not tokens[variant] or isinstance(answer, Unreadable):
                continue
            as_of = answer.as_of or asked_at
            age = max(now - as_of, timedelta(0)).total_seconds()
            # What a cache on the way had kept for long is not asked for again by each view.
            since_asked = max(age - answer.upstream_age, 0.0)
            if isinstance(answer, StockReading):
                ttl = max(windows.discard_age - age, windows.ttl - since_asked)
            elif variant in page.known:
                # It is not current for so long; but as long as the reading, it needs no confirming.
                ttl = windows.discard_age - since_asked
            else:
                ttl = windows.negative_ttl - since_asked
            if ttl > 0:
                yield variant, StoreRequest(answer, as_of, tokens[variant], ttl, windows.ttl)
