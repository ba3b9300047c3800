"""`CacheStats`: counts what the cache served, at next to no cost for a page."""

from collections.abc import Callable

import attrs

from shelfport.ports.snapshot import CacheSnapshot


@attrs.define(eq=False)
class CacheStats:
    """Counts served variants. A page of hits costs one addition, and no signal."""

    page_age: Callable[[float], None] | None = attrs.field(default=None, repr=False)
    """Called for each page that showed a reading, with the age of its oldest one in seconds; None
    if no telemetry uses it. Every page waits for it: it must not raise, and must take less than a
    microsecond."""
    fresh: int = attrs.field(init=False, default=0)
    stale: int = attrs.field(init=False, default=0)
    misses: int = attrs.field(init=False, default=0)
    unreadable: int = attrs.field(init=False, default=0)

    def snapshot(self, entries: int) -> CacheSnapshot:
        """The counts now."""
        return CacheSnapshot(
            fresh=self.fresh,
            stale=self.stale,
            misses=self.misses,
            unreadable=self.unreadable,
            entries=entries,
        )
