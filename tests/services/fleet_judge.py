"""Judges what a fleet shows, and what Redis holds, by what was true."""

from math import inf
from struct import unpack_from
from typing import Any

import attrs

from shelfport import Freshness, InventoryError, ProductVariantId, StockReading
from shelfport.errors import FaultScope
from shelfport.ports import Answer, UnknownVariant, Unreadable
from tests.services.fleet_world import OPTIONS, VARIANTS, WINDOWS, Replica, Service, World
from tests.services.virtual_redis import VirtualRedis
from tests.support.clocks import EPOCH
from tests.support.ports import Answers

TICK = 1e-3
EARLIER = OPTIONS.timeout
"""How much earlier than it was a reading may be dated: a lookup takes no `as_of` that is later than
its own beginning, and finds what was stored while it travelled."""
SETTLED = 7.0
"""Seconds after which nothing depends on an outage of Redis any more: what a replica remembers of
it has ended, and so have its reads."""
LOOKED_UP = 1.5
"""Seconds from a replica's last lookup to the request that it makes, at most."""


REMEMBERED = 60.0
"""Seconds for which Redis remembers an event at least."""


@attrs.define(eq=False)
class View:
    """A read that a caller made, and what is needed to judge it."""

    replica: Replica
    began: float
    limit: float | None
    asked: list[ProductVariantId]
    undisturbed: bool = True
    """Whether no caller with a limit may share its read: a shared read goes by the strictest, and
    has no fallback that is too old for that one."""


@attrs.frozen
class Held:
    """A variant's hash in Redis; moments are seconds after `EPOCH`."""

    current: bool
    payload: bytes | None
    """Of the reading."""
    updated: int | None
    as_of: float
    """By the clock of the host that stored it."""
    true_as_of: float
    """By the server's clock."""
    asked: float
    """As `as_of`."""
    absent_at: float
    """The true date of a valid "unknown"; -inf if there is none."""

    @classmethod
    def of(cls, fields: dict[bytes, bytes]) -> "Held":
        def moment(text: bytes | float) -> float:
            return float(text) / 1e6 - EPOCH.timestamp()

        absent_at = -inf
        if b"n" in fields:
            _, true_as_of, _, _, length = unpack_from("<ddddB", fields[b"n"])
            if fields[b"n"][33 : 33 + length] == fields.get(b"g"):
                absent_at = moment(true_as_of)
        if b"v" not in fields:
            return cls(False, None, None, -inf, -inf, -inf, absent_at)
        as_of = moment(fields[b"a"])
        return cls(
            fields[b"k"] == fields[b"g"],
            fields[b"v"],
            int(fields[b"u"]) if fields[b"u"] else None,
            as_of,
            moment(fields[b"s"]),
            max(as_of, moment(fields.get(b"w", fields[b"a"]))),
            absent_at,
        )


NOTHING = Held.of({})


@attrs.define(eq=False)
class Judge:
    """Watches Redis after every script, and judges each answer that a caller got."""

    world: World
    service: Service
    redis: VirtualRedis
    known_to_redis: dict[ProductVariantId, float] = attrs.field(
        factory=lambda: dict.fromkeys(VARIANTS, -inf)
    )
    """When the last event happened of which Redis has heard."""
    wrongs: list[str] = attrs.field(factory=list)
    off: float = 0.0
    """By how much a host's clock has ever been wrong."""
    troubled_at: float = -inf
    """When Redis was slow, away or empty for the last time."""
    forgot_at: float = -inf
    """When Redis was started again for the last time."""
    cut_at: float = -inf
    """When replicas were disconnected from the channel for the last time."""
    held: dict[ProductVariantId, Held] = attrs.field(
        factory=lambda: dict.fromkeys(VARIANTS, NOTHING)
    )
    held_since: dict[ProductVariantId, float] = attrs.field(factory=dict)
    """Since when Redis has had a reading without a break."""

    def redis_forgot(self) -> None:
        self.held = dict.fromkeys(VARIANTS, NOTHING)
        self.held_since = {}
        self.cut_at = self.forgot_at = self.world.now()

    @property
    def slack(self) -> float:
        """How far two hosts' clocks may be apart."""
        return 2 * self.off

    # Redis.

    def look_into_redis(self) -> None:
        """Record what Redis must not hold."""
        for variant in VARIANTS:
            fields: Any = self.redis.redis.hgetall(f"{{{self.redis.prefix}}}:2:{variant}")
            before, held = self.held[variant], Held.of(fields)
            self.held[variant] = held
            if before.payload is not None and not self._has_ended(before):
                if held.payload is None:
                    self.wrongs.append(f"{before} is gone")
                elif held.payload != before.payload and self._is_older(variant, held, before):
                    self.wrongs.append(f"{held} took the place of {before}")
            event = self.known_to_redis[variant]
            remembered = held.asked == held.as_of or (
                self.forgot_at < event and self.world.now() < event + REMEMBERED
            )
            if held.current and remembered and held.as_of <= event - TICK - self.slack:
                self.wrongs.append(f"{held} is current, from before {event}")
            if held.absent_at > before.absent_at and self._is_false(variant, held, before):
                self.wrongs.append(f"{held} is absent, and was known: {before}")
            if held.payload is None:
                self.held_since.pop(variant, None)
            else:
                self.held_since.setdefault(variant, self.world.now())

    def _has_ended(self, held: Held) -> bool:
        now, since_asked = self.world.now() + EARLIER, held.true_as_of + held.asked - held.as_of
        return (
            now + self.slack >= held.true_as_of + WINDOWS.discard_age
            and now + self.slack >= since_asked + WINDOWS.ttl
        )

    def _is_older(self, variant: ProductVariantId, held: Held, before: Held) -> bool:
        """Whether it must not replace what was there before: by the rule of order."""
        if held.updated is None or before.updated is None or held.updated == before.updated:
            return held.as_of < before.as_of - self.slack
        if held.updated > before.updated:
            return False
        # A regression: it needs a request for an older level, a `ttl` earlier.
        latest = held.asked - WINDOWS.ttl + TICK + self.slack
        fact = before.updated / 1e6 - EPOCH.timestamp()
        return not any(
            before.as_of - self.slack - EARLIER < told.as_of <= latest
            and told.fact.since < fact - 1e-6
            for told in self.service.told[variant]
        )

    def _is_false(self, variant: ProductVariantId, held: Held, before: Held) -> bool:
        """Whether it is an absence that was not confirmed, and what was known contradicts it."""
        at = held.absent_at
        known_since = self.held_since.get(variant, inf)
        return (
            not self.service.lagged
            and not self._something_was_absent(at - LOOKED_UP)
            and before.payload is not None
            and not self._has_ended(before)
            and before.absent_at < before.true_as_of
            and known_since < at - LOOKED_UP - self.slack
        )

    # What callers see.

    def judge(self, view: View, answers: Answers | InventoryError) -> None:
        """Fail if an answer is wrong."""
        if isinstance(answers, InventoryError):
            for variant in view.asked:
                self._judge_failure(view, variant, answers)
            return
        assert list(dict.fromkeys(view.asked)) == list(answers)
        for variant, answer in answers.items():
            self._judge_answer(view, variant, answer)

    def _judge_answer(self, view: View, variant: ProductVariantId, answer: Answer) -> None:
        if isinstance(answer, StockReading):
            self._judge_reading(view, variant, answer)
        elif isinstance(answer, Unreadable):
            self._judge_failure(view, variant, answer.error)
        else:
            self._judge_absence(view, variant, answer)

    def _is_settled(self, view: View, variant: ProductVariantId) -> bool:
        """Whether every replica that looked could know the variant's reading for long enough."""
        began, held = view.began - SETTLED, self.held[variant]
        return (
            self.troubled_at < began
            and self.held_since.get(variant, inf) < began
            and self.world.now() < held.true_as_of + WINDOWS.discard_age - SETTLED
        )

    def _judge_failure(self, view: View, variant: ProductVariantId, error: InventoryError) -> None:
        if error.scope is FaultScope.ELEMENT:
            return  # memory remembers it, and does not ask Redis for what it has not itself
        # After a fence, memory asks for nothing from before it, in an outage either; nor for
        # another variant of the same read.
        fence = max(*view.replica.fences.values(), self.cut_at + SETTLED) + self.slack
        kept = (
            view.limit is None
            and view.undisturbed
            and self._is_settled(view, variant)
            and self.held[variant].true_as_of > fence
        )
        assert not kept, "nothing was shown in an outage, though Redis has a reading"

    def _judge_absence(self, view: View, variant: ProductVariantId, answer: UnknownVariant) -> None:
        asked = view.began
        if answer.as_of is not None:
            as_of = answer.as_of.timestamp() - EPOCH.timestamp()
            asked = min(asked, as_of)
            fence = view.replica.fences[variant] - TICK - self.slack
            assert fence >= view.began or as_of + answer.upstream_age > fence, (
                "an absence from before an event"
            )
        begin = asked - SETTLED - self.slack - answer.upstream_age
        doubtful = not self.service.lagged and self._is_settled(view, variant)
        assert self._something_was_absent(begin) or not doubtful, "a false absence was believed"

    def _something_was_absent(self, begin: float) -> bool:
        """Whether a variant had no record since then: one that has none vouches for the others."""
        now = self.world.now()
        return any(None in self.world.between(variant, begin, now) for variant in VARIANTS)

    def _judge_reading(self, view: View, variant: ProductVariantId, reading: StockReading) -> None:
        assert variant == reading.level.variant_id
        as_of = reading.as_of.timestamp() - EPOCH.timestamp()
        self._judge_quantity(variant, as_of, reading.level.available_quantity)
        age = view.began - as_of - self.slack
        since_asked = age - reading.upstream_age
        live = reading.freshness is Freshness.LIVE
        assert age < WINDOWS.discard_age + TICK or since_asked < WINDOWS.ttl + TICK
        if view.limit is not None:
            counted = since_asked if live else age
            assert counted < max(view.limit, TICK), "older than the caller accepts"
        if reading.freshness is Freshness.STALE:
            return
        if not live and not self.service.aged:
            # While an older level is held back, the known one counts for another `ttl`; and also
            # after each answer of a cache on the way that is older than the known one.
            assert since_asked < WINDOWS.ttl * (1 + self.service.lagged) + TICK
        fence, asked = view.replica.fences[variant], as_of + reading.upstream_age
        assert fence >= view.began or asked > fence - TICK - self.slack, (
            "from before an event, and not stale"
        )
        ended, newest = view.replica.best.get(variant, (-inf, -inf))
        if view.began > ended and not self.service.lagged:
            assert asked >= newest - TICK - EARLIER - self.slack, (
                "an older reading took the place of a newer one"
            )
        if asked >= newest:
            view.replica.best[variant] = (self.world.now(), asked)

    def _judge_quantity(self, variant: ProductVariantId, as_of: float, quantity: int) -> None:
        begin, end = as_of - self.off + TICK / 10, as_of + self.off + EARLIER
        true = self.world.between(variant, begin, end)
        if self.service.lagged:
            true |= {
                told.fact.quantity
                for told in self.service.told[variant]
                if begin - TICK <= told.as_of <= end
            }
        assert quantity in true, "not what held at its `as_of`"
