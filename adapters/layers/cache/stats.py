"""`CacheStats`: what the cache served, in numbers that cost a page next to nothing."""

from collections.abc import Callable

import attrs

from shelfport.ports.snapshot import CacheSnapshot


@attrs.define(eq=False)
class CacheStats:
    """Counts what is served. A page of hits costs one addition; no signal."""

    page_age: Callable[[float], None] | None = attrs.field(default=None, repr=False)
    """Told, for each page that showed something, the age of the oldest of it in seconds; None if
    nobody wants to know. It is in the way of every page: it must not raise, and must not take
    microseconds."""
    fresh: int = attrs.field(init=False, default=0)
    stale: int = attrs.field(init=False, default=0)
    misses: int = attrs.field(init=False, default=0)
    unreadable: int = attrs.field(init=False, default=0)

    def snapshot(self, entries: int) -> CacheSnapshot:
        """The counts as they are now."""
        return CacheSnapshot(
            fresh=self.fresh,
            stale=self.stale,
            misses=self.misses,
            unreadable=self.unreadable,
            entries=entries,
        )
