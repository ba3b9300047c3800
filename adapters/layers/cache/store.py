"""`ReadingStore`: which answers the cache stores, and which it must not. No I/O; time is passed in.

Times without another word are seconds of the monotonic clock.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import TypeVar
from uuid import UUID

import attrs
import msgspec

from shelfport.adapters.layers.cache.entry import (
    CacheWindows,
    KeptReading,
    KeptUnknown,
    dated,
)
from shelfport.adapters.layers.cache.moment import Moment
from shelfport.adapters.layers.cache.options import CacheOptions
from shelfport.adapters.layers.cache.regressions import Regressions
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
_NO_WINDOWS = CacheWindows(-inf, -inf, -inf, -inf, -inf, 0.0, 0.0)


@attrs.define(eq=False)
class ReadingStore:
    """Entries by variant, with the rules of which answer may replace which.

    *Fences.* A write or an event about a variant is a fence in time. The answer of a read that
    began before the fence is not stored after it: it may show the state before the change. An
    answer that a cache on the way had kept counts as from before its `upstream_age`.
    *Order.* Between reads, the level that the service updated last wins, where an update later than
    `as_of` counts as one at `as_of`; of two equal ones, the later `as_of`. A later read with an
    older level is held back, see `Regressions`. Between events, the one with the latest timestamp.
    Between a read and an event, the fence decides, at the moment when the event was received. Their
    two timestamps are not compared in a read's disfavour, as an event is stamped a moment after the
    row that it is about.
    *Absence.* "The service has no record of it" is kept apart: it deletes no reading, as that may
    still be the best of an outage, and has a bound of its own.
    *Currency.* A reading that the cache below returned as STALE is never served as fresh.
    """

    options: CacheOptions
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    """Draws a number between two others: `random.uniform`."""
    # An OrderedDict finds its oldest key at once; a dict walks over the places of deleted keys.
    _entries: OrderedDict[str, KeptReading] = attrs.field(
        init=False, factory=OrderedDict, repr=False
    )
    _unknown: OrderedDict[str, KeptUnknown] = attrs.field(
        init=False, factory=OrderedDict, repr=False
    )
    _regressions: Regressions = attrs.field(init=False, factory=Regressions, repr=False)
    _fences: OrderedDict[str, float] = attrs.field(init=False, factory=OrderedDict, repr=False)
    _fence_for_all: float = attrs.field(init=False, default=-inf, repr=False)
    """Replaces the fences that were evicted from `_fences`."""
    _last_events: OrderedDict[str, tuple[datetime, UUID]] = attrs.field(
        init=False, factory=OrderedDict, repr=False
    )
    """The rank of the last event of each variant."""
    _last_windows: CacheWindows = attrs.field(init=False, default=_NO_WINDOWS, repr=False)
    """Of the last answer of the read that is being stored."""
    _last_jitter: tuple[float, float] = attrs.field(init=False, default=(-inf, 0.0), repr=False)
    """When the last read began, and the share by which its `ttl` ends early."""
    _event_entries: OrderedDict[str, KeptReading] = attrs.field(
        init=False, factory=OrderedDict, repr=False
    )
    """What events brought. An entry here covers the one in `_entries` until the next event or the
    next read removes it, so that the result does not depend on the order of events."""
    get: Callable[[str], KeptReading | None] = attrs.field(init=False, repr=False)
    """The reading of a variant, expired or not. Until an event brings one, it is the method of a
    dict, since each variant of each page is looked up here."""

    def __attrs_post_init__(self) -> None:
        self.get = self._entries.get

    def __len__(self) -> int:
        """How many entries there are: readings, and variants of which there is no record."""
        return len(self._entries) + len(self._unknown)

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
        return all(
            not entries or entries.keys().isdisjoint(variants)
            for entries in (self._entries, self._unknown, self._event_entries)
        )

    def unknown(self, variant: ProductVariantId) -> KeptUnknown | None:
        """The entry of a variant of which the service has no record, expired or not."""
        return self._unknown.get(variant)

    def held_back(self, variant: ProductVariantId) -> KeptReading | None:
        """The latest reading of a variant that is held back, as it is older than the kept one."""
        return self._regressions.get(variant)

    def other_answer(
        self, variant: ProductVariantId, moment: Moment, longest: float
    ) -> StockReading | UnknownVariant | None:
        """What answers for a variant whose reading is not fresh, or too old for the caller.

        Either that the service has no record of it, within `negative_ttl`; or a later reading that
        is held back. None if neither is younger than `longest` seconds.
        """
        unknown = self._unknown.get(variant)
        if unknown is not None and unknown.windows.answers_at(moment, longest):
            return unknown.answer
        held = self._regressions.get(variant)
        if held is not None and held.windows.answers_at(moment, longest):
            return dated(held.as_fresh(variant), held.windows, moment)
        return None

    def answer(
        self, variant: ProductVariantId, moment: Moment, longest: float
    ) -> StockReading | UnknownVariant | None:
        """What answers for a variant without a request, if it is younger than `longest` seconds."""
        entry = self.get(variant)
        if entry is not None and entry.windows.answers_at(moment, longest):
            return dated(entry.as_fresh(variant), entry.windows, moment)
        return self.other_answer(variant, moment, longest)

    def fallback(
        self, variant: ProductVariantId, moment: Moment, longest: float
    ) -> KeptReading | None:
        """What may be shown if the service fails: the kept reading, or else one that is held back.

        None if neither is younger than `longest` seconds.
        """
        for entry in (self.get(variant), self._regressions.get(variant)):
            if entry is not None and entry.windows.shown_at(moment, longest):
                return entry
        return None

    def shows(self, variant: ProductVariantId, moment: Moment) -> bool:
        """Whether a reading of `variant` may still be shown if the service fails."""
        entry = self.get(variant)
        return entry is not None and entry.windows.kept_at(moment)

    def has(self, variant: ProductVariantId, answer: StockReading | UnknownVariant) -> bool:
        """Whether `answer` is the stored one."""
        if isinstance(answer, UnknownVariant):
            unknown = self._unknown.get(variant)
            return unknown is not None and unknown.answer is answer
        entry = self._entries.get(variant)
        return entry is not None and entry.is_of(answer)

    def store_answers(
        self, answers: Mapping[ProductVariantId, Answer], *, asked_at: float, moment: Moment
    ) -> int:
        """`store` the answers of a read that began at `asked_at`; skip unreadable ones.

        An answer that the read shared with another call or process is dated by the older request.

        Args:
            answers: what the read returned.
            asked_at: when it began.
            moment: now.

        Returns:
            How many readings are held back.
        """
        entries = self._entries
        # An earlier call's windows are not used again: the wall clock may have been set since.
        windows = self._last_windows = _NO_WINDOWS
        as_of = None
        held_before = self._regressions.total
        for variant, answer in answers.items():
            if type(answer) is StockReading:
                if answer.as_of is not as_of:
                    as_of = answer.as_of
                    windows = self._windows_of(as_of, answer.upstream_age, asked_at, moment)
                known = entries.get(variant)
                # Callers that shared a request all bring the same reading.
                if known is None or not known.is_of(answer):
                    self.store(variant, answer, windows)
            elif isinstance(answer, UnknownVariant):
                of_it = self._windows_of(answer.as_of, answer.upstream_age, asked_at, moment)
                self.store_unknown(variant, answer, of_it)
        return self._regressions.total - held_before

    def store(
        self, variant: ProductVariantId, reading: StockReading, windows: CacheWindows
    ) -> None:
        """Store the reading of a read that has `windows`, unless a rule forbids it."""
        entries = self._entries
        fence = self.fence_of(variant) if self._fences else self._fence_for_all
        if windows.true_at <= fence:
            return
        unknown = self._unknown.get(variant) if self._unknown else None
        if unknown is not None and unknown.windows.true_at > windows.true_at:
            return
        if unknown is not None:
            del self._unknown[variant]
        entry = self._entry_of(reading, windows)
        known = entries.get(variant)
        if known is not None:
            if not self._may_replace(variant, known, entry):
                return
            del entries[variant]  # it is put in again as the youngest
            self._regressions.forget(variant)
        if self._event_entries:
            self._event_entries.pop(variant, None)
        entries[variant] = entry
        if len(entries) > self.options.max_entries:
            entries.popitem(last=False)

    def store_unknown(
        self, variant: ProductVariantId, answer: UnknownVariant, windows: CacheWindows
    ) -> None:
        """Store that the service has no record of `variant`, unless a rule forbids it.

        What is known of it stays as the fallback for a service that does not answer.
        """
        # What is held back is from later than what is kept.
        known = self._regressions.get(variant) or self.get(variant)
        earlier = self._unknown.get(variant)
        at = windows.true_at
        if at <= self.fence_of(variant) or (
            earlier is not None and windows.asked_at < earlier.windows.asked_at
        ):
            return
        if known is not None and at < known.windows.true_at:
            self._keep(known, windows)
            return
        self._expire(variant)
        end = windows.asked_at + self.options.negative_ttl
        until = msgspec.structs.replace(
            windows, fresh_until=end, revalidate_until=end, stale_until=end
        )
        self._put(self._unknown, variant, KeptUnknown(until, answer))

    def apply_event(
        self, event: InventoryEvent, *, as_of: datetime, happened_at: float, moment: Moment
    ) -> bool:
        """Follow `event`, received at `moment`; False if it is old.

        It is old if a later event of its variant was received, or if the service updated the
        stored level at the time of the event or later: the service stamps both, so they compare.
        A new event is a fence. OUT_OF_STOCK implies the quantity 0 and is stored as a reading,
        unless the stored one is younger. The other two carry no quantity, so that the next read
        asks the service.

        Args:
            event: the received event.
            as_of: when it happened, or now, if the service's clock is ahead.
            happened_at: the same moment on the monotonic scale.
            moment: when it was received.
        """
        variant = event.variant_id
        last, read = self._last_events.get(variant), self._entries.get(variant)
        if last is not None and event.rank <= last:
            return False
        self._put(self._last_events, variant, event.rank)
        if read is not None and read.updated_by(event.occurred_at):
            return False
        younger = read is not None and read.windows.true_at > happened_at
        self.fence(variant, moment.monotonic)
        self._event_entries.pop(variant, None)
        if event.status is StockStatus.OUT_OF_STOCK and not younger:
            level = StockLevel(variant, 0, event.status, event.occurred_at)
            reading = StockReading(level, as_of, EVENT)
            windows = self._new_windows(happened_at, happened_at, moment)
            self._put(self._event_entries, variant, self._entry_of(reading, windows))
            self.get = self._get_of_both
        return True

    def fence(self, variant: ProductVariantId, now: float) -> None:
        """Stop storing reads of `variant` that began before `now`, and expire its entries.

        An "unknown" is deleted. A reading stays for the case that the service does not answer, but
        the next read asks the service first.
        """
        if (evicted := self._put(self._fences, variant, now)) is not None:
            self._fence_for_all = evicted
        self._expire(variant)

    def fence_all(self, now: float) -> None:
        """As `fence`, for every variant there is."""
        self._fences.clear()
        self._fence_for_all = now
        self._unknown.clear()
        self._regressions.forget_all()
        for entries in (self._entries, self._event_entries):
            for entry in entries.values():
                entry.windows = entry.windows.expired()

    def fault_until(self, asked_at: float) -> float:
        """The end of `negative_ttl` of a failure of a read that began at `asked_at`.

        It is jittered as the `ttl` of what the same read brought, so that with the defaults both
        end together, and one request asks for both.
        """
        return asked_at + (1 - self._jitter_of(asked_at)) * self.options.negative_ttl

    def _get_of_both(self, variant: str) -> KeptReading | None:
        entry = self._event_entries.get(variant)
        return self._entries.get(variant) if entry is None else entry

    def _expire(self, variant: str) -> None:
        """Delete an "unknown"; leave a reading as the fallback for a service that fails."""
        self._unknown.pop(variant, None)
        self._regressions.forget(variant)
        for entries in (self._entries, self._event_entries):
            if (entry := entries.get(variant)) is not None:
                entry.windows = entry.windows.expired()

    def _may_replace(self, variant: str, known: KeptReading, new: KeptReading) -> bool:
        """Whether `new` is the better entry of `variant`. If not, it may be held back."""
        if known.windows.ended_before(new.windows):
            return True
        updated, before = new.updated_by_as_of, known.updated_by_as_of
        is_later = new.windows.true_at >= known.windows.true_at
        # What brings nothing newer, and the first regression, leave `known` fresh.
        renews = not is_later or self._regressions.get(variant) is None
        if updated is None or before is None or updated == before:
            is_better = is_later
        else:
            is_better = updated > before or (
                is_later and not self._regressions.hold_back(variant, new)
            )
        if renews and not is_better:
            self._keep(known, new.windows)
        return is_better

    @staticmethod
    def _keep(known: KeptReading, windows: CacheWindows) -> None:
        """Leave `known` fresh for as long as the answer with `windows`, which is no better.

        Else each view would ask again. What a fence has expired stays so.
        """
        if -inf < known.windows.fresh_until < windows.fresh_until:
            known.windows = known.windows.fresh_as(windows)

    @staticmethod
    def _entry_of(reading: StockReading, windows: CacheWindows) -> KeptReading:
        if reading.freshness is Freshness.STALE:
            # What the cache below returns as STALE is not current, however young: it may be older
            # than an event that this process did not receive.
            windows = msgspec.structs.replace(windows, fresh_until=-inf)
        level = reading.level
        return KeptReading(
            windows,
            level.available_quantity,
            level.status,
            level.updated_at,
            reading.as_of,
            reading.source,
            level.reported_status,
        )

    def _windows_of(
        self, as_of: datetime | None, upstream_age: float, asked_at: float, moment: Moment
    ) -> CacheWindows:
        """One object for all answers of a request, so that they end together.

        Args:
            as_of: of the answer; None if its request was sent by the read itself.
            upstream_age: of the answer.
            asked_at: when the read began.
            moment: now.
        """
        if as_of is not None:
            age = moment.wall - as_of.timestamp() - upstream_age
            asked_at = min(asked_at, moment.monotonic - age)
        windows = self._last_windows
        true_at = asked_at - upstream_age
        if windows.asked_at != asked_at or windows.true_at != true_at:
            windows = self._last_windows = self._new_windows(asked_at, true_at, moment)
        return windows

    def _new_windows(self, asked_at: float, true_at: float, moment: Moment) -> CacheWindows:
        options = self.options
        return CacheWindows(
            asked_at,
            true_at,
            asked_at + (1 - self._jitter_of(asked_at)) * options.ttl,
            asked_at + options.revalidate_age,
            true_at + options.discard_age,
            moment.wall - moment.monotonic,
            moment.boottime - moment.monotonic,
        )

    def _jitter_of(self, asked_at: float) -> float:
        """The share by which the `ttl` of a read ends early: one for all that it brought."""
        began, share = self._last_jitter
        if began != asked_at:
            share = self.uniform(0.0, self.options.jitter)
            self._last_jitter = (asked_at, share)
        return share

    def _put(self, values: OrderedDict[str, T], key: str, value: T) -> T | None:
        """Put `value` in as the youngest; beyond `max_entries` evict the oldest and return it."""
        values[key] = value
        values.move_to_end(key)
        return values.popitem(last=False)[1] if len(values) > self.options.max_entries else None
