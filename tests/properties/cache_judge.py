"""The judge of the modelled cache: every view is judged by the history alone.

It knows which answer a reading is from, when that was sent by true time, and what else the cache
had received by then. It has no windows and no entries.
"""

from datetime import datetime
from math import inf

import attrs

from shelfport import Freshness, InventoryError, ProductVariantId, StockReading
from shelfport.errors import FaultScope
from shelfport.ports import Answer, UnknownVariant, Unreadable
from tests.properties.cache_claims import Claim, Key, Kind, Log
from tests.properties.cache_host import OPTIONS, SHORTEST_TTL, TICK, Host
from tests.support.ports import Answers

STEP = 1.0
"""Seconds that a shown age may lack after the wall clock was set back."""
EVENT = "event"


@attrs.define(eq=False)
class View:
    """A read that a caller made. Moments are of true time."""

    asked: list[ProductVariantId]
    limit: float | None
    """The caller's `max_staleness`."""
    began: float
    monotonic: float
    """The host's monotonic clock then."""
    wall: datetime
    """The host's wall clock then."""
    order: int
    """See `Claim.order`."""
    answers: Answers | InventoryError | None = None
    """None until it has ended."""


@attrs.define(eq=False)
class Judge:
    """What must hold of a view that has ended."""

    host: Host
    log: Log

    def judge(self, view: View) -> None:
        if isinstance(view.answers, InventoryError):
            for variant in view.asked:
                self._judge_nothing_shown(view, variant)
                if variant in view.answers.ids:
                    self._judge_fault(view, variant, view.answers)
            return
        assert view.answers is not None
        assert list(dict.fromkeys(view.asked)) == list(view.answers)
        for variant, answer in view.answers.items():
            if _refused(answer, view.limit):
                self._judge_nothing_shown(view, variant)
            elif isinstance(answer, Unreadable):
                self._judge_nothing_shown(view, variant)
                self._judge_fault(view, variant, answer.error)
            elif isinstance(answer, UnknownVariant):
                self._judge_unknown(view, variant)
            else:
                self._judge_reading(view, variant, answer)

    def judge_requests(self, view: View, requests: list[Key]) -> None:
        """A view asks for no variant whose last answer is younger than its `ttl`, however old."""
        for variant in dict.fromkeys(view.asked):
            of_it = self._before(view, variant)
            if view.limit is not None or not of_it or not (last := of_it[-1]).certain:
                continue
            first = last
            for earlier in reversed(of_it):
                if not earlier.is_regression:
                    break
                first = earlier  # after a `ttl` of them, the service is asked if it is still so
            age = view.began - first.sent
            window = SHORTEST_TTL if last.kind is Kind.READING else OPTIONS.negative_ttl * 0.8
            if (
                last.kind is Kind.FAULT
                or self._set_forward_since(first.sent)
                or last.true_at <= self.log.last_fence(variant, view.began, perhaps=True)
                or age >= window - TICK
            ):
                continue
            assert not any(variant in asked for asked in requests), "asked for again at once"

    # Readings.

    def _judge_reading(self, view: View, variant: ProductVariantId, reading: StockReading) -> None:
        claim, level = self._claim_of(variant, reading), reading.level
        assert level.variant_id == variant
        assert (claim.fact.quantity, claim.fact.updated) == (
            level.available_quantity,
            level.updated_at,
        )
        self._judge_shown_age(view, claim, reading)
        age, known = view.began - claim.true_at, self._known_age(view, claim)
        freshness = reading.freshness
        if freshness is Freshness.LIVE:
            assert claim.order > view.order, "called live, but from before the call"
        else:
            assert view.limit is None or known < max(view.limit, TICK), "older than accepted"
        if freshness is Freshness.STALE:
            assert age - claim.unnoticed < OPTIONS.discard_age + TICK, "too old for an outage"
        else:
            aged = freshness is Freshness.LIVE and claim.age > 0  # it says so itself
            fence = self.log.last_fence(variant, view.began)
            assert aged or claim.true_at > fence - TICK, (
                "from before a change, and not called stale"
            )
        if freshness is Freshness.CACHED:
            fresh = known - claim.age < OPTIONS.ttl + TICK
            assert fresh or self._was_asked_again(view, claim), "past its ttl, and called cached"
        if claim.source != EVENT:
            self._judge_order(view, claim)
            if freshness is not Freshness.LIVE:
                self._judge_belief(view, claim)

    def _judge_shown_age(self, view: View, claim: Claim, reading: StockReading) -> None:
        """A page that subtracts `as_of` from the wall clock shows no reading as too young."""
        host = self.host
        if host.steps_since(view.began) or host.suspended_since(view.began):
            return  # the page went by another clock than the view began with
        shown = (view.wall - reading.as_of).total_seconds()
        true = view.began - claim.true_at
        steps = host.steps_since(claim.sent)
        slack = TICK + host.unnoticed_since(claim.received) + max(0.0, -sum(claim.steps))
        if steps:
            slack += STEP
        assert shown > true - slack, "shown as younger than it is"
        if not steps and claim.source != EVENT:
            assert shown < true + TICK, "shown as older than it is"

    def _judge_order(self, view: View, shown: Claim) -> None:
        """No older level takes the place of a newer one, until it persists for one `ttl`.

        A level from before the last change that the cache learned of has no such place: what was
        read after it is as good.
        """
        of_it = self._before(view, shown.variant)
        fence = self.log.last_fence(shown.variant, inf, perhaps=True)
        for newer in of_it:
            if (
                newer.kind is Kind.READING
                and newer.certain
                and not newer.is_regression
                and newer.true_at > fence
                and self._wins(newer, shown)
                and self._acceptable(view, newer)
                and not any(c.kind is Kind.ABSENCE and c.order > newer.order for c in of_it)
                and not self._persists(view, newer, shown)
            ):
                raise AssertionError(f"an older level, {shown}, took the place of {newer}")

    def _judge_belief(self, view: View, shown: Claim) -> None:
        """A level that the service has not told for one `ttl` is not kept any longer."""
        later = [c for c in self._before(view, shown.variant) if c.order > shown.order]
        for number, last in enumerate(later):
            for first in later[:number]:
                between = [c for c in later if first.order <= c.order <= last.order]
                if (
                    all(c.kind is Kind.READING and c.certain and not c.age for c in between)
                    and all(c.updated < shown.updated for c in between)
                    and first.true_at > shown.true_at + TICK
                    and last.sent_monotonic - first.sent_monotonic > OPTIONS.ttl + TICK
                    and self.log.last_fence(shown.variant, last.received, perhaps=True)
                    <= first.sent
                ):
                    raise AssertionError("a level is kept that the service does not tell any more")

    # Absence and faults.

    def _judge_unknown(self, view: View, variant: ProductVariantId) -> None:
        claims = [c for c in self.log.claims[variant] if c.kind is Kind.ABSENCE]
        assert any(self._may_be_shown(view, c) for c in claims), "unknown, but it has a record"

    def _may_be_shown(self, view: View, absence: Claim) -> bool:
        fence = self.log.last_fence(absence.variant, view.began)
        if absence.order < view.order:
            known = self._known_age(view, absence)
            # Its answer carries no `as_of`, so that a suspension while under way is not seen.
            known -= self.host.suspended_since(absence.sent, absence.received)
            if known - absence.age >= OPTIONS.negative_ttl + TICK:
                return False
            if view.limit is not None and known >= max(view.limit, TICK):
                return False
            if absence.true_at <= fence - TICK:
                return False
        elif absence.sent <= fence - TICK:
            return False
        newer = any(
            c.kind is Kind.READING
            and c.certain
            and not c.is_regression
            and self._comparable(c, absence)
            and c.true_at > absence.true_at + TICK
            and self._acceptable(view, c)
            for c in self._before(view, absence.variant)
        )
        if newer:
            return False
        return absence.is_true or absence.contradicts is None or self._repeats_another(absence)

    def _repeats_another(self, absence: Claim) -> bool:
        """Whether another absence of the same answer was confirmed."""
        return any(
            c.kind is Kind.ABSENCE
            and c.asked == (other,)
            and c.sent >= absence.received - TICK
            and c.true_at > absence.received - TICK
            for other in absence.asked
            for c in self.log.claims[other]
        )

    def _judge_fault(self, view: View, variant: ProductVariantId, error: InventoryError) -> None:
        """A fault is shown of its own variant, while it lasts, and shortly afterwards."""
        if error.scope is not FaultScope.ELEMENT:
            return
        longest = OPTIONS.negative_ttl
        if view.limit is not None:
            longest = min(longest, view.limit)
        fence = self.log.last_fence(variant, view.began)
        assert variant in error.ids
        # A pause goes by the monotonic clock: it may be too long, which costs no truth.
        assert any(
            c.kind is not Kind.READING
            and c.sent > fence - TICK
            and (c.order > view.order or view.monotonic - c.sent_monotonic < longest + TICK)
            for c in self.log.claims[variant]
        ), "it is mended"

    def _judge_nothing_shown(self, view: View, variant: ProductVariantId) -> None:
        """What is known is shown if the service fails, whatever absences came in between."""
        of_it = [c for c in self._before(view, variant) if c.source != EVENT]
        readings = [c for c in of_it if c.kind is Kind.READING]
        fence = self.log.last_fence(variant, view.began, perhaps=True)
        forgotten = max((c.received for c in of_it if c.kind is Kind.ABSENCE), default=fence)
        for number, claim in enumerate(readings):
            # One that was held back is forgotten when the cache learns more.
            kept = not claim.is_regression or claim.received > max(forgotten, fence)
            if claim.certain and kept and all(self._acceptable(view, c) for c in readings[number:]):
                raise AssertionError(f"nothing shown, but this is known: {claim}")

    # What both need.

    def _claim_of(self, variant: ProductVariantId, reading: StockReading) -> Claim:
        [claim] = [
            claim
            for claim in self.log.claims[variant]
            if claim.source == reading.source
            and (claim.source != EVENT or claim.fact.updated == reading.level.updated_at)
        ]
        return claim

    def _before(self, view: View, variant: ProductVariantId) -> list[Claim]:
        return [c for c in self.log.claims[variant] if c.order < view.order]

    def _known_age(self, view: View, claim: Claim) -> float:
        """The age by the clocks that the cache goes by, at least."""
        then = self.host.unnoticed_since(claim.sent, view.began)
        return view.began - claim.true_at - max(then, self.host.unnoticed_since(claim.sent))

    def _acceptable(self, view: View, claim: Claim) -> bool:
        """Whether the caller accepts it for certain, if the service fails."""
        age = view.began - claim.true_at + TICK
        if view.limit is not None and (age >= view.limit or self._set_forward_since(claim.sent)):
            return False
        return age < OPTIONS.discard_age

    def _set_forward_since(self, moment: float) -> bool:
        return any(by > 0 for by in self.host.steps_since(moment))

    def _comparable(self, one: Claim, other: Claim) -> bool:
        """Not if one was kept on the way, and the host's clocks went apart in between."""
        since = min(one.true_at, other.true_at)
        apart = self.host.suspended_since(since) or self._set_forward_since(since)
        return not (apart and (one.age or other.age))

    def _wins(self, one: Claim, other: Claim) -> bool:
        if one.updated != other.updated:
            return one.updated > other.updated
        return self._comparable(one, other) and one.true_at > other.true_at + TICK

    def _persists(self, view: View, newer: Claim, shown: Claim) -> bool:
        """Whether levels older than `newer` have been told for one `ttl`."""
        return any(
            first.kind is Kind.READING
            and newer.order < first.order <= shown.order
            and first.updated < newer.updated
            and self._longest_since(first.sent, view) > SHORTEST_TTL - TICK
            for first in self.log.claims[newer.variant]
        )

    def _longest_since(self, moment: float, view: View) -> float:
        """The time by the clock of the host that says more."""
        set_forward = sum(by for by in self.host.steps_since(moment) if by > 0)
        return view.began - moment + set_forward

    def _was_asked_again(self, view: View, shown: Claim) -> bool:
        """Whether a later answer within its `ttl` told of nothing newer.

        What the clocks do not show since the shown one was stored, they do not show of its `ttl`.
        """
        unnoticed = self.host.unnoticed_since(shown.sent)
        return any(
            c.order > shown.order
            and view.began - c.sent - unnoticed < OPTIONS.ttl + TICK
            and (
                (c.kind is Kind.READING and not self._wins(c, shown))
                or (c.kind is Kind.ABSENCE and c.true_at < shown.true_at + TICK)
            )
            for c in self.log.claims[shown.variant]
        )


def _refused(answer: Answer, limit: float | None) -> bool:
    """Whether `StockLookup` calls it too old for its caller."""
    if limit is None or isinstance(answer, Unreadable):
        return False
    return answer.upstream_age > limit
