"""`Pauses`: which variants are not asked for after a failure, and until when."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from math import inf

import attrs

from shelfport.adapters.layers.cache.store import ReadingStore
from shelfport.domain.model import FaultScope, InventoryError, ProductVariantId, Unreadable


@attrs.frozen
class Pause:
    """Until when a variant is not asked for. Times are seconds of the monotonic clock."""

    until: float
    answer: Unreadable | None = None
    """The answer meanwhile, if the failure was the variant's own fault and nothing else of it is
    known; None if only its refreshing pauses."""
    asked_at: float = -inf
    """When the read began that brought this answer."""


class Pauses:
    """The pauses of variants, each of its own: one variant's fault pauses no other.

    Args:
        store: its options say how long a pause is and how many there are, its fences which failures
            are out of date.
    """

    def __init__(self, store: ReadingStore) -> None:
        self._store = store
        self._pauses: OrderedDict[ProductVariantId, Pause] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept, ended or not."""
        return len(self._pauses)

    def failed(
        self,
        variants: Sequence[ProductVariantId],
        error: InventoryError,
        *,
        asked_at: float,
        now: float,
    ) -> None:
        """Pause `variants`: a read of them failed with `error`, unless that is the caller's fault.

        Args:
            variants: what the read was about, or what of it was not answered.
            error: why. It is a variant's own fault, and remembered as its answer, if its data is
                nonsense, or if it is the only one that the refused request was about.
            asked_at: when the read began.
            now: this moment.
        """
        if error.scope is FaultScope.CALLER:
            return
        self.back_off(variants, now)
        about = error.ids or variants
        of_one = error.scope is FaultScope.REQUEST and len(about) == 1
        if of_one or error.scope is FaultScope.ELEMENT:
            # After a fence it may have another state, without that fault.
            fence_of = self._store.fence_of
            own = [v for v in variants if v in about and asked_at > fence_of(v)]
            # A copy, as a raised error keeps all that it went through alive.
            until = self._store.fault_until(asked_at)
            self._begin(own, Pause(until, Unreadable(error.again()), asked_at), now)

    def back_off(self, variants: Iterable[ProductVariantId], now: float) -> None:
        """Pause the refreshing of `variants`."""
        self._begin(variants, Pause(now + self._store.options.refresh_backoff), now)

    def _begin(self, variants: Iterable[ProductVariantId], pause: Pause, now: float) -> None:
        pauses, most = self._pauses, self._store.options.max_entries
        if pause.until > now:
            for variant in variants:
                pauses[variant] = pause
                pauses.move_to_end(variant)
        while pauses and (len(pauses) > most or next(iter(pauses.values())).until <= now):
            pauses.popitem(last=False)

    def end(self, variants: Iterable[ProductVariantId]) -> None:
        """Forget the pauses of `variants`."""
        if self._pauses:
            for variant in variants:
                self._pauses.pop(variant, None)

    def end_all(self) -> None:
        """Forget every pause."""
        self._pauses.clear()

    def holds(self, variant: ProductVariantId, now: float) -> bool:
        """Whether `variant` pauses."""
        return self._of(variant, now) is not None

    def answer(self, variant: ProductVariantId, now: float, longest: float) -> Unreadable | None:
        """The answer of `variant` during its pause, if it is younger than `longest`."""
        pause = self._of(variant, now)
        return None if pause is None or now - pause.asked_at >= longest else pause.answer

    def _of(self, variant: ProductVariantId, now: float) -> Pause | None:
        pause = self._pauses.get(variant)
        return None if pause is None or now >= pause.until else pause
