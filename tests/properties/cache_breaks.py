"""One rule of the cache broken at a time. The state machine must find each break."""

from collections.abc import Callable
from math import inf
from typing import Any

import attrs
import msgspec
import pytest

from shelfport.adapters.layers.cache import layer
from shelfport.adapters.layers.cache.entry import CacheWindows, KeptReading
from shelfport.adapters.layers.cache.layer import CacheLayer
from shelfport.adapters.layers.cache.moment import Moment
from shelfport.adapters.layers.cache.pauses import Pauses
from shelfport.adapters.layers.cache.regressions import Regressions
from shelfport.adapters.layers.cache.store import ReadingStore

Method = Callable[..., Any]


@attrs.frozen
class Break:
    """A broken rule."""

    rule: str
    """What does not hold any more, as a name for the test."""
    owner: Any
    method: str
    broken: Callable[[Method], Any]
    """Makes the broken method from the right one."""
    quick: bool = False
    """Whether it is planted in the short edition, too."""

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """Break the rule until `patch` is undone."""
        patch.setattr(self.owner, self.method, self.broken(getattr(self.owner, self.method)))


def _with_windows(change: Callable[[CacheWindows, float], dict[str, float]]) -> Callable[..., Any]:
    """New windows get what `change` makes of them and of the `upstream_age`."""

    def broken(right: Method) -> Method:
        def new_windows(self: ReadingStore, asked_at: float, true_at: float, *args: Any) -> Any:
            windows = right(self, asked_at, true_at, *args)
            return msgspec.structs.replace(windows, **change(windows, asked_at - true_at))

        return new_windows

    return broken


def _replaced(by: Method) -> Callable[[Method], Method]:
    return lambda _: by


def _deletes_the_reading(right: Method) -> Method:
    def store_unknown(self: ReadingStore, variant: str, *args: Any) -> None:
        right(self, variant, *args)
        if variant in self._unknown:
            self._entries.pop(variant, None)

    return store_unknown


def _never_expires(right: Method) -> Method:
    def store_unknown(self: ReadingStore, variant: str, *args: Any) -> None:
        right(self, variant, *args)
        if (unknown := self._unknown.get(variant)) is not None:
            windows = msgspec.structs.replace(unknown.windows, fresh_until=inf)
            self._unknown[variant] = msgspec.structs.replace(unknown, windows=windows)

    return store_unknown


def _wins_over_younger_readings(right: Method) -> Method:
    def store_unknown(self: ReadingStore, variant: str, *args: Any) -> None:
        known = self._entries.pop(variant, None)
        right(self, variant, *args)
        if known is not None:
            known.windows = known.windows.expired()
            self._entries[variant] = known

    return store_unknown


def _fenced_by_asked_at(right: Method) -> Method:
    def store_reading(self: ReadingStore, variant: Any, reading: Any, windows: CacheWindows) -> Any:
        fence = self.fence_of(variant)
        if not windows.true_at <= fence < windows.asked_at:
            return right(self, variant, reading, windows)
        self._fences.pop(variant)
        try:
            return right(self, variant, reading, windows)
        finally:
            self._fences[variant] = fence

    return store_reading


def _never_believed(right: Method) -> Method:
    def hold_back(self: Regressions, variant: str, entry: KeptReading) -> bool:
        return right(self, variant, entry) or True

    return hold_back


def _hits_by_monotonic(right: Method) -> Method:
    def hit(self: CacheLayer, text: str) -> Any:
        entry = self.store.get(text)
        if entry is None or self.clock.monotonic() >= entry.windows.fresh_until:
            return None
        return entry.as_fresh(text)  # type: ignore[arg-type]  # a text that is stored is an id

    return hit


def _without_the_held_one(_: Method) -> Method:
    def fallback(self: ReadingStore, variant: str, moment: Moment, longest: float) -> Any:
        entry = self.get(variant)
        return entry if entry is not None and entry.windows.shown_at(moment, longest) else None

    return fallback


def _confirms_nothing(_: Method) -> Method:
    async def confirm(answers: Any, *_: Any) -> Any:
        return answers

    return confirm


def _fresh_by_the_new_offset(right: Method) -> Method:
    def fresh_as(self: CacheWindows, other: CacheWindows) -> CacheWindows:
        return msgspec.structs.replace(
            self, fresh_until=other.fresh_until, wall_offset=other.wall_offset
        )

    return fresh_as


BREAKS = (
    Break(
        "Age counts",
        ReadingStore,
        "_new_windows",
        _with_windows(
            lambda w, age: {"true_at": w.true_at + age, "stale_until": w.stale_until + age}
        ),
    ),
    Break(
        "Age shortens stale_if_error",
        ReadingStore,
        "_new_windows",
        _with_windows(lambda w, age: {"stale_until": w.stale_until + age}),
    ),
    Break(
        "ttl goes by receipt",
        ReadingStore,
        "_new_windows",
        _with_windows(lambda w, age: {"fresh_until": w.fresh_until - age}),
    ),
    Break(
        "the wall clock counts",
        CacheWindows,
        "by_later_clock",
        _replaced(lambda self, moment: moment.monotonic),
        quick=True,
    ),
    Break(
        "the monotonic clock counts",
        CacheWindows,
        "by_later_clock",
        _replaced(lambda self, moment: moment.wall - self.wall_offset),
    ),
    Break("hits go by the wall clock", CacheLayer, "hit", _hits_by_monotonic),
    Break(
        "an outage goes by boottime, not monotonic",
        CacheWindows,
        "kept_at",
        _replaced(lambda self, moment: moment.monotonic < self.stale_until),
    ),
    Break(
        "an outage goes by boottime, not wall",
        CacheWindows,
        "kept_at",
        _replaced(lambda self, moment: self.by_later_clock(moment) < self.stale_until),
    ),
    Break(
        "max_staleness bounds stale ones",
        CacheWindows,
        "shown_at",
        _replaced(lambda self, moment, longest: self.kept_at(moment)),
    ),
    Break(
        "as_of follows a wall clock that is set back",
        layer,
        "dated",
        _replaced(lambda reading, windows, moment: reading),
        quick=True,
    ),
    Break(
        "what was asked for again is fresh",
        CacheWindows,
        "fresh_as",
        _replaced(lambda self, other: self),
    ),
    Break("fresh again counts suspensions", CacheWindows, "fresh_as", _fresh_by_the_new_offset),
    Break(
        "updated_at is capped",
        KeptReading,
        "updated_by_as_of",
        lambda _: property(lambda self: self.updated_at),
        quick=True,
    ),
    Break(
        "updated_at decides",
        ReadingStore,
        "_may_replace",
        _replaced(lambda self, variant, known, new: new.windows.true_at >= known.windows.true_at),
    ),
    Break(
        "a regression is held back",
        Regressions,
        "hold_back",
        _replaced(lambda self, variant, entry: False),
        quick=True,
    ),
    Break("a regression is believed", Regressions, "hold_back", _never_believed),
    Break("an absence is confirmed", layer, "confirm_absences", _confirms_nothing, quick=True),
    Break(
        "an absence keeps the reading",
        ReadingStore,
        "store_unknown",
        _deletes_the_reading,
        quick=True,
    ),
    Break("an absence expires", ReadingStore, "store_unknown", _never_expires),
    Break(
        "an absence loses against younger readings",
        ReadingStore,
        "store_unknown",
        _wins_over_younger_readings,
    ),
    Break(
        "a kept answer is not served for a younger one",
        CacheLayer,
        "_is_better",
        _replaced(lambda self, answer, shown, variant: True),
    ),
    Break("what is held back is a fallback", ReadingStore, "fallback", _without_the_held_one),
    Break(
        "a fence stops earlier reads",
        ReadingStore,
        "fence_of",
        _replaced(lambda self, variant: -inf),
    ),
    Break("a fence goes by Age", ReadingStore, "store", _fenced_by_asked_at),
    Break(
        "an event is a fence",
        ReadingStore,
        "apply_event",
        _replaced(lambda self, event, **_: False),
    ),
    Break(
        "a fault is forgotten",
        Pauses,
        "_of",
        _replaced(lambda self, variant, now: self._pauses.get(variant)),
    ),
)
