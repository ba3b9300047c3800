"""`ReadingStore`: which answers the cache stores, and which it must not. No I/O; time is passed in.

All times are seconds of the monotonic clock.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import TypeVar
from uuid import UUID

import attrs

from shelfport.adapters.layers.cache.entry import CacheWindows, Entry, KeptReading, KeptUnknown
from shelfport.adapters.layers.cache.options import CacheOptions
from shelfport.domain.model import (
    Answer,
    Freshness,
    InventoryEvent,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    UnknownVariant,
)

T = TypeVar("T")

EVENT = "event"
"""The source of a reading that an event brought, not an adapter."""


@attrs.define(eq=False)
class ReadingStore:
    """Entries by variant, with the rules of which answer may replace which.

    *Fences.* A write or an event about a variant is a fence in time. The answer of a read that
    began before the fence is not stored after it: it may show the state before the change.
    *Order.* Between reads, the level that the service updated last wins; of two equal ones, the
    read that began later. Between events, the one with the latest timestamp. Between a read and an
    event, the fence decides, at the moment when the event was received. Their two timestamps are
    not compared in a read's disfavour, as an event is stamped a moment after the row that it is
    about.
    *Currency.* A reading that the cache below returned as STALE is never served as fresh.
    """

    options: CacheOptions
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    """Draws a number between two others: `random.uniform`."""
    # An OrderedDict finds its oldest key at once; a dict walks over the places of deleted keys.
    _entries: OrderedDict[str, Entry] = attrs.field(init=False, factory=OrderedDict, repr=False)
    _fences: OrderedDict[str, float] = attrs.field(init=False, factory=OrderedDict, repr=False)
    _fence_for_all: float = attrs.field(init=False, default=-inf, repr=False)
    """Replaces the fences that were evicted from `_fences`."""
    _last_events: OrderedDict[str, tuple[datetime, UUID]] = attrs.field(
        init=False, factory=OrderedDict, repr=False
    )
    """The rank of the last event of each variant."""
    _last_windows: CacheWindows = attrs.field(
        init=False, default=CacheWindows(-inf, -inf, -inf, -inf), repr=False
    )
    """Of the last read that was stored."""
    _event_entries: OrderedDict[str, Entry] = attrs.field(
        init=False, factory=OrderedDict, repr=False
    )
    """What events brought. An entry here covers the one in `_entries` until the next event or the
    next read removes it, so that the result does not depend on the order of events."""
    get: Callable[[str], Entry | None] = attrs.field(init=False, repr=False)
    """The entry of a variant, expired or not. Until an event brings one, it is the method of a
    dict, since each variant of each page is looked up here."""

    def __attrs_post_init__(self) -> None:
        self.get = self._entries.get

    def __len__(self) -> int:
        """How many variants have an entry."""
        return len(self._entries)

    def latest_fence(self, variants: Iterable[ProductVariantId]) -> float:
        """A read of `variants` must have begun after this moment for all of it to be stored."""
        if not self._fences:
            return self._fence_for_all
        return max(map(self.fence_of, variants))

    def fence_of(self, variant: ProductVariantId) -> float:
        """A read must have begun after this moment to be stored."""
        return max(self._fences.get(variant, -inf), self._fence_for_all)

    def has_none_of(self, variants: Sequence[str]) -> bool:
        """Whether none of `variants` has an entry."""
        events = self._event_entries
        return self._entries.keys().isdisjoint(variants) and (
            not events or events.keys().isdisjoint(variants)
        )

    def store_answers(
        self,
        answers: Mapping[ProductVariantId, Answer],
        *,
        asked_at: float,
        now: float,
        instant: datetime,
    ) -> None:
        """`store` the answers of a read that began at `asked_at`; skip unreadable ones.

        An answer that the read shared with another call or process is dated by the older request.

        Args:
            answers: what the read returned.
            asked_at: when it began.
            now: this moment.
            instant: the same moment by the clock that dates readings.
        """
        entries = self._entries
        as_of, began = None, asked_at
        for variant, answer in answers.items():
            if type(answer) is StockReading:
                if answer.as_of is not as_of:
                    as_of = answer.as_of
                    began = min(asked_at, now - (instant - as_of).total_seconds())
                known = entries.get(variant)
                # Callers that shared a request all bring the same reading.
                if known is None or not known.is_of(answer):
                    self.store(variant, answer, began)
            elif isinstance(answer, UnknownVariant):
                age = 0.0 if answer.as_of is None else (instant - answer.as_of).total_seconds()
                self.store(variant, answer, min(asked_at, now - age))

    def store(
        self, variant: ProductVariantId, answer: StockReading | UnknownVariant, asked_at: float
    ) -> bool:
        """Store the answer of a read that began at `asked_at`; False if a rule forbids it."""
        entries = self._entries
        fence = self.fence_of(variant) if self._fences else self._fence_for_all
        if asked_at <= fence:
            return False
        known = entries.get(variant)
        if known is not None:
            if not self._may_replace(known, answer, asked_at):
                return False
            del entries[variant]  # it is put in again as the youngest
        if self._event_entries:
            self._event_entries.pop(variant, None)
        if isinstance(answer, UnknownVariant):
            end = asked_at + self.options.negative_ttl
            entries[variant] = KeptUnknown(CacheWindows(asked_at, end, end, end), answer)
        else:
            entries[variant] = self._entry_of(answer, asked_at)
        if len(entries) > self.options.max_entries:
            entries.popitem(last=False)
        return True

    def apply_event(
        self, event: InventoryEvent, *, as_of: datetime, happened_at: float, now: float
    ) -> bool:
        """Follow `event`, received `now`; False if it is old.

        It is old if a later event of its variant was received, or if the service updated the
        stored level at the time of the event or later: the service stamps both, so they compare.
        A new event is a fence. OUT_OF_STOCK implies the quantity 0 and is stored as a reading,
        unless the stored one is younger. The other two carry no quantity, so that the next read
        asks the service.

        Args:
            event: the received event.
            as_of: when it happened, or now, if the service's clock is ahead.
            happened_at: the same moment on the scale of `now`.
            now: when it was received.
        """
        variant = event.variant_id
        last, read = self._last_events.get(variant), self._entries.get(variant)
        if last is not None and event.rank <= last:
            return False
        self._put(self._last_events, variant, event.rank)
        if read is not None and read.updated_by(event.occurred_at):
            return False
        younger = read is not None and read.windows.asked_at > happened_at
        self.fence(variant, now)
        self._event_entries.pop(variant, None)
        if event.status is StockStatus.OUT_OF_STOCK and not younger:
            level = StockLevel(variant, 0, event.status, event.occurred_at)
            reading = StockReading(level, as_of, EVENT)
            self._put(self._event_entries, variant, self._entry_of(reading, happened_at))
            self.get = self._get_of_both
        return True

    def fence(self, variant: ProductVariantId, now: float) -> None:
        """Stop storing reads of `variant` that began before `now`, and expire its entry.

        An "unknown" is deleted. A reading stays for the case that the service does not answer, but
        the next read asks the service first.
        """
        if (evicted := self._put(self._fences, variant, now)) is not None:
            self._fence_for_all = evicted
        for entries in (self._entries, self._event_entries):
            if variant in entries:
                _expire(entries, variant)

    def _get_of_both(self, variant: str) -> Entry | None:
        entry = self._event_entries.get(variant)
        return self._entries.get(variant) if entry is None else entry

    def _entry_of(self, reading: StockReading, asked_at: float) -> KeptReading:
        windows = self._last_windows
        if windows.asked_at != asked_at:
            windows = self._last_windows = self._windows_of(asked_at)
        if reading.freshness is Freshness.STALE:
            # What the cache below returns as STALE is not current, however young: it may be older
            # than an event that this process did not receive.
            windows = CacheWindows(asked_at, -inf, windows.revalidate_until, windows.stale_until)
        level = reading.level
        return KeptReading(
            windows,
            level.available_quantity,
            level.status,
            level.updated_at,
            reading.as_of,
            reading.source,
        )

    def fault_until(self, asked_at: float) -> float:
        """The end of `negative_ttl` of a failure of a read that began at `asked_at`.

        It is jittered as the `ttl` of what the same read brought, so that with the defaults both
        end together, and one request asks for both.
        """
        windows = self._last_windows
        if windows.asked_at != asked_at:
            windows = self._last_windows = self._windows_of(asked_at)
        ttl = self.options.ttl
        share = (windows.fresh_until - asked_at) / ttl if ttl else 1.0
        return asked_at + share * self.options.negative_ttl

    def _windows_of(self, asked_at: float) -> CacheWindows:
        """One object for all readings of a request, so that they end together."""
        options = self.options
        return CacheWindows(
            asked_at,
            asked_at + options.ttl - self.uniform(0.0, options.jitter * options.ttl),
            asked_at + options.revalidate_age,
            asked_at + options.discard_age,
        )

    def _put(self, values: OrderedDict[str, T], key: str, value: T) -> T | None:
        """Put `value` in as the youngest; beyond `max_entries` evict the oldest and return it."""
        values[key] = value
        values.move_to_end(key)
        return values.popitem(last=False)[1] if len(values) > self.options.max_entries else None

    def fence_all(self, now: float) -> None:
        """As `fence`, for every variant there is."""
        self._fences.clear()
        self._fence_for_all = now
        for entries in (self._entries, self._event_entries):
            for key in list(entries):
                _expire(entries, key)

    @staticmethod
    def _may_replace(known: Entry, answer: StockReading | UnknownVariant, asked_at: float) -> bool:
        windows = known.windows
        if asked_at >= windows.stale_until:
            return True
        if isinstance(answer, StockReading) and isinstance(known, KeptReading):
            return (answer.level.updated_at, asked_at) >= (known.updated_at, windows.asked_at)
        return asked_at >= windows.asked_at


def _expire(entries: dict[str, Entry], key: str) -> None:
    """Delete an "unknown"; leave a reading as the fallback for a service that does not answer."""
    entry = entries[key]
    if isinstance(entry, KeptUnknown):
        del entries[key]
    else:
        entry.windows = entry.windows.expired()
