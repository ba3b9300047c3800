"""What was true, what each answer that reached the cache claimed, and when the cache learned more.

Moments are seconds of true time.
"""

from datetime import datetime
from enum import Enum, auto
from itertools import count
from math import inf

import attrs

from shelfport import ProductVariantId, StockLevel, StockReading, StockStatus
from shelfport.errors import ContractViolation, FaultScope
from shelfport.ports import Answer, UnknownVariant, Unreadable
from tests.properties.cache_host import OPTIONS, TICK, VARIANTS, Host

Key = tuple[ProductVariantId, ...]
"""The variants of one request."""


class Kind(Enum):
    """What a claim says of its variant."""

    READING = auto()
    ABSENCE = auto()
    FAULT = auto()


@attrs.frozen
class Fact:
    """What was true of one variant from `since` on."""

    since: float
    quantity: int | None
    """None for "no record"."""
    updated: datetime
    """By the service's clock."""


@attrs.define(eq=False)
class Claim:
    """What one answer said of one variant."""

    variant: ProductVariantId
    kind: Kind
    fact: Fact
    """What was true, whatever was said."""
    asked: Key
    source: str
    """Which answer: its readings have the same source."""
    sent: float
    sent_monotonic: float
    """The same on the host's monotonic scale."""
    age: float
    """For how many seconds a cache on the way had kept the answer when it was asked."""
    as_of: datetime
    """By the host's wall clock."""
    received: float
    unnoticed: float
    """Of the time under way, the seconds that no clock shows that the cache goes by."""
    steps: list[float]
    """By how many seconds the wall clock was set while the answer was under way."""
    order: int
    """Counts answers, events and views in the order in which they came."""
    certain: bool = True
    """Whether the cache takes notice of it on receipt: nothing that it knows forbids that."""
    is_regression: bool = False
    """Whether an earlier claim told of a newer level: the cache may hold it back."""
    contradicts: "Claim | None" = None
    """Of an absence in an answer about several: a reading that the cache has kept for certain."""

    @property
    def true_at(self) -> float:
        """Its fact was true then or, without a lagging replica, later."""
        return self.sent - self.age

    @property
    def is_true(self) -> bool:
        """Whether an absence is one."""
        return self.fact.quantity is None

    @property
    def updated(self) -> datetime:
        """By the service's clock, but no later than `as_of`."""
        return min(self.fact.updated, self.as_of)

    def answer(self) -> Answer:
        """The answer as the adapter gives it."""
        if self.kind is Kind.FAULT:
            return Unreadable(
                ContractViolation("nonsense", ids=(self.variant,), scope=FaultScope.ELEMENT)
            )
        if self.kind is Kind.ABSENCE:
            as_of = self.as_of if self.age else None
            confirmed = len(self.asked) == 1
            return UnknownVariant(self.variant, as_of, self.age, confirmed=confirmed)
        assert self.fact.quantity is not None
        level = StockLevel(
            self.variant, self.fact.quantity, StockStatus.IN_STOCK, self.fact.updated
        )
        return StockReading(level, self.as_of, self.source, upstream_age=self.age)


@attrs.define(eq=False)
class Log:
    """The claims in the order of their receipt, and the fences."""

    host: Host
    order: "count[int]" = attrs.field(factory=count)
    claims: dict[ProductVariantId, list[Claim]] = attrs.field(
        factory=lambda: {variant: [] for variant in VARIANTS}
    )
    fences: dict[ProductVariantId, list[tuple[float, bool]]] = attrs.field(
        factory=lambda: {variant: [] for variant in VARIANTS}
    )
    """When the cache learned of a change; whether that is certain, as an event may count as old."""

    def received(self, claim: Claim) -> None:
        """Keep `claim`; say whether the cache takes notice, and what it contradicts."""
        unconfirmed = claim.kind is Kind.ABSENCE and len(claim.asked) > 1
        if unconfirmed:
            claim.contradicts = self._known(claim)
        undisturbed = not claim.steps and not self.host.suspended_since(claim.sent)
        claim.certain = undisturbed and not self._is_late(claim)
        earlier = self.claims[claim.variant]
        claim.is_regression = any(c.updated > claim.updated for c in earlier)
        earlier.append(claim)

    def fence(self, variant: ProductVariantId, *, certain: bool = True) -> None:
        """From now on, `variant` is shown as current only from answers of later requests."""
        self.fences[variant].append((self.host.true(), certain))

    def last_fence(
        self, variant: ProductVariantId, before: float, *, perhaps: bool = False
    ) -> float:
        """When the cache last learned of a change of `variant`, for certain or perhaps."""
        fences = self.fences[variant]
        of_it = (at for at, certain in fences if at < before and (certain or perhaps))
        return max(of_it, default=-2000.0)

    def _is_late(self, claim: Claim) -> bool:
        """Whether it may be from before a fence, or from before an absence."""
        true_at = claim.true_at - TICK
        if claim.age:
            # It is dated on the monotonic scale, as if no suspension had been since.
            true_at -= self.host.suspended_since(-1.0)
        absences = (c.true_at for c in self.claims[claim.variant] if c.kind is Kind.ABSENCE)
        fence = self.last_fence(claim.variant, inf, perhaps=True)
        return true_at <= max((fence, *absences))

    def _known(self, absence: Claim) -> Claim | None:
        known = None
        for claim in self.claims[absence.variant]:
            if claim.kind is Kind.READING and claim.certain and not claim.is_regression:
                known = claim
            elif claim.kind is Kind.ABSENCE and (claim.is_true or claim.contradicts is None):
                known = None
        if known is None or absence.received - known.true_at >= OPTIONS.discard_age - TICK:
            return None
        return known
