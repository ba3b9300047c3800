"""The service of the modelled cache, a cache on the way to it, and the adapter between."""

import asyncio
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import count
from math import floor

import attrs

from shelfport import ProductVariantId
from shelfport.domain.model import settled
from shelfport.errors import DeadlineExceeded, PathFailed, TimedOut
from shelfport.ports import Answer, Call
from tests.properties.cache_claims import Claim, Fact, Key, Kind, Log
from tests.properties.cache_host import OPTIONS, VARIANTS, Host
from tests.support.clocks import EPOCH
from tests.support.ports import Answers, Ids


class Way(Enum):
    """Whether there is a cache on the way to the service, and which."""

    DIRECT = auto()
    CONFORMING = auto()
    """It repeats no answer that is older than the request's `max-age`."""
    CARELESS = auto()
    """It repeats every answer."""


class Cut(Enum):
    """How an answer about several variants lacks some of them."""

    SILENT = auto()
    SIGNED = auto()
    """It says that there is more: the adapter calls the lacking variants unreadable."""
    FOREIGN = auto()
    """It is about other variants altogether."""


@attrs.frozen
class Copy:
    """An answer that a cache on the way keeps."""

    sent: float
    said: dict[ProductVariantId, tuple[Kind, Fact]]


@attrs.define(eq=False)
class Service:
    """What the cache asks. Times are seconds; moments are of true time."""

    host: Host
    log: Log
    clock_error: float = 0.0
    """What its clock is ahead of the true time."""
    delay: float = 0.0
    failing: bool = False
    lag: float = 0.0
    """How far the replica that answers lags behind."""
    lacking: frozenset[ProductVariantId] = frozenset()
    """What answers about several variants lack."""
    cut: Cut = Cut.SILENT
    nonsense: set[ProductVariantId] = attrs.field(factory=set)
    way: Way = Way.DIRECT
    facts: dict[ProductVariantId, list[Fact]] = attrs.field(
        factory=lambda: {variant: [Fact(-1000.0, 0, EPOCH)] for variant in VARIANTS}
    )
    requests: list[Key] = attrs.field(factory=list)
    copies: dict[Key, Copy] = attrs.field(factory=dict)
    _answers: "count[int]" = attrs.field(factory=count)

    def change(self, variant: ProductVariantId, quantity: int | None) -> datetime:
        """From now on, there are `quantity` units; when that is by the service's clock."""
        now = self.host.true()
        updated = EPOCH + timedelta(seconds=now + self.clock_error)
        self.facts[variant].append(Fact(now, quantity, updated))
        return updated

    async def answer(self, asked: Ids, call: Call) -> Answers:
        """What was true when the request was sent, as far as the way lets it through."""
        host, key = self.host, tuple(dict.fromkeys(asked))
        self.requests.append(key)
        sent, monotonic, by_wall = host.true(), host.monotonic(), host.now()
        copy = self._repeated(key, sent, call)
        if copy is None:
            failing = self.failing
            foreign = len(key) > 1 and bool(self.lacking) and self.cut is Cut.FOREIGN
            copy = Copy(sent, {variant: self._told(variant, key, sent) for variant in key})
            await self._work(call)
            if failing:
                raise TimedOut("down", ids=key)
            if foreign:
                raise PathFailed("about others", ids=key)
            self.copies[key] = copy
        return settled(self._received(key, copy, (sent, monotonic), by_wall))

    async def _work(self, call: Call) -> None:
        left = self.delay + 1 if call.deadline is None else call.deadline - self.host.monotonic()
        if self.delay:
            await asyncio.sleep(min(self.delay, left))
        if left < self.delay:
            raise DeadlineExceeded("too slow")

    def _repeated(self, key: Key, sent: float, call: Call) -> Copy | None:
        """The copy that the cache on the way answers with, if it does."""
        if self.way is Way.DIRECT or (copy := self.copies.get(key)) is None:
            return None
        longest = OPTIONS.ttl
        if call.max_staleness is not None:
            longest = min(longest, call.max_staleness)
        too_old = self.way is Way.CONFORMING and sent - copy.sent > floor(longest)
        return None if too_old else copy

    def _told(self, variant: ProductVariantId, key: Key, sent: float) -> tuple[Kind, Fact]:
        moment = sent - self.lag
        fact = next(fact for fact in reversed(self.facts[variant]) if fact.since <= moment)
        kind = Kind.READING if fact.quantity is not None else Kind.ABSENCE
        if variant in self.lacking and len(key) > 1:
            kind = Kind.ABSENCE if self.cut is Cut.SILENT else Kind.FAULT
        return Kind.FAULT if variant in self.nonsense else kind, fact

    def _received(
        self, key: Key, copy: Copy, sending: tuple[float, float], by_wall: datetime
    ) -> dict[ProductVariantId, Answer]:
        """The adapter's answers; what each claims is written down."""
        host, order, source = self.host, next(self.log.order), str(next(self._answers))
        sent, monotonic = sending
        age = sent - copy.sent
        as_of = by_wall - timedelta(seconds=age)  # one object, as the adapter makes it
        answers: dict[ProductVariantId, Answer] = {}
        confirmed = len(key) > 1 and Kind.ABSENCE in (kind for kind, _ in copy.said.values())
        confirms = any(
            c.received == sent and c.kind is Kind.ABSENCE for c in self.log.claims[key[0]]
        )
        for variant, (kind, fact) in copy.said.items():
            claim = Claim(
                variant,
                kind,
                fact,
                key,
                source,
                sent,
                monotonic,
                age,
                as_of,
                host.true(),
                host.unnoticed_since(sent),
                host.steps_since(sent),
                order,
            )
            self.log.received(claim)
            if confirmed or confirms:
                claim.certain = False  # both are stored later, and dated by the first
            answers[variant] = claim.answer()
        return answers
