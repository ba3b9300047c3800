"""`ReadingStore`: what the cache keeps, and what it must not keep. No I/O, and time is passed in.

All times are seconds of the monotonic clock.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from math import inf
from typing import NamedTuple, TypeVar
from uuid import UUID

import attrs

from shelfport.adapters.layers.cache.entry import Entry, KeptReading, KeptUnknown
from shelfport.adapters.layers.cache.options import CacheOptions
from shelfport.domain.model import (
    Answer,
    InventoryEvent,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    UnknownVariant,
)

T = TypeVar("T")

EVENT = "event"
"""The source of a reading that no adapter read: an event told it."""


class _Ends(NamedTuple):
    """When a read began, and when the windows of what it brought end."""

    asked_at: float
    fresh_until: float
    jitter: float
    """Seconds by which the fresh window of one of them may end early."""
    refresh_until: float
    stale_until: float

    @classmethod
    def of(cls, options: CacheOptions, asked_at: float) -> "_Ends":
        return cls(
            asked_at,
            asked_at + options.ttl,
            options.jitter * options.ttl,
            asked_at + options.revalidate_age,
            asked_at + options.discard_age,
        )


@attrs.define(eq=False)
class ReadingStore:
    """Entries by variant, with the rules on what may take the place of what.

    *Fences.* A write or an event about a variant is a fence in time: what a read brings that
    began before it is not stored after it, as it may show the world before the change.
    *Order.* Between reads, the level that the service updated last wins; of two equal ones, the
    read that began later. Between events, the one that happened last. Between a read and an event,
    the moment of hearing it decides, by the fence; their two stamps are not compared in a read's
    disfavour, since an event is stamped a moment after the row that it tells of.
    """

    options: CacheOptions
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    """Draws a number between two others: `random.uniform`."""
    # Keyed by `UUID.int`: the hash of a UUID is a call into Python, and these are asked for each
    # variant of each page. What was put in first is found at once in an OrderedDict; a dict walks
    # over the places of all that left it.
    _entries: OrderedDict[int, Entry] = attrs.field(init=False, factory=OrderedDict, repr=False)
    _fences: OrderedDict[int, float] = attrs.field(init=False, factory=OrderedDict, repr=False)
    _fence_for_all: float = attrs.field(init=False, default=-inf, repr=False)
    """Stands for the fences that were too many to keep."""
    _learned: OrderedDict[int, tuple[datetime, UUID]] = attrs.field(
        init=False, factory=OrderedDict, repr=False
    )
    """The rank of the last event of each variant."""
    _ends: _Ends = attrs.field(init=False, default=_Ends(-inf, -inf, -inf, -inf, -inf), repr=False)
    """Of the last read that was stored."""
    _told: OrderedDict[int, Entry] = attrs.field(init=False, factory=OrderedDict, repr=False)
    """What events told. It lies over what reads brought, and comes off with the next event or the
    next read, so that what is left does not depend on the order in which events come."""

    def __len__(self) -> int:
        """How many variants are kept."""
        return len(self._entries)

    def get(self, variant: UUID) -> Entry | None:
        """What is kept of `variant`, expired or not."""
        key = variant.int
        if self._told and (told := self._told.get(key)) is not None:
            return told
        return self._entries.get(key)

    def latest_fence(self, variants: Iterable[ProductVariantId]) -> float:
        """A read of `variants` must have begun after this moment for all of it to be stored."""
        if not self._fences:
            return self._fence_for_all
        return max(map(self.fence_of, variants))

    def fence_of(self, variant: ProductVariantId) -> float:
        """A read must have begun after this moment to be stored."""
        return max(self._fences.get(variant.int, -inf), self._fence_for_all)

    def has_none_of(self, variants: Iterable[UUID]) -> bool:
        """Whether nothing is kept of any of `variants`."""
        numbers = [variant.int for variant in variants]
        told = self._told
        return self._entries.keys().isdisjoint(numbers) and (
            not told or told.keys().isdisjoint(numbers)
        )

    def keep(
        self,
        answers: Mapping[ProductVariantId, Answer],
        *,
        asked_at: float,
        now: float,
        instant: datetime,
    ) -> None:
        """`store` what a read brought that began at `asked_at`, as far as anything was read.

        What it shared with another call, or another process, is dated from when that one read it.

        Args:
            answers: what it brought.
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
                known = entries.get(variant.int)
                # Callers who shared a request all bring what it brought.
                if known is None or not known.is_of(answer):
                    self.store(variant, answer, began)
            elif isinstance(answer, UnknownVariant):
                age = 0.0 if answer.as_of is None else (instant - answer.as_of).total_seconds()
                self.store(variant, answer, min(asked_at, now - age))

    def store(
        self, variant: ProductVariantId, answer: StockReading | UnknownVariant, asked_at: float
    ) -> bool:
        """Keep what a read that began at `asked_at` brought; False if something forbids it."""
        key = variant.int
        entries = self._entries
        fence = self.fence_of(variant) if self._fences else self._fence_for_all
        if asked_at <= fence:
            return False
        known = entries.get(key)
        if known is not None:
            if not self._wins(known, answer, asked_at):
                return False
            del entries[key]  # put in again as the youngest
        if self._told:
            self._told.pop(key, None)
        if isinstance(answer, UnknownVariant):
            end = asked_at + self.options.negative_ttl
            entries[key] = KeptUnknown(asked_at, end, end, end, answer)
        else:
            entries[key] = self._kept(answer, asked_at)
        if len(entries) > self.options.max_entries:
            entries.popitem(last=False)
        return True

    def apply_event(
        self, event: InventoryEvent, *, as_of: datetime, happened_at: float, now: float
    ) -> bool:
        """Follow `event`, heard `now`; False if it tells nothing new.

        It tells nothing new if a later event of its variant was heard, or if what is kept was
        updated at its time or later: the service stamps both, so these two can be compared.
        Otherwise it is a fence. "Out of stock" says all that there is to know, and is kept as a
        reading, unless something younger is kept already; the other two say no quantity, so that
        the service is asked first.

        Args:
            event: what was heard.
            as_of: when it happened, or now, if the service's clock is ahead.
            happened_at: the same moment on the scale of `now`.
            now: the moment of hearing it.
        """
        variant = event.variant_id
        key = variant.int
        last, read = self._learned.get(key), self._entries.get(key)
        if last is not None and event.rank <= last:
            return False
        self._put(self._learned, key, event.rank)
        if read is not None and read.updated_by(event.occurred_at):
            return False
        younger = read is not None and read.asked_at > happened_at
        self.fence(variant, now)
        self._told.pop(key, None)
        if event.status is StockStatus.OUT_OF_STOCK and not younger:
            level = StockLevel(variant, 0, event.status, event.occurred_at)
            reading = StockReading(level, as_of, EVENT)
            told = self._kept(reading, happened_at)
            self._put(self._told, key, told)
        return True

    def fence(self, variant: ProductVariantId, now: float) -> None:
        """Something about `variant` changed: no read that began before `now` is stored any more.

        "Unknown" is forgotten; a reading stays, for the service may be down when it is next asked,
        but it is asked first.
        """
        key = variant.int
        if (gone := self._put(self._fences, key, now)) is not None:
            self._fence_for_all = gone
        for kept in (self._entries, self._told):
            if key in kept:
                _ask_first(kept, key)

    def _kept(self, reading: StockReading, asked_at: float) -> KeptReading:
        if asked_at != self._ends[0]:
            # Made once for all that a request brought: a float takes as much room as three fields.
            self._ends = _Ends.of(self.options, asked_at)
        asked_at, fresh_until, jitter, refresh_until, stale_until = self._ends
        level = reading.level
        return KeptReading(
            asked_at,
            fresh_until - self.uniform(0.0, jitter),
            refresh_until,
            stale_until,
            level.available_quantity,
            level.status,
            level.updated_at,
            reading.as_of,
            reading.source,
        )

    def _put(self, kept: OrderedDict[int, T], key: int, value: T) -> T | None:
        """Put `value` in as the youngest; what was put in first goes if it is one too many."""
        kept[key] = value
        kept.move_to_end(key)
        return kept.popitem(last=False)[1] if len(kept) > self.options.max_entries else None

    def fence_all(self, now: float) -> None:
        """As `fence`, for every variant there is."""
        self._fences.clear()
        self._fence_for_all = now
        for kept in (self._entries, self._told):
            for key in list(kept):
                _ask_first(kept, key)

    @staticmethod
    def _wins(known: Entry, answer: StockReading | UnknownVariant, asked_at: float) -> bool:
        if asked_at >= known.stale_until:
            return True
        if isinstance(answer, StockReading) and isinstance(known, KeptReading):
            return (answer.level.updated_at, asked_at) >= (known.updated_at, known.asked_at)
        return asked_at >= known.asked_at


def _ask_first(kept: dict[int, Entry], key: int) -> None:
    """Forget an "unknown", and let a reading be shown only if the service does not answer."""
    entry = kept[key]
    if isinstance(entry, KeptUnknown):
        del kept[key]
    else:
        entry.fresh_until = entry.refresh_until = -inf
