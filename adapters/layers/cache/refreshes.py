"""`Refreshes`: the background reads of the cache, at most one for each variant at a time."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import attrs

from shelfport.adapters.layers.cache.pauses import Pauses
from shelfport.adapters.layers.cache.store import ReadingStore
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import Answer, Call, ProductVariantId

_Answers = Mapping[ProductVariantId, Answer]


@attrs.frozen(eq=False)
class _Refresh:
    """A background read; its task returns the answers, and an empty mapping after a failure."""

    began: float
    task: asyncio.Task[_Answers]


@attrs.define(eq=False)
class Refreshes:
    """Starts background reads, unless a variant has one, it pauses, or too many run."""

    store: ReadingStore
    pauses: Pauses
    background: Background
    fetch: Callable[[Sequence[ProductVariantId], Call], Coroutine[Any, Any, _Answers]]
    """Reads from the layer below and stores the answers; it does not raise for a failure."""
    _latest: dict[ProductVariantId, _Refresh] = attrs.field(init=False, factory=dict)
    """The refresh of each variant that is in flight."""
    _in_flight: int = attrs.field(init=False, default=0)

    def start(self, variants: Sequence[ProductVariantId], call: Call, now: float) -> None:
        """Start one refresh of those of `variants` that have none, unless a limit forbids it."""
        due = [
            variant
            for variant in variants
            if self._of(variant) is None and not self.pauses.holds(variant, now)
        ]
        if not due or self._in_flight >= self.store.options.max_background_refreshes:
            return
        # The refresh is traced to the call that caused it; its time and its limits are its own.
        own = Call(correlation_id=call.correlation_id, traceparent=call.traceparent)
        refresh = _Refresh(now, self.background.start(self.fetch(due, own), "inventory refresh"))
        self._in_flight += 1
        self._latest.update(dict.fromkeys(due, refresh))
        refresh.task.add_done_callback(lambda _: self._ended(due, refresh))

    async def within_soft_timeout(
        self, variants: Sequence[ProductVariantId], call: Call, now: float
    ) -> _Answers:
        """Refresh `variants`, and return the answers that come within the soft timeout."""
        self.start(variants, call, now)
        timeout = self.store.options.soft_timeout
        if call.deadline is not None:
            timeout = min(timeout, call.deadline - now)
        refreshes = (self._of(variant) for variant in variants)
        # A refresh that began longer ago is overdue: later callers do not wait for it again.
        tasks = {r.task for r in refreshes if r is not None and now - r.began < timeout}
        if not tasks:
            return {}
        done, _ = await asyncio.wait(tasks, timeout=timeout)
        answers: dict[ProductVariantId, Answer] = {}
        for task in done:
            if not task.cancelled() and task.exception() is None:
                answers.update(task.result())
        return {variant: answers[variant] for variant in variants if variant in answers}

    def _of(self, variant: ProductVariantId) -> _Refresh | None:
        """The in-flight refresh of `variant`, if no fence came after its beginning."""
        refresh = self._latest.get(variant)
        return refresh if refresh and refresh.began >= self.store.fence_of(variant) else None

    def _ended(self, due: Sequence[ProductVariantId], refresh: _Refresh) -> None:
        self._in_flight -= 1
        for variant in due:
            # After a fence, a younger refresh may have taken its place.
            if self._latest.get(variant) is refresh:
                del self._latest[variant]
