"""`Regressions`: readings that are held back, as they are older than the kept ones."""

from math import inf

import attrs

from shelfport.adapters.layers.cache.entry import KeptReading
from shelfport.adapters.runtime.bounded_dict import BoundedDict

_MAX_HELD = 10_000


@attrs.frozen
class _Held:
    believed_from: float
    """A read that began then or later, and is still older than the kept one, is believed."""
    entry: KeptReading
    """The latest of them."""


@attrs.define(eq=False)
class Regressions:
    """Later reads with a level that the service, by its own `updatedAt`, updated earlier.

    A replica of the service that lags behind has answered, or the service's clock was set back. In
    the first case the kept reading is right, in the second the later one. So the later one is held
    back for one `ttl`, and believed if it is still older then.
    """

    total: int = attrs.field(init=False, default=0)
    """How many readings were held back."""
    _held: BoundedDict[str, _Held] = attrs.field(
        init=False, factory=lambda: BoundedDict(_MAX_HELD), repr=False
    )

    def hold_back(self, variant: str, entry: KeptReading) -> bool:
        """Hold `entry` back; False if it is to be believed."""
        if entry.windows.fresh_until == -inf:
            return True  # STALE: the cache below did not read it just now, so it proves nothing
        held = self._held.get(variant)
        if held is None:
            self._held.put(variant, _Held(entry.windows.fresh_until, entry))
        elif entry.as_of is held.entry.as_of:
            return True  # another caller of the same request brings it
        elif entry.windows.asked_at >= held.believed_from:
            return False
        elif entry.windows.true_at >= held.entry.windows.true_at:
            self._held.put(variant, _Held(held.believed_from, entry))
        self.total += 1
        return True

    def get(self, variant: str) -> KeptReading | None:
        """The latest reading of `variant` that is held back."""
        held = self._held.get(variant)
        return None if held is None else held.entry

    def forget(self, variant: str) -> None:
        """Nothing of `variant` is held back any more."""
        self._held.discard(variant)

    def forget_all(self) -> None:
        """Nothing is held back any more."""
        self._held = BoundedDict(_MAX_HELD)
